// Is this gradient right? Compares an analytic gradient of a scalar function with central differences.
//
//   auto f = [](std::span<const double> x) { return std::sin(x[0]) * x[1]; };
//   const std::vector<double> x = {0.3, 2.0}, gradient = {std::cos(0.3) * 2.0, std::sin(0.3)};
//   const GradientCheckResult result = check_gradient(f, x, gradient, {});
//   if (!result.ok) std::cerr << result.message << '\n';
//
// To check the backward of an operation y = op(x), choose fixed random weights w, let f(x) = sum w * op(x),
// and hand w to backward as dy: what comes out must be the gradient of f. Work in double; float has too few
// digits.
//
// The 4-point stencil (f(x-2h) - 8 f(x-h) + 8 f(x+h) - f(x+2h)) / 12h is wrong by h^4 f'''''/30 and by the
// rounding of f over h; with h = 1e-3 * max(1,|x|) both are near 1e-12 for functions of order one. A function
// with corners (relu, |x|, max) has no derivative there: keep inputs 2h away from them, name such elements in
// `skip`, or set `allow_kinks`.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <random>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "kernels/base/types.h"

namespace uptake::kernels {

struct GradientCheckOptions {
  double step = 1e-3;                // h = step * max(1, |x|)
  double relative_tolerance = 1e-7;  // of the larger of the two values
  double absolute_tolerance = 1e-9;  // plus 8 roundings of f divided by h, which is always granted
  std::size_t samples = 0;           // check this many elements, chosen at random; 0: all
  std::uint64_t seed = 1;            // chooses them
  /// Elements not to look at, by index and value; null: none.
  std::function<bool(std::size_t, double)> skip;
  /// Where the stencil meets a corner, try a 64 times smaller one, and if it still does, accept any value
  /// between the slopes on the left and on the right (a subgradient). Weaker: only for functions that have
  /// corners.
  bool allow_kinks = false;
};

struct GradientCheckResult {
  bool ok = true;
  std::size_t checked = 0, skipped = 0, kinks = 0;
  /// The element whose error is largest against its tolerance.
  std::size_t worst_index = 0;
  double analytic = 0, numeric = 0, tolerance = 0;
  std::string message;  // one line: counts, and the worst element with both its values
};

namespace detail {

/// Central difference of f at element i, and how far rounding alone can move it.
struct Difference {
  double slope = 0, rounding = 0;
};

template <class F>
Difference central_difference(const F& f, std::vector<double>& x, std::size_t i, double h) {
  const double at = x[i];
  const auto value = [&](double offset) {
    x[i] = at + offset;
    return f(std::span<const double>(x));
  };
  const double far_left = value(-2 * h), left = value(-h), right = value(h), far_right = value(2 * h);
  x[i] = at;
  const double largest = std::max({std::abs(far_left), std::abs(left), std::abs(right), std::abs(far_right)});
  return {(far_left - 8 * left + 8 * right - far_right) / (12 * h),
          8 * std::numeric_limits<double>::epsilon() * largest / h};
}

/// The slopes of f on the left and on the right of element i, smaller first.
template <class F>
std::pair<double, double> one_sided_slopes(const F& f, std::vector<double>& x, std::size_t i, double h) {
  const double at = x[i], middle = f(std::span<const double>(x));
  x[i] = at - h;
  const double left = (middle - f(std::span<const double>(x))) / h;
  x[i] = at + h;
  const double right = (f(std::span<const double>(x)) - middle) / h;
  x[i] = at;
  return std::minmax(left, right);
}

}  // namespace detail

/// Compares `gradient` with the central differences of f around `at`, element by element. Throws ShapeError
/// when the two spans differ in length. A value that is not finite, on either side, is a failure.
inline GradientCheckResult check_gradient(const std::function<double(std::span<const double>)>& f,
                                          std::span<const double> at, std::span<const double> gradient,
                                          const GradientCheckOptions& options = {}) {
  if (at.size() != gradient.size())
    throw ShapeError("check_gradient: gradient has " + std::to_string(gradient.size()) +
                     " elements, expected one for each of " + std::to_string(at.size()) + " inputs");
  std::vector<double> x(at.begin(), at.end());
  std::vector<std::size_t> elements(x.size());
  std::iota(elements.begin(), elements.end(), std::size_t{0});
  if (options.samples > 0 && options.samples < elements.size()) {
    std::mt19937_64 random(options.seed);
    for (std::size_t i = 0; i < options.samples; ++i)
      std::swap(elements[i], elements[i + random() % (elements.size() - i)]);
    elements.resize(options.samples);
  }

  GradientCheckResult result;
  double worst = -1;
  for (const std::size_t i : elements) {
    if (options.skip && options.skip(i, x[i])) {
      ++result.skipped;
      continue;
    }
    const auto tolerance_of = [&](const detail::Difference& d) {
      return options.absolute_tolerance + d.rounding +
             options.relative_tolerance * std::max(std::abs(gradient[i]), std::abs(d.slope));
    };
    const double h = options.step * std::max(1.0, std::abs(x[i]));
    detail::Difference difference = detail::central_difference(f, x, i, h);
    double tolerance = tolerance_of(difference);
    if (options.allow_kinks && !(std::abs(gradient[i] - difference.slope) <= tolerance)) {
      difference = detail::central_difference(f, x, i, h / 64);
      tolerance = tolerance_of(difference);
      if (!(std::abs(gradient[i] - difference.slope) <= tolerance)) {
        const auto [low, high] = detail::one_sided_slopes(f, x, i, h / 64);
        if (gradient[i] >= low - tolerance && gradient[i] <= high + tolerance) {
          ++result.kinks;
          continue;
        }
      }
    }
    ++result.checked;
    const double error = std::abs(gradient[i] - difference.slope);
    // Written so that NaN counts as the worst error there is.
    const double ratio = error <= tolerance ? error / tolerance
                                            : (error < std::numeric_limits<double>::infinity()
                                                   ? error / tolerance
                                                   : std::numeric_limits<double>::infinity());
    if (ratio > worst) {
      worst = ratio;
      result.worst_index = i;
      result.analytic = gradient[i];
      result.numeric = difference.slope;
      result.tolerance = tolerance;
    }
    result.ok = result.ok && error <= tolerance;
  }

  std::ostringstream text;
  text.precision(12);
  text << (result.ok ? "gradient agrees" : "gradient is wrong") << " (" << result.checked << " of "
       << x.size() << " elements checked, " << result.skipped << " skipped, " << result.kinks
       << " at kinks, seed " << options.seed << ")";
  if (result.checked > 0)
    text << "; worst element " << result.worst_index << " at x = " << x[result.worst_index] << ": analytic "
         << result.analytic << ", numeric " << result.numeric << ", difference "
         << std::abs(result.analytic - result.numeric) << ", tolerance " << result.tolerance;
  result.message = text.str();
  return result;
}

}  // namespace uptake::kernels
