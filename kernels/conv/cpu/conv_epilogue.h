// Bias and activation as passes of their own over what a convolution has written. Internal to kernels/.
#pragma once
#include "kernels/conv/conv.h"
#include "kernels/elementwise.h"

namespace uptake::kernels::cpu {

template <class T>
void add_bias(const ConvCall<T>& call) {
  const Shape4 s = call.output_shape();
  if (call.epilogue.bias != nullptr) add_bias<T>({call.output(), s.c}, call.epilogue.bias, s.pixels(), s.c);
}

template <class T>
void activate(const ConvCall<T>& call) {
  if (call.epilogue.act.kind == Activation::none) return;
  const Shape4 s = call.output_shape();
  const View<T> y{call.output(), s.c};
  const Output<T> in_place[] = {{y, call.epilogue.act}};
  pointwise_forward<T>(in_place, y, s.pixels(), s.c, {});
}

}  // namespace uptake::kernels::cpu
