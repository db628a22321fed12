// What a convolution kernel does to a sum before it stores it: bias and activation. Internal to kernels/.
#pragma once
#include <cmath>

#include "kernels/conv/conv.h"
#include "kernels/detail/device.cuh"

namespace uptake::kernels::cuda::detail {

/// ConvEpilogue as a kernel's argument.
struct Epilogue {
  const float* bias;
  Activation kind;
  float slope;  // of negative values: 1 for none, 0 for relu

  /// act(sum + bias[channel]), of any activation.
  __device__ float value(float sum, int channel) const {
    if (kind == Activation::tanh) return tanhf(biased(sum, channel));
    if (kind == Activation::sigmoid) return 1.0f / (1.0f + expf(-biased(sum, channel)));
    return straight_value(sum, channel);
  }
  /// The same, of activations made of straight lines: short enough to be there once for each sum of a tile.
  __device__ float straight_value(float sum, int channel) const {
    const float z = biased(sum, channel), below = slope == 0.0f ? 0.0f : slope * z;
    return z < 0.0f ? below : z;
  }

 private:
  __device__ float biased(float sum, int channel) const {
    return bias == nullptr ? sum : sum + bias[channel];
  }
};

inline bool is_straight(const Act& act) {
  return act.kind != Activation::tanh && act.kind != Activation::sigmoid;
}

template <class T>
Epilogue make_epilogue(const ConvEpilogue<T>& epilogue) {
  const Act& act = epilogue.act;
  const float slope = act.kind == Activation::none   ? 1.0f
                      : act.kind == Activation::relu ? 0.0f
                                                     : static_cast<float>(act.slope);
  return {epilogue.bias, act.kind, slope};
}

}  // namespace uptake::kernels::cuda::detail
