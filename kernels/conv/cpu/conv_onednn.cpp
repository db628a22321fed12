#ifdef UPTAKE_HAS_ONEDNN
#include "kernels/conv/cpu/conv_onednn.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <oneapi/dnnl/dnnl.hpp>
#include <tuple>
#include <vector>

#include "kernels/base/host.h"
#include "kernels/base/memory.h"
#include "kernels/elementwise.h"

namespace uptake::kernels::onednn {
namespace {

using dnnl::memory;
using Desc = memory::desc;
using Tag = memory::format_tag;

const dnnl::engine& engine() {
  static const dnnl::engine e(dnnl::engine::kind::cpu, 0);
  return e;
}

dnnl::stream& stream() {
  thread_local dnnl::stream s(engine());
  return s;
}

memory wrap(const Desc& desc, const float* p) { return {desc, engine(), const_cast<float*>(p)}; }

Desc image_desc(const Shape4& s) { return {{s.n, s.c, s.h, s.w}, memory::data_type::f32, Tag::nhwc}; }
memory::dims filter_dims(const FilterShape& f) { return {f.k, f.c, f.r, f.s}; }
Desc any_filters(const FilterShape& f) { return {filter_dims(f), memory::data_type::f32, Tag::any}; }
Desc plain_filters(const FilterShape& f) { return {filter_dims(f), memory::data_type::f32, Tag::oihw}; }
Desc bias_desc(const FilterShape& f) { return {{f.k}, memory::data_type::f32, Tag::x}; }

struct Reorder {
  dnnl::reorder primitive;
  Desc from, to;
  Reorder(const Desc& from_desc, const Desc& to_desc)
      : primitive(dnnl::reorder::primitive_desc(engine(), from_desc, engine(), to_desc)),
        from(from_desc),
        to(to_desc) {}
  void run(float* out, const float* in) const {
    auto source = wrap(from, in), target = wrap(to, out);
    primitive.execute(stream(), {{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, target}});
    stream().wait();
  }
};

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

}  // namespace

struct PackedFilters::State {
  struct Copy {
    Reorder reorder;
    std::shared_ptr<std::byte> buffer;
    std::uint64_t version;
    float* data() const { return reinterpret_cast<float*>(buffer.get()); }
  };

  FilterShape shape;
  Desc master;
  std::mutex mutex;  // of what follows: threads may share a network
  float* storage = nullptr;
  std::uint64_t version = 1;
  std::vector<std::unique_ptr<Copy>> copies;

