#include "nn/adam.h"

#include <cstring>

#include "nn/backend.h"

namespace uptake::nn {

Adam::Adam(ParameterStore& store, const AdamOptions& options)
    : store_(store),
      options_(options),
      m_(Tensor::zeros(store.values().shape(), store.master_dtype(), store.device())),
      v_(Tensor::zeros(store.values().shape(), store.master_dtype(), store.device())) {
  static_assert(sizeof(kernels::AdamFactors) % sizeof(float) == 0);
  if (store.device() == Device::cuda)
    factors_ = Tensor::vector(sizeof(kernels::AdamFactors) / sizeof(float), DType::f32, Device::cuda);
}

void Adam::prepare(double learning_rate) {
  ++steps_taken;
  step_ = {learning_rate, options_.beta1, options_.beta2, options_.eps, steps_taken};
#ifdef UPTAKE_HAS_CUDA
  if (store_.device() == Device::cpu) return;
  const kernels::AdamFactors factors = kernels::adam_factors(step_);
  kernels::cuda::Words words{};
  std::memcpy(words.data(), &factors, sizeof factors);
  kernels::cuda::store_words(reinterpret_cast<std::uint32_t*>(factors_.data<float>()), words,
                             static_cast<int>(factors_.size()), kernels::cuda::compute_stream());
#endif
}

void Adam::apply() {
  store_.finish_gradients();
  const std::int64_t count = store_.values().size();
  if (store_.device() == Device::cpu) {
    dispatch(store_.dtype(), [&]<class T>() {
      kernels::cpu::adam_step<T>(store_.values().data<T>(), m_.data<T>(), v_.data<T>(),
                                 store_.gradients().data<T>(), count, step_);
    });
    store_.changed();
  } else {
#ifdef UPTAKE_HAS_CUDA
    const Tensor& rounded = store_.rounded_values();
    kernels::cuda::adam_step(store_.values().data<float>(), m_.data<float>(), v_.data<float>(),
                             store_.gradients().data<float>(),
                             rounded.defined() ? rounded.data<kernels::BFloat16>() : nullptr, count,
                             reinterpret_cast<const kernels::AdamFactors*>(factors_.data<float>()),
                             kernels::cuda::compute_stream());
    store_.values_written();
#endif
  }
  store_.forget_gradients();
}

void Adam::step(double learning_rate) {
  prepare(learning_rate);
  apply();
}

}  // namespace uptake::nn
