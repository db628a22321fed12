// Normalisation by the book (Ioffe & Szegedy 2015, section 3), one channel of one group at a time. If two
// disagree, this one is right until proven otherwise. Packed tensors; x[(g * pixels + p) * c + k].
#pragma once
#include <cmath>
#include <vector>

#include "kernels/norm/norm.h"
#include "tests/reference/pointwise.h"

namespace uptake::reference {

using kernels::NormShape;

struct Moments {
  std::vector<double> mean, var;  // [groups,c]
};

inline std::size_t norm_index(const NormShape& shape, std::int64_t group, std::int64_t pixel,
                              std::int64_t k) {
  return static_cast<std::size_t>((group * shape.pixels_per_group + pixel) * shape.c + k);
}

inline Moments norm_statistics(const std::vector<double>& x, const NormShape& shape) {
  Moments moments;
  for (std::int64_t g = 0; g < shape.groups; ++g)
    for (std::int64_t k = 0; k < shape.c; ++k) {
      const auto n = static_cast<double>(shape.pixels_per_group);
      double sum = 0, squares = 0;
      for (std::int64_t p = 0; p < shape.pixels_per_group; ++p) sum += x[norm_index(shape, g, p, k)];
      for (std::int64_t p = 0; p < shape.pixels_per_group; ++p) {
        const double d = x[norm_index(shape, g, p, k)] - sum / n;
        squares += d * d;
      }
      moments.mean.push_back(sum / n);
      moments.var.push_back(squares / n);
    }
  return moments;
}

inline std::vector<double> norm_rstd(const std::vector<double>& var, double eps) {
  std::vector<double> rstd;
  for (const double v : var) rstd.push_back(1 / std::sqrt(v + eps));
  return rstd;
}

/// gamma * (x - mean) * rstd + beta; gamma and beta empty: 1 and 0.
inline std::vector<double> normalise(const std::vector<double>& x, const std::vector<double>& mean,
                                     const std::vector<double>& rstd, const std::vector<double>& gamma,
                                     const std::vector<double>& beta, const NormShape& shape) {
  std::vector<double> z(x.size());
  for (std::int64_t g = 0; g < shape.groups; ++g)
    for (std::int64_t p = 0; p < shape.pixels_per_group; ++p)
      for (std::int64_t k = 0; k < shape.c; ++k) {
        const std::size_t i = norm_index(shape, g, p, k), s = static_cast<std::size_t>(g * shape.c + k);
        const auto channel = static_cast<std::size_t>(k);
        z[i] = (x[i] - mean[s]) * rstd[s];
        if (!gamma.empty()) z[i] *= gamma[channel];
        if (!beta.empty()) z[i] += beta[channel];
      }
  return z;
}

struct NormGradients {
  std::vector<double> dx, dgamma, dbeta;
};

/// Through the outputs, then through z, then (unless statistics are given) through variance and mean, as the
/// paper writes it.
inline NormGradients norm_backward(const std::vector<Act>& acts, const std::vector<std::vector<double>>& dys,
                                   const std::vector<double>& x, const std::vector<double>& mean,
                                   const std::vector<double>& rstd, const std::vector<double>& gamma,
                                   const std::vector<double>& beta, const NormShape& shape,
                                   kernels::Statistics statistics, const Dropout& dropout) {
  const std::vector<double> z = normalise(x, mean, rstd, gamma, beta, shape);
  const std::vector<double> dz = pointwise_backward(acts, dys, z, dropout);
  const auto channels = static_cast<std::size_t>(shape.c);
  NormGradients gradients{std::vector<double>(x.size()), std::vector<double>(channels, 0.0),
                          std::vector<double>(channels, 0.0)};
  const auto n = static_cast<double>(shape.pixels_per_group);
  for (std::int64_t g = 0; g < shape.groups; ++g)
    for (std::int64_t k = 0; k < shape.c; ++k) {
      const std::size_t s = static_cast<std::size_t>(g * shape.c + k), channel = static_cast<std::size_t>(k);
      const double weight = gamma.empty() ? 1 : gamma[channel];
      double dvar = 0, dmean = 0, off = 0;
      for (std::int64_t p = 0; p < shape.pixels_per_group; ++p) {
        const std::size_t i = norm_index(shape, g, p, k);
        gradients.dgamma[channel] += dz[i] * (x[i] - mean[s]) * rstd[s];
        gradients.dbeta[channel] += dz[i];
        dvar += dz[i] * weight * (x[i] - mean[s]) * -0.5 * rstd[s] * rstd[s] * rstd[s];
        dmean += dz[i] * weight * -rstd[s];
        off += x[i] - mean[s];
      }
      dmean += dvar * -2 * off / n;
      for (std::int64_t p = 0; p < shape.pixels_per_group; ++p) {
        const std::size_t i = norm_index(shape, g, p, k);
        gradients.dx[i] = dz[i] * weight * rstd[s];
        if (statistics == kernels::Statistics::of_this_batch)
          gradients.dx[i] += dvar * 2 * (x[i] - mean[s]) / n + dmean / n;
      }
    }
  return gradients;
}

}  // namespace uptake::reference
