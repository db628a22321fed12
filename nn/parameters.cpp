#include "nn/parameters.h"

#include <algorithm>
#include <stdexcept>

#include "nn/backend.h"

namespace uptake::nn {

namespace {

constexpr std::int64_t aligned(std::int64_t count) {
  constexpr std::int64_t to = ParameterStore::kAlign;
  return (count + to - 1) / to * to;
}

}  // namespace

Var& Parameter::var() {
  store->allocate();
  return var_;
}

const Var& Parameter::var() const {
  store->allocate();
  return var_;
}

const Tensor& Parameter::compute() const {
  store->allocate();
  return compute_;
}

std::int64_t Parameter::elements() const {
  std::int64_t count = 1;
  for (const auto size : shape) count *= size;
  return count;
}

void ParameterStore::declare(const std::string& name) const {
  if (allocated_)
    throw std::logic_error("parameter " + name +
                           " declared after its store was allocated, by allocate() or a first use");
  if (std::ranges::any_of(entries_, [&](const Entry& e) { return e.name == name; }))
    throw std::logic_error("parameter " + name + " declared twice");
}

Parameter& ParameterStore::add_parameter(const std::string& name, std::vector<std::int64_t> shape,
                                         Role role) {
  declare(name);
  Parameter& p = parameters_.emplace_back();
  p.store = this;
  p.name = name;
  p.shape = std::move(shape);
  p.role = role;
  p.offset = size_;
  entries_.push_back({name, p.shape, &p});
  return p;
}

Parameter& ParameterStore::add_filters(const std::string& name, const kernels::FilterShape& shape) {
  Parameter& p = add_parameter(name, {shape.k, shape.c, shape.r, shape.s}, Role::filters);
  p.filter_shape = shape;
  size_ += aligned(p.elements());
  return p;
}

Parameter& ParameterStore::add_matrix(const std::string& name, const kernels::FilterShape& shape) {
  Parameter& p = add_filters(name, shape);
  p.shape = entries_.back().shape = {shape.k, shape.c * shape.r * shape.s};
  return p;
}

Parameter& ParameterStore::add_vector(const std::string& name, std::int64_t count, Role role) {
  Parameter& p = add_parameter(name, {count}, role);
  size_ += aligned(p.elements());
  return p;
}

Buffer& ParameterStore::add_buffer(const std::string& name, std::int64_t count, double initial) {
  declare(name);
  Buffer& b =
      buffers_.emplace_back(Buffer{name, Tensor::full({1, 1, 1, count}, master_dtype(), initial, device())});
  entries_.push_back({name, {count}, &b});
  return b;
}

Counter& ParameterStore::add_counter(const std::string& name) {
  declare(name);
  Counter& c = counters_.emplace_back(Counter{name, 0});
  entries_.push_back({name, {}, &c});
  return c;
}

void ParameterStore::allocate() const {
  if (allocated_.load(std::memory_order_acquire)) return;
  const std::lock_guard lock(allocating_);
  if (allocated_) return;
  values_ = Tensor::vector(size_, master_dtype(), device());
  gradients_ = Tensor::vector(size_, master_dtype(), device());
  if (dtype() == DType::bf16) rounded_ = Tensor::vector(size_, dtype(), device());
  for (const Parameter& p : parameters_) {
    p.var_ = Var(values_.slice(p.offset, p.elements()), gradients_.slice(p.offset, p.elements()),
                 {p.name, version_});
    p.compute_ = (rounded_.defined() ? rounded_ : values_).slice(p.offset, p.elements());
  }
  new_version();
  allocated_.store(true, std::memory_order_release);
}

std::int64_t ParameterStore::parameter_count() const {
  std::int64_t count = 0;
  for (const Parameter& p : parameters_) count += p.elements();
  return count;
}

void ParameterStore::forget_gradients() {
  for (Parameter& p : parameters_) p.var().forget_gradient();
}

void ParameterStore::finish_gradients() {
  for (Parameter& p : parameters_)
    if (!p.var().has_grad()) gradients_.slice(p.offset, p.elements()).fill(0);
}

void ParameterStore::set_requires_grad(bool wanted) {
  for (Parameter& p : parameters_) p.var().set_requires_grad(wanted);
}

void ParameterStore::changed() {
  allocate();
  if (rounded_.defined()) convert_on_device(rounded_, values_);
  values_written();
}

void ParameterStore::values_written() { new_version(); }

void ParameterStore::new_version() const {
  // One counter for all stores: an address that was freed and is used again never has a version it had before.
  static std::atomic<std::uint64_t> last{0};
  *version_ = ++last;
}

// Backward functions that outlive the store must not use its parameters; copies of its filters serve nobody.
ParameterStore::~ParameterStore() {
  new_version();
  if (!values_.defined() || device() == Device::cuda) return;
  dispatch(dtype(), [&]<class T>() {
    const T* const begin = values_.data<T>();
    kernels::cpu::forget_filters(begin, begin + values_.size());
  });
}

Tensor ParameterStore::to_plain(const Parameter& p, const Tensor& flat) const {
  const Tensor here = flat.slice(p.offset, p.elements()).to(Device::cpu);
  if (p.role != Role::filters) return here.clone();
  Tensor plain = Tensor::vector(p.elements(), master_dtype());
  dispatch(master_dtype(),
           [&]<class T>() { kernels::krsc_to_kcrs(plain.data<T>(), here.data<T>(), p.filter_shape); });
  return plain;
}

void ParameterStore::from_plain(const Parameter& p, Tensor into_flat, const Tensor& plain) const {
  if (plain.size() != p.elements())
    throw ShapeError(p.name + ": " + std::to_string(plain.size()) + " values given, " +
                     std::to_string(p.elements()) + " expected");
  Tensor stored = into_flat.slice(p.offset, p.elements());
  if (p.role != Role::filters) return stored.copy_from(plain.reshaped(stored.shape()));
  const Tensor here = device() == Device::cpu ? stored : Tensor::empty(stored.shape(), master_dtype());
  dispatch(master_dtype(),
           [&]<class T>() { kernels::kcrs_to_krsc(here.data<T>(), plain.data<T>(), p.filter_shape); });
  if (device() == Device::cuda) stored.copy_from(here);
}

}  // namespace uptake::nn
