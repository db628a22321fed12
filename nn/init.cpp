#include "nn/init.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/base/host.h"
#include "kernels/base/philox.h"

namespace uptake::nn {
namespace {

using kernels::RandomKey;

std::vector<double> normal_values(const RandomKey& key, std::int64_t count, double mean, double deviation) {
  std::vector<double> values(static_cast<std::size_t>(count));
#pragma omp parallel for schedule(static) num_threads(kernels::threads())
  for (std::int64_t i = 0; i < count; ++i)
    values[static_cast<std::size_t>(i)] =
        mean + deviation * kernels::philox_normal(key, static_cast<std::uint64_t>(i));
  return values;
}

// Modified Gram-Schmidt on the rows of a [rows, length] matrix, rows <= length; run twice, it is orthonormal
// to rounding (Giraud et al. 2005).
void orthonormalise_rows(std::vector<double>& matrix, std::int64_t rows, std::int64_t length) {
  const auto row = [&](std::int64_t i) { return matrix.data() + i * length; };
  for (int pass = 0; pass < 2; ++pass) {
    for (std::int64_t i = 0; i < rows; ++i) {
      double* pivot = row(i);
      double square = 0;
      for (std::int64_t l = 0; l < length; ++l) square += pivot[l] * pivot[l];
      const double inverse = 1 / std::sqrt(square);
      for (std::int64_t l = 0; l < length; ++l) pivot[l] *= inverse;
#pragma omp parallel for schedule(static) num_threads(kernels::threads())
      for (std::int64_t j = i + 1; j < rows; ++j) {
        double* other = row(j);
        double dot = 0;
        for (std::int64_t l = 0; l < length; ++l) dot += pivot[l] * other[l];
        for (std::int64_t l = 0; l < length; ++l) other[l] -= dot * pivot[l];
      }
    }
  }
}

// [k, length] with orthonormal rows when k <= length, else orthonormal columns.
std::vector<double> orthogonal_values(const RandomKey& key, std::int64_t k, std::int64_t length,
                                      double gain) {
  const std::int64_t rows = std::min(k, length), columns = std::max(k, length);
  std::vector<double> matrix = normal_values(key, rows * columns, 0, 1);
  orthonormalise_rows(matrix, rows, columns);
  std::vector<double> values(matrix.size());
  for (std::int64_t i = 0; i < k; ++i)
    for (std::int64_t j = 0; j < length; ++j)
      values[static_cast<std::size_t>(i * length + j)] =
          gain * matrix[static_cast<std::size_t>(k <= length ? i * columns + j : j * columns + i)];
  return values;
}

std::vector<double> filter_values(const Parameter& p, InitKind kind, double gain, const RandomKey& key) {
  const kernels::FilterShape& f = p.filter_shape;
  const double taps = static_cast<double>(f.r * f.s);
  const double fan_in = static_cast<double>(f.c) * taps, fan_out = static_cast<double>(f.k) * taps;
  switch (kind) {
    case InitKind::normal:
      return normal_values(key, p.elements(), 0, gain);
    case InitKind::xavier:
      return normal_values(key, p.elements(), 0, gain * std::sqrt(2 / (fan_in + fan_out)));
    case InitKind::kaiming:
      return normal_values(key, p.elements(), 0, std::sqrt(2 / fan_in));
    case InitKind::orthogonal:
      return orthogonal_values(key, f.k, p.elements() / f.k, gain);
  }
  return {};
}

}  // namespace

void initialise(ParameterStore& store, InitKind kind, double gain, std::uint64_t seed,
                std::uint32_t network) {
  std::uint32_t number = 0;
  for (Parameter& p : store.parameters()) {
    const RandomKey key{seed, 0x1000000u * (network + 1) + number++, 0};
    if (p.elements() == 0) continue;
    std::vector<double> values(static_cast<std::size_t>(p.elements()), 0.0);
    if (p.role == Role::filters) values = filter_values(p, kind, gain, key);
    if (p.role == Role::norm_weight) values = normal_values(key, p.elements(), 1, gain);
    const Tensor plain = Tensor::empty({1, 1, 1, p.elements()}, store.master_dtype());
    dispatch(store.master_dtype(), [&]<class T>() {
      std::ranges::transform(values, plain.data<T>(), [](double v) { return static_cast<T>(v); });
    });
    store.from_plain(p, store.values(), plain);
  }
  store.changed();
}

}  // namespace uptake::nn
