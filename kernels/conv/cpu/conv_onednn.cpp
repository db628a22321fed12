#ifdef UPTAKE_HAS_ONEDNN
#include "kernels/conv/cpu/conv_onednn.h"

#include <map>
#include <mutex>
#include <tuple>
#include <unordered_map>

#include "kernels/base/host.h"
#include "kernels/base/memory.h"
#include "kernels/conv/cpu/conv_epilogue.h"
#include "kernels/conv/cpu/onednn_filters.h"

namespace uptake::kernels::onednn {
namespace {

Desc image_desc(const Shape4& s) { return {{s.n, s.c, s.h, s.w}, memory::data_type::f32, Tag::nhwc}; }
Desc any_filters(const FilterShape& f) { return filters_desc(f, Tag::any); }
Desc bias_desc(const FilterShape& f) { return {{f.k}, memory::data_type::f32, Tag::x}; }

// The three primitives of one geometry, each created when first wanted.
using Forward = dnnl::convolution_forward;
using BackwardData = dnnl::convolution_backward_data;
using BackwardFilters = dnnl::convolution_backward_weights;
constexpr auto kAlgorithm = dnnl::algorithm::convolution_direct;

// Scratch memory comes from the caller of a primitive: the library's own belongs to the thread that created it, and
// primitives are shared by all.
const dnnl::primitive_attr& attributes() {
  static const dnnl::primitive_attr a = [] {
    dnnl::primitive_attr made;
    made.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    return made;
  }();
  return a;
}

// oneDNN 2 takes the parts of a description as an operation descriptor, oneDNN 3 as they are.
template <class Primitive, class... Parts>
typename Primitive::primitive_desc describe(const Parts&... parts) {
#if DNNL_VERSION_MAJOR >= 3
  return {engine(), parts..., attributes()};
#else
  return {typename Primitive::desc(parts...), attributes(), engine()};
#endif
}
template <class Primitive, class... Parts>
typename Primitive::primitive_desc describe_backward(const Forward::primitive_desc& hint,
                                                     const Parts&... parts) {
#if DNNL_VERSION_MAJOR >= 3
  return {engine(), parts..., hint, attributes()};
#else
  return {typename Primitive::desc(parts...), attributes(), engine(), hint};
#endif
}

Forward::primitive_desc forward_desc(const ConvGeometry& g, bool bias) {
  const FilterShape& f = g.filters;
  const memory::dims stride{f.stride, f.stride}, pad{f.pad, f.pad};
  const auto kind = dnnl::prop_kind::forward_training;
  const Desc x = image_desc(g.x), y = image_desc(g.y());
  if (bias) return describe<Forward>(kind, kAlgorithm, x, any_filters(f), bias_desc(f), y, stride, pad, pad);
  return describe<Forward>(kind, kAlgorithm, x, any_filters(f), y, stride, pad, pad);
}

template <class Backward>
typename Backward::primitive_desc backward_desc(const ConvGeometry& g) {
  const FilterShape& f = g.filters;
  const memory::dims stride{f.stride, f.stride}, pad{f.pad, f.pad};
  return describe_backward<Backward>(forward_desc(g, false), kAlgorithm, image_desc(g.x), any_filters(f),
                                     image_desc(g.y()), stride, pad, pad);
}

template <class Primitive>
struct Ready {
  Primitive primitive;
  Desc filters, scratchpad;

