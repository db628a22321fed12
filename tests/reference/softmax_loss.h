// Softmax cross-entropy as it is defined. If two disagree, this one is right until proven otherwise.
#pragma once
#include <cmath>
#include <cstdint>
#include <vector>

#include "tests/reference/losses.h"

namespace uptake::reference {

/// x [labels.size(), c], packed.
inline Loss softmax_cross_entropy(const std::vector<double>& x, const std::vector<std::int32_t>& labels) {
  Loss loss;
  const std::size_t pixels = labels.size(), c = pixels == 0 ? 0 : x.size() / pixels;
  for (std::size_t pixel = 0; pixel < pixels; ++pixel) {
    double sum = 0;
    for (std::size_t k = 0; k < c; ++k) sum += std::exp(x[pixel * c + k]);
    for (std::size_t k = 0; k < c; ++k) {
      const double p = std::exp(x[pixel * c + k]) / sum;
      const bool right = static_cast<std::size_t>(labels[pixel]) == k;
      if (right) loss.value -= std::log(p) / static_cast<double>(pixels);
      loss.gradient.push_back((p - (right ? 1 : 0)) / static_cast<double>(pixels));
    }
  }
  return loss;
}

}  // namespace uptake::reference
