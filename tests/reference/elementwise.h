// Additions to packed [pixels,c] tensors. If two disagree, this one is right until proven otherwise.
#pragma once
#include <vector>

namespace uptake::reference {

inline std::vector<double> add_bias(std::vector<double> x, const std::vector<double>& bias) {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += bias[i % bias.size()];
  return x;
}

}  // namespace uptake::reference