  void run(std::unordered_map<int, memory> arguments) const {
    const auto scratch = host_memory().allocate(scratchpad.get_size());
    arguments.emplace(DNNL_ARG_SCRATCHPAD, memory(scratchpad, engine(), scratch.get()));
    primitive.execute(stream(), arguments);
    stream().wait();
  }
};

// Primitives are bound to the number of threads they were created under, so it is a part of the key.
using Key = std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t,
                       std::int64_t, std::int64_t, std::int64_t, int, bool>;
Key key_of(const ConvGeometry& g, bool bias) {
  const FilterShape& f = g.filters;
  return {g.x.n, g.x.h, g.x.w, f.k, f.c, f.r, f.s, f.stride, f.pad, threads(), bias};
}

// Looks a primitive up by geometry, making it the first time. References stay valid: std::map never moves
// nodes.
template <class Primitive, class Make>
const Ready<Primitive>& cached(const Key& key, Make make) {
  static std::mutex mutex;
  static std::map<Key, Ready<Primitive>> ready;
  const std::lock_guard lock(mutex);
  auto found = ready.find(key);
  if (found == ready.end()) found = ready.emplace(key, make()).first;
  return found->second;
}

template <class Primitive, class Describe>
const Ready<Primitive>& ready_for(const ConvGeometry& g, bool bias, const Describe& describe_it) {
  return cached<Primitive>(key_of(g, bias), [&] {
    const auto desc = describe_it();
    const auto filters = [&] {
      if constexpr (std::is_same_v<Primitive, BackwardFilters>)
        return desc.diff_weights_desc();
      else
        return desc.weights_desc();
    }();
    return Ready<Primitive>{Primitive(desc), filters, desc.scratchpad_desc()};
  });
}

void forward(const ConvCall<float>& call) {
  const ConvGeometry& g = call.geometry;
  const float* bias = call.epilogue.bias;
  const auto& ready =
      ready_for<Forward>(g, bias != nullptr, [&] { return forward_desc(g, bias != nullptr); });
  const auto weights = packed(call.filters, g.filters, ready.filters);
  std::unordered_map<int, memory> arguments{{DNNL_ARG_SRC, wrap(image_desc(g.x), call.image)},
                                            {DNNL_ARG_WEIGHTS, wrap(ready.filters, weights.get())},
                                            {DNNL_ARG_DST, wrap(image_desc(g.y()), call.result)}};
  if (bias != nullptr) arguments.emplace(DNNL_ARG_BIAS, wrap(bias_desc(g.filters), bias));
  ready.run(std::move(arguments));
  cpu::activate(call);
}

void backward_data(const ConvCall<float>& call) {
  const ConvGeometry& g = call.geometry;
  const auto& ready = ready_for<BackwardData>(g, false, [&] { return backward_desc<BackwardData>(g); });
  const auto weights = packed(call.filters, g.filters, ready.filters);
  ready.run({{DNNL_ARG_DIFF_DST, wrap(image_desc(g.y()), call.result)},
             {DNNL_ARG_WEIGHTS, wrap(ready.filters, weights.get())},
             {DNNL_ARG_DIFF_SRC, wrap(image_desc(g.x), call.image)}});
  cpu::add_bias(call);
  cpu::activate(call);
}

void backward_filters(const ConvCall<float>& call) {
  const ConvGeometry& g = call.geometry;
  const auto& ready = ready_for<BackwardFilters>(g, false, [&] { return backward_desc<BackwardFilters>(g); });
  const auto scratch = host_memory().allocate(ready.filters.get_size());
  auto* const gradient = reinterpret_cast<float*>(scratch.get());
  ready.run({{DNNL_ARG_SRC, wrap(image_desc(g.x), call.image)},
             {DNNL_ARG_DIFF_DST, wrap(image_desc(g.y()), call.result)},
             {DNNL_ARG_DIFF_WEIGHTS, wrap(ready.filters, gradient)}});
  unpack(call.filter_gradient, call.write, gradient, g.filters, ready.filters);
}

}  // namespace

bool supports(const ConvCall<float>& call) { return !call.is_empty() && call.geometry.filters.size() > 0; }

void run(const ConvCall<float>& call, const ConvOptions&, cuda::StreamHandle) {
  const ThreadsForLibrary as_many;
  switch (call.operation) {
    case ConvOperation::forward:
      return forward(call);
    case ConvOperation::backward_data:
      return backward_data(call);
    case ConvOperation::backward_filters:
      return backward_filters(call);
  }
}

}  // namespace uptake::kernels::onednn
#endif
