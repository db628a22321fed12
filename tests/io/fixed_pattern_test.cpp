#include "io/scan/fixed_pattern.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <stdexcept>

using namespace uptake;
using io::Image;
using io::SampleKind;

namespace {

/// A body of 50 counts that differs from case to case, in air of 0.9, with Poisson noise.
Image scan(std::int64_t h, std::int64_t w, unsigned seed) {
  std::mt19937 random(seed);
  Image image(h, w, 1, SampleKind::counts);
  const double cy = static_cast<double>(h) / 2 + static_cast<double>(random() % 5) - 2;
  const double cx = static_cast<double>(w) / 2 + static_cast<double>(random() % 5) - 2;
  for (std::int64_t y = 0; y < h; ++y)
    for (std::int64_t x = 0; x < w; ++x) {
      const double r = std::hypot(static_cast<double>(y) - cy, static_cast<double>(x) - cx);
      image.at(y, x, 0) = static_cast<float>(std::poisson_distribution<>(r < 16 ? 50 : 0.9)(random));
    }
  return image;
}

/// What a perfect prediction would be: as the scan, without its noise in the air, and `planted` on top.
template <class Planted>
io::FixedPatternSurvey survey_of(std::size_t cases, std::int64_t h, std::int64_t w, const Planted& planted) {
  io::FixedPatternSurvey survey;
  for (unsigned n = 0; n < cases; ++n) {
    const Image truth = scan(h, w, n + 1);
    Image prediction = truth;
    for (std::int64_t y = 0; y < h; ++y)
      for (std::int64_t x = 0; x < w; ++x)
        prediction.at(y, x, 0) = (truth.at(y, x, 0) > 10 ? truth.at(y, x, 0) : 0.9f) + planted(y, x);
    survey.add(prediction, truth);
  }
  return survey;
}

}  // namespace

TEST_CASE("fixed pattern: predictions without one have the air of the truth and the power of noise") {
  const auto pattern = survey_of(12, 96, 80, [](auto, auto) { return 0.0f; }).result();
  REQUIRE(pattern.has_value());
  CHECK(pattern->cases == 12);
  CHECK(pattern->truth_mean == doctest::Approx(0.9).epsilon(0.05));
  CHECK(pattern->prediction_mean == doctest::Approx(0.9).epsilon(0.05));
  CHECK(pattern->prediction_hot == 0);
  for (const double power : pattern->power) CHECK(power < 3);
  CHECK(pattern->power[4] == doctest::Approx(1).epsilon(0.4));
  CHECK_FALSE(pattern->has_lattice());
}

TEST_CASE("fixed pattern: a lattice of hot pixels is found, with its period, its place and its size") {
  for (const std::int64_t period : {4, 8, 16, 32}) {
    CAPTURE(period);
    const auto hot = [period](std::int64_t y, std::int64_t x) {
      return y % period == 12 % period && x % period == 20 % period ? 40.0f : 0.0f;
    };
    const auto pattern = survey_of(10, 96, 96, hot).result();
    REQUIRE(pattern.has_value());
    CHECK(pattern->has_lattice());
    CHECK(pattern->worst.row % period == 12 % period);
    CHECK(pattern->worst.column % period == 20 % period);
    CHECK(pattern->worst.prediction_mean == doctest::Approx(40.9).epsilon(0.05));
    CHECK(pattern->worst.truth_mean < 3);
    CHECK(pattern->prediction_hot > 2);
    CHECK(pattern->truth_hot < 1);
    for (std::size_t i = 0; i < io::kLatticePeriods.size(); ++i)
      if (io::kLatticePeriods[i] == period) CHECK(pattern->power[i] > 20);
  }
}

TEST_CASE("fixed pattern: a faint checkerboard that no single image shows is found") {
  const auto pattern = survey_of(20, 64, 96, [](std::int64_t y, std::int64_t x) {
                         return (x + y) % 2 == 0 ? 0.2f : -0.2f;
                       }).result();
  REQUIRE(pattern.has_value());
  CHECK(pattern->power[0] > io::FixedPattern::kLattice);
  CHECK(pattern->power[1] < io::FixedPattern::kLattice);
  CHECK(pattern->prediction_hot == 0);
}

TEST_CASE("fixed pattern: a smooth halo around the body is none") {
  const auto halo = [](std::int64_t y, std::int64_t x) {
    const double r = std::hypot(static_cast<double>(y - 48), static_cast<double>(x - 48));
    return static_cast<float>(3 * std::exp(-r * r / 900));
  };
  const auto pattern = survey_of(10, 96, 96, halo).result();
  REQUIRE(pattern.has_value());
  CHECK_FALSE(pattern->has_lattice());
}

TEST_CASE(
    "fixed pattern: too few cases, cases without air and other sizes are left out, other shapes refused") {
  const auto nothing = [](auto, auto) { return 0.0f; };
  CHECK_FALSE(survey_of(4, 96, 96, nothing).result().has_value());
  CHECK_FALSE(io::FixedPatternSurvey().result().has_value());
  io::FixedPatternSurvey survey = survey_of(5, 96, 96, nothing);
  survey.add(scan(64, 64, 1), scan(64, 64, 1));
  const Image all_body(96, 96, 1, SampleKind::counts);
  survey.add(all_body, all_body);
  REQUIRE(survey.result().has_value());
  CHECK(survey.result()->cases == 5);
  CHECK_THROWS_AS(survey.add(scan(96, 95, 1), scan(96, 96, 1)), std::invalid_argument);
}

TEST_CASE("fixed pattern: the power is told period by period") {
  io::FixedPattern pattern;
  pattern.power = {1.04, 12.34, 100, 0, 261.4};
  CHECK(io::power_text(pattern) == "2: 1.0, 4: 12.3, 8: 100, 16: 0.0, 32: 261");
}
