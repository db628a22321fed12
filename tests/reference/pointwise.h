// Activation and dropout, one element at a time. If two disagree, this one is right until proven otherwise.
#pragma once
#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/pointwise.h"

namespace uptake::reference {

using kernels::Act;
using kernels::Activation;
using kernels::Dropout;

inline double activate(const Act& act, double x) {
  switch (act.kind) {
    case Activation::none:
      return x;
    case Activation::relu:
      return std::max(x, 0.0);
    case Activation::leaky_relu:
      return std::max(x, 0.0) + act.slope * std::min(x, 0.0);
    case Activation::tanh:
      return (std::exp(2 * x) - 1) / (std::exp(2 * x) + 1);
    case Activation::sigmoid:
      return std::exp(x) / (1 + std::exp(x));
  }
  return 0;
}

/// d activate / dx; at x = 0 that of the negative side for the kinked ones.
inline double activate_slope(const Act& act, double x) {
  switch (act.kind) {
    case Activation::none:
      return 1;
    case Activation::relu:
      return x > 0 ? 1 : 0;
    case Activation::leaky_relu:
      return x > 0 ? 1 : act.slope;
    case Activation::tanh:
      return 1 / (std::cosh(x) * std::cosh(x));
    case Activation::sigmoid:
      return 1 / (2 + std::exp(x) + std::exp(-x));
  }
  return 0;
}

/// What dropout multiplies an element of the packed tensor with.
inline double dropout_factor(const Dropout& dropout, std::size_t element) {
  if (dropout.p == 0) return 1;
  const std::uint32_t word = kernels::philox_word(dropout.key, element);
  return kernels::uniform01(word) >= dropout.p ? 1 / (1 - dropout.p) : 0;
}

/// One packed output.
inline std::vector<double> pointwise_forward(const Act& act, const std::vector<double>& x,
                                             const Dropout& dropout) {
  std::vector<double> y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = activate(act, x[i]) * dropout_factor(dropout, i);
  return y;
}

/// dx from the gradients dys[j] of outputs with acts[j].
inline std::vector<double> pointwise_backward(const std::vector<Act>& acts,
                                              const std::vector<std::vector<double>>& dys,
                                              const std::vector<double>& x, const Dropout& dropout) {
  std::vector<double> dx(x.size(), 0.0);
  for (std::size_t j = 0; j < acts.size(); ++j)
    for (std::size_t i = 0; i < x.size(); ++i)
      dx[i] += dys[j][i] * activate_slope(acts[j], x[i]) * dropout_factor(dropout, i);
  return dx;
}

}  // namespace uptake::reference
