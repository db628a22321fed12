#include "kernels/base/gradient_check.h"

#include <doctest/doctest.h>

namespace uptake::kernels {
namespace {

double cubic(std::span<const double> x) { return x[0] * x[0] * x[0] + 2 * x[1] * x[2] + std::exp(x[2]); }

std::vector<double> cubic_gradient(std::span<const double> x) {
  return {3 * x[0] * x[0], 2 * x[2], 2 * x[1] + std::exp(x[2])};
}

TEST_CASE("check_gradient: accepts a right gradient") {
  const std::vector<double> x = {1.5, -2, 0.25};
  const auto result = check_gradient(cubic, x, cubic_gradient(x));
  CHECK_MESSAGE(result.ok, result.message);
  CHECK(result.checked == 3);
}

TEST_CASE("check_gradient: names the element, both values and the tolerance of a wrong gradient") {
  const std::vector<double> x = {1.5, -2, 0.25};
  std::vector<double> gradient = cubic_gradient(x);
  gradient[1] *= 1 + 1e-5;
  const auto result = check_gradient(cubic, x, gradient);
  CHECK_FALSE(result.ok);
  CHECK(result.worst_index == 1);
  CHECK(result.numeric == doctest::Approx(0.5));
  for (const char* part :
       {"gradient is wrong", "element 1 ", "analytic 0.500005", "numeric 0.5", "tolerance"})
    CHECK(result.message.find(part) != std::string::npos);
}

TEST_CASE("check_gradient: a gradient or function that is not finite fails") {
  const std::vector<double> x = {1.5, -2, 0.25};
  std::vector<double> gradient = cubic_gradient(x);
  gradient[2] = std::nan("");
  const auto result = check_gradient(cubic, x, gradient);
  CHECK_FALSE(result.ok);
  CHECK(result.worst_index == 2);
  const auto infinite = [](std::span<const double>) { return std::numeric_limits<double>::infinity(); };
  CHECK_FALSE(check_gradient(infinite, x, cubic_gradient(x)).ok);
  GradientCheckOptions options;
  options.allow_kinks = true;
  CHECK_FALSE(check_gradient(infinite, x, cubic_gradient(x), options).ok);
}

TEST_CASE("check_gradient: needs one gradient element for each input") {
  const std::vector<double> x = {1, 2, 3}, gradient = {1, 2};
  CHECK_THROWS_AS(check_gradient(cubic, x, gradient), ShapeError);
}

TEST_CASE("check_gradient: an empty input is right") {
  const auto result = check_gradient([](std::span<const double>) { return 1.0; }, {}, {});
  CHECK(result.ok);
  CHECK(result.checked == 0);
}

TEST_CASE("check_gradient: a sample looks at that many elements, the same ones for the same seed") {
  std::vector<int> touched(50, 0);
  const std::vector<double> x(50, 1.0), gradient(50, 1.0);
  const auto f = [&](std::span<const double> at) {
    double sum = 0;
    for (std::size_t i = 0; i < at.size(); ++i) {
      sum += at[i];
      touched[i] += at[i] != 1.0;
    }
    return sum;
  };
  GradientCheckOptions options;
  options.samples = 7;
  options.seed = 5;
  CHECK(check_gradient(f, x, gradient, options).checked == 7);
  const std::vector<int> first = touched;
  CHECK(std::count_if(first.begin(), first.end(), [](int n) { return n > 0; }) == 7);
  check_gradient(f, x, gradient, options);
  for (std::size_t i = 0; i < first.size(); ++i) CHECK(touched[i] == 2 * first[i]);
}

double absolute(std::span<const double> x) { return std::abs(x[0]) + 3 * x[1]; }

TEST_CASE("check_gradient: skips the elements it is told to") {
  const std::vector<double> x = {0, 1}, gradient = {0.5, 3};
  GradientCheckOptions options;
  options.skip = [](std::size_t, double value) { return std::abs(value) < 0.01; };
  const auto result = check_gradient(absolute, x, gradient, options);
  CHECK_MESSAGE(result.ok, result.message);
  CHECK(result.skipped == 1);
  CHECK(result.checked == 1);
}

TEST_CASE("check_gradient: allow_kinks accepts subgradients only, and only at a kink") {
  GradientCheckOptions options;
  options.allow_kinks = true;
  const auto result_at = [&](double x, double slope) {
    return check_gradient(absolute, std::vector<double>{x, 1}, std::vector<double>{slope, 3}, options);
  };
  CHECK(result_at(0, 0.5).ok);
  CHECK(result_at(0, 0.5).kinks == 1);
  CHECK_FALSE(result_at(0, 1.5).ok);
  CHECK(result_at(0.001, 1).ok);  // the kink is inside the large stencil, not the small one
  CHECK_FALSE(result_at(0.001, 0.5).ok);
  CHECK_FALSE(check_gradient(absolute, std::vector<double>{0, 1}, std::vector<double>{0.5, 3}).ok);
}

}  // namespace
}  // namespace uptake::kernels
