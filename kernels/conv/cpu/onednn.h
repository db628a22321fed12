// What the files that use oneDNN share. Internal to kernels/; only for builds with oneDNN.
#pragma once
#include <oneapi/dnnl/dnnl.hpp>

#include "kernels/conv/conv.h"

namespace uptake::kernels::onednn {

using dnnl::memory;
using Desc = memory::desc;
using Tag = memory::format_tag;

inline const dnnl::engine& engine() {
  static const dnnl::engine e(dnnl::engine::kind::cpu, 0);
  return e;
}

/// Of the calling thread.
inline dnnl::stream& stream() {
  thread_local dnnl::stream s(engine());
  return s;
}

inline memory wrap(const Desc& desc, const float* p) { return {desc, engine(), const_cast<float*>(p)}; }

/// Filters in a layout: oneDNN counts their dimensions as [k,c,r,s] whatever it is.
inline Desc filters_desc(const FilterShape& f, Tag layout) {
  return {{f.k, f.c, f.r, f.s}, memory::data_type::f32, layout};
}

}  // namespace uptake::kernels::onednn
