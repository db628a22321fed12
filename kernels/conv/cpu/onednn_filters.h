// Filters in the layouts that oneDNN's primitives want. Internal to kernels/; only for builds with oneDNN.
#pragma once
#include <memory>

#include "kernels/conv/cpu/onednn.h"

namespace uptake::kernels::onednn {

/// The filters in this layout. A copy is kept as long as they have the same version, one for each layout; it is made by
/// the first thread that asks, and those that ask at the same time wait for it. Others may go on reading the copy of an
/// older version while they hold it.
std::shared_ptr<const float> packed(const ConvFilters<float>& filters, const FilterShape& shape,
                                    const Desc& layout);

/// From the layout to [k,r,s,c], assigned or added.
void unpack(float* krsc, Write write, const float* from, const FilterShape& shape, const Desc& layout);

/// Drops the copies of filters that lie in [begin, end).
void forget(const void* begin, const void* end);

}  // namespace uptake::kernels::onednn