  // The current values in the given layout.
  const float* in_layout(const Desc& desc) {
    const std::lock_guard lock(mutex);
    if (desc == master) return storage;
    auto found =
        std::find_if(copies.begin(), copies.end(), [&](const auto& c) { return c->reorder.to == desc; });
    if (found == copies.end()) {
      copies.push_back(
          std::make_unique<Copy>(Copy{Reorder(master, desc), host_memory().allocate(desc.get_size()), 0}));
      found = copies.end() - 1;
    }
    Copy& copy = **found;
    if (copy.version != version) {
      copy.reorder.run(copy.data(), storage);
      copy.version = version;
    }
    return copy.data();
  }
};

PackedFilters::PackedFilters(const FilterShape& shape) : state_(std::make_unique<State>()) {
  state_->shape = shape;
  state_->master = plain_filters(shape);
  if (shape.size() == 0) return;
  // The layout of the weight gradient at a representative image size: gradient, moments and update then need
  // no repacking. Only the sizes of an image differ between this geometry and the real ones, and the layout
  // rarely depends on them; where it does, one copy is made.
  const std::int64_t side = 16 * shape.stride + std::max(shape.r, shape.s);
  state_->master = backward_desc<BackwardFilters>({{1, side, side, shape.c}, shape}).diff_weights_desc();
}

PackedFilters::PackedFilters(PackedFilters&&) noexcept = default;
PackedFilters::~PackedFilters() = default;

std::int64_t PackedFilters::storage_size() const {
  return static_cast<std::int64_t>(state_->master.get_size() / sizeof(float));
}

void PackedFilters::bind(float* storage) {
  state_->storage = storage;
  changed();
}

void PackedFilters::changed() { ++state_->version; }

void PackedFilters::to_plain(float* kcrs, const float* stored) const {
  const ThreadsForLibrary as_many;
  Reorder(state_->master, plain_filters(state_->shape)).run(kcrs, stored);
}

void PackedFilters::from_plain(float* stored, const float* kcrs) const {
  const ThreadsForLibrary as_many;
  Reorder(plain_filters(state_->shape), state_->master).run(stored, kcrs);
}

void forward(const ConvGeometry& g, float* y, const float* x, PackedFilters& filters, const float* bias) {
  const ThreadsForLibrary as_many;
  const auto& ready = cached<Forward>(key_of(g, bias != nullptr), [&] {
    const auto desc = forward_desc(g, bias != nullptr);
    return Ready<Forward>{Forward(desc), desc.weights_desc(), desc.scratchpad_desc()};
  });
  const auto source = wrap(image_desc(g.x), x);
  const auto weights = wrap(ready.filters, filters.state().in_layout(ready.filters));
  const auto target = wrap(image_desc(g.y()), y);
  std::unordered_map<int, memory> arguments{
      {DNNL_ARG_SRC, source}, {DNNL_ARG_WEIGHTS, weights}, {DNNL_ARG_DST, target}};
  if (bias != nullptr) arguments.emplace(DNNL_ARG_BIAS, wrap(bias_desc(g.filters), bias));
  ready.run(std::move(arguments));
}

void backward_data(const ConvGeometry& g, float* dx, const float* dy, PackedFilters& filters) {
  const ThreadsForLibrary as_many;
  const auto& ready = cached<BackwardData>(key_of(g, false), [&] {
    const auto desc = backward_desc<BackwardData>(g);
    return Ready<BackwardData>{BackwardData(desc), desc.weights_desc(), desc.scratchpad_desc()};
  });
  const auto weights = wrap(ready.filters, filters.state().in_layout(ready.filters));
  ready.run({{DNNL_ARG_DIFF_DST, wrap(image_desc(g.y()), dy)},
             {DNNL_ARG_WEIGHTS, weights},
             {DNNL_ARG_DIFF_SRC, wrap(image_desc(g.x), dx)}});
}

void backward_filters(const ConvGeometry& g, float* dfilters, Write write, const float* x, const float* dy,
                      PackedFilters& filters) {
  const ThreadsForLibrary as_many;
  const auto& ready = cached<BackwardFilters>(key_of(g, false), [&] {
    const auto desc = backward_desc<BackwardFilters>(g);
    return Ready<BackwardFilters>{BackwardFilters(desc), desc.diff_weights_desc(), desc.scratchpad_desc()};
  });
  const auto run = [&](float* out) {
    ready.run({{DNNL_ARG_SRC, wrap(image_desc(g.x), x)},
               {DNNL_ARG_DIFF_DST, wrap(image_desc(g.y()), dy)},
               {DNNL_ARG_DIFF_WEIGHTS, wrap(ready.filters, out)}});
  };
  const Desc& master = filters.state().master;
  const bool same_layout = ready.filters == master;
  if (same_layout && write == Write::assign) return run(dfilters);

  const auto scratch = host_memory().allocate(ready.filters.get_size());
  auto* gradient = reinterpret_cast<float*>(scratch.get());
  run(gradient);
  if (same_layout) return cpu::axpy(dfilters, gradient, 1.0f, filters.storage_size());
  const Reorder to_master(ready.filters, master);
  if (write == Write::assign) return to_master.run(dfilters, gradient);
  const auto repacked = host_memory().allocate(master.get_size());
  to_master.run(reinterpret_cast<float*>(repacked.get()), gradient);
  cpu::axpy(dfilters, reinterpret_cast<const float*>(repacked.get()), 1.0f, filters.storage_size());
}

}  // namespace uptake::kernels::onednn
#endif
