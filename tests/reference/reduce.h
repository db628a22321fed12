// Sums over packed [pixels,c] tensors. If two disagree, this one is right until proven otherwise.
#pragma once
#include <vector>

namespace uptake::reference {

inline double sum(const std::vector<double>& x) {
  double total = 0;
  for (const double v : x) total += v;
  return total;
}

inline std::vector<double> sum_pixels(const std::vector<double>& x, std::size_t c) {
  std::vector<double> sums(c, 0.0);
  for (std::size_t i = 0; i < x.size(); ++i) sums[i % c] += x[i];
  return sums;
}

}  // namespace uptake::reference
