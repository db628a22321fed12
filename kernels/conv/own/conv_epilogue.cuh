// What a convolution kernel does to a sum before it stores it: bias and activation. Internal to kernels/.
#pragma once
#include "kernels/conv/conv.h"
#include "kernels/detail/activation.h"
#include "kernels/detail/device.cuh"

namespace uptake::kernels::cuda::detail {

using kernels::detail::is_straight;

/// ConvEpilogue as a kernel's argument.
struct Epilogue {
  const float* bias;
  kernels::detail::AnyAct<float> act;

  /// act(sum + bias[channel]), of any activation.
  __device__ float value(float sum, int channel) const { return act.value(biased(sum, channel)); }
  /// The same, of activations made of straight lines: short enough to be there once for each sum of a tile.
  __device__ float straight_value(float sum, int channel) const {
    return act.straight.value(biased(sum, channel));
  }

 private:
  __device__ float biased(float sum, int channel) const {
    return bias == nullptr ? sum : sum + bias[channel];
  }
};

template <class T>
Epilogue make_epilogue(const ConvEpilogue<T>& epilogue) {
  return {epilogue.bias, kernels::detail::any_act<float>(epilogue.act)};
}

}  // namespace uptake::kernels::cuda::detail
