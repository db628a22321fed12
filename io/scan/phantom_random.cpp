#include "io/scan/phantom_random.h"

#include <cmath>
#include <numbers>

namespace uptake::io::phantom {
namespace {

// log(k!), by table or Stirling's series (error below 1e-10 from k = 10); std::lgamma writes a global.
double log_factorial(double k) {
  if (k < 10) {
    double product = 1;
    for (int i = 2; i <= static_cast<int>(k); ++i) product *= i;
    return std::log(product);
  }
  const double x = k + 1, inverse = 1 / x, square = inverse * inverse;
  return (x - 0.5) * std::log(x) - x + 0.5 * std::log(2 * std::numbers::pi) +
         inverse * (1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1260 - square / 1680)));
}

}  // namespace

double Random::normal() {
  const double radius = std::sqrt(-2 * std::log(1 - uniform()));
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

double Random::factor(double sigma) { return std::exp(sigma * normal()); }

std::int64_t Random::poisson(double mean) {
  if (!(mean > 0)) return 0;
  if (mean >= 10) return poisson_by_rejection(mean);
  const double limit = std::exp(-mean);
  std::int64_t count = 0;
  for (double product = uniform(); product > limit; product *= uniform()) ++count;
  return count;
}

// Names and constants as in the paper.
std::int64_t Random::poisson_by_rejection(double mean) {
  const double log_mean = std::log(mean);
  const double b = 0.931 + 2.53 * std::sqrt(mean), a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), v_r = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const double u = uniform() - 0.5, v = 1 - uniform(), u_s = 0.5 - std::abs(u);
    const double k = std::floor((2 * a / u_s + b) * u + mean + 0.43);
    if (u_s >= 0.07 && v <= v_r) return static_cast<std::int64_t>(k);
    if (k < 0 || (u_s < 0.013 && v > u_s)) continue;
    if (std::log(v * inverse_alpha / (a / (u_s * u_s) + b)) <= k * log_mean - mean - log_factorial(k))
      return static_cast<std::int64_t>(k);
  }
}

}  // namespace uptake::io::phantom
