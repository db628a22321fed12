// Activation and dropout, fused, with one or two outputs: the piece of an operation that follows a
// convolution or a normalisation.
//
//   y_j = mask * act_j(x) / (1 - p)        forward, for each output j
//   dx  = sum_j dy_j * act_j'(x) * mask / (1 - p)
//
// Two outputs serve the U-Net skip: the same tensor leaves as LeakyReLU for the next convolution down and as
// ReLU into a half of a concatenated tensor. The mask is a pure function of (key, element index in the packed
// tensor): Philox, recomputed in backward, never stored. Slope 0.2 is the reference's LeakyReLU.
// Nothing but x is saved for backward. d act / dx at the kink x = 0 is `slope` (leaky_relu) or 0 (relu).
#pragma once
#include <span>

#include "kernels/base/device.h"
#include "kernels/base/dropout.h"
#include "kernels/base/types.h"

namespace uptake::kernels {

/// One output of a fused pass.
template <class T>
struct Output {
  View<T> y;  // [pixels, c], may alias the input when packed alike
  Act act;
};

/// The gradient arriving at one output.
template <class T>
struct OutputGradient {
  View<const T> dy;  // [pixels, c]
  Act act;
};

namespace cpu {

/// requires 1 <= outputs.size() <= 2; x is [pixels,c].
template <class T>
void pointwise_forward(std::span<const Output<T>> outputs, View<const T> x, std::int64_t pixels,
                       std::int64_t c, const Dropout& dropout);

/// dx is assigned or added as `write` says; dx may alias a dy.
template <class T>
void pointwise_backward(View<T> dx, Write write, std::span<const OutputGradient<T>> gradients,
                        View<const T> x, std::int64_t pixels, std::int64_t c, const Dropout& dropout);

}  // namespace cpu

namespace cuda {

template <class T>
void pointwise_forward(std::span<const Output<T>> outputs, View<const T> x, std::int64_t pixels,
                       std::int64_t c, const Dropout& dropout, StreamHandle stream);

template <class T>
void pointwise_backward(View<T> dx, Write write, std::span<const OutputGradient<T>> gradients,
                        View<const T> x, std::int64_t pixels, std::int64_t c, const Dropout& dropout,
                        StreamHandle stream);

}  // namespace cuda
}  // namespace uptake::kernels
