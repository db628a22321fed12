// What a convolution kernel does to a sum before it stores it: bias and activation. Internal to kernels/.
#pragma once
#include <cmath>

#include "kernels/conv.h"
#include "kernels/detail/device.cuh"

namespace uptake::kernels::cuda::detail {

/// ConvEpilogue as a kernel's argument.
struct Epilogue {
  const float* bias;
  Activation kind;
  float slope;  // of negative values, for all but tanh and sigmoid

  /// act(sum + bias[channel]).
  __device__ float value(float sum, int channel) const {
    const float z = bias == nullptr ? sum : sum + bias[channel];
    if (kind == Activation::none) return z;
    if (kind == Activation::tanh) return tanhf(z);
    if (kind == Activation::sigmoid) return 1.0f / (1.0f + expf(-z));
    const float below = slope == 0.0f ? 0.0f : slope * z;
    return z < 0.0f ? below : z;
  }
};

template <class T>
Epilogue make_epilogue(const ConvEpilogue<T>& epilogue) {
  const bool relu = epilogue.act.kind == Activation::relu;
  return {epilogue.bias, epilogue.act.kind, relu ? 0.0f : static_cast<float>(epilogue.act.slope)};
}

}  // namespace uptake::kernels::cuda::detail
