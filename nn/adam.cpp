#include "nn/adam.h"

#include "kernels/adam.h"

namespace uptake::nn {

Adam::Adam(ParameterStore& store, const AdamOptions& options)
    : store_(store),
      options_(options),
      m_(Tensor::zeros(store.values().shape(), store.dtype())),
      v_(Tensor::zeros(store.values().shape(), store.dtype())) {}

void Adam::step(double learning_rate) {
  store_.finish_gradients();
  ++steps_taken;
  const kernels::AdamStep step{learning_rate, options_.beta1, options_.beta2, options_.eps, steps_taken};
  dispatch(store_.dtype(), [&]<class T>() {
    kernels::cpu::adam_step<T>(store_.values().data<T>(), m_.data<T>(), v_.data<T>(),
                               store_.gradients().data<T>(), store_.values().size(), step);
  });
  store_.changed();
  store_.forget_gradients();
}

}  // namespace uptake::nn
