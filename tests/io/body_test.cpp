#include "io/image/body.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "io/scan/phantom_cohort.h"

using namespace uptake;
using io::Image;
using io::SampleKind;

namespace {

/// A disc of `counts` in air of 1, with a checkered pattern so that not all are equal.
Image disc(std::int64_t h, std::int64_t w, double radius, float counts) {
  Image image(h, w, 1, SampleKind::counts);
  for (std::int64_t y = 0; y < h; ++y)
    for (std::int64_t x = 0; x < w; ++x) {
      const double dy = static_cast<double>(y - h / 2), dx = static_cast<double>(x - w / 2);
      const bool inside = std::hypot(dy, dx) <= radius;
      image.at(y, x, 0) = (inside ? counts : 1.0f) + static_cast<float>((x + y) % 2);
    }
  return image;
}

void heat(Image& image, std::int64_t top, std::int64_t left, float counts) {
  for (std::int64_t y = top; y < top + 3; ++y)
    for (std::int64_t x = left; x < left + 3; ++x) image.at(y, x, 0) = counts;
}

std::ptrdiff_t pixels(const std::vector<bool>& mask) { return std::ranges::count(mask, true); }

}  // namespace

TEST_CASE("body_mask: a disc in air is found, within the smoothing, with and without a hot spot") {
  Image image = disc(61, 47, 15, 60);
  for (const bool hot : {false, true}) {
    CAPTURE(hot);
    if (hot) heat(image, 20, 20, 20000);
    const std::vector<bool> mask = io::body_mask(image);
    for (std::int64_t y = 0; y < 61; ++y)
      for (std::int64_t x = 0; x < 47; ++x) {
        const double r = std::hypot(static_cast<double>(y - 30), static_cast<double>(x - 23));
        const auto i = static_cast<std::size_t>(y * 47 + x);
        if (r < 13) REQUIRE(mask[i]);
        if (r > 20) REQUIRE_FALSE(mask[i]);
      }
  }
}

TEST_CASE("body_mask: without air everything is body; an image without pixels has no mask") {
  CHECK(pixels(io::body_mask(Image(7, 5, 1, SampleKind::counts))) == 35);
  Image flesh = disc(40, 40, 10, 60);
  for (float& x : flesh.samples) x += 30;
  CHECK(pixels(io::body_mask(flesh)) == 1600);
  CHECK(io::body_mask(Image(0, 5, 1, SampleKind::counts)).empty());
}

TEST_CASE("smoothed: keeps the sum of what lies inside, and what is flat") {
  io::Field field(21, 33);
  field.at(10, 16) = 5;
  const io::Field soft = io::smoothed(field, 2);
  double sum = 0, second = 0;
  for (std::int64_t y = 0; y < 21; ++y)
    for (std::int64_t x = 0; x < 33; ++x) {
      sum += soft.at(y, x);
      second += soft.at(y, x) * static_cast<double>((x - 16) * (x - 16));
    }
  CHECK(sum == doctest::Approx(5));
  CHECK(second / sum == doctest::Approx(4).epsilon(0.05));  // sigma 2, cut off at 6
  io::Field flat(3, 4);
  std::ranges::fill(flat.values, 7.0);
  for (const double v : io::smoothed(flat, 2).values) CHECK(v == doctest::Approx(7));
}

TEST_CASE("grown: by so many pixels to every side, and no further than the image") {
  std::vector<bool> mask(5 * 7, false);
  mask[2 * 7 + 1] = true;
  const std::vector<bool> large = io::grown(mask, 5, 7, 2);
  CHECK(pixels(large) == 5 * 4);
  CHECK(large[0]);
  CHECK(large[4 * 7 + 3]);
  CHECK_FALSE(large[4 * 7 + 4]);
  CHECK(io::grown(mask, 5, 7, 0) == mask);
}

TEST_CASE("levels: quantiles of the body alone, by nearest rank") {
  const Image image = disc(61, 61, 15, 60);
  CHECK(io::body_quantile(image, 1) == 61);
  CHECK(io::body_level(image) == 61);
  CHECK(io::upper_level(image) == 61);
  Image ramp(1, 101, 1, SampleKind::counts);
  for (std::size_t i = 0; i < 101; ++i) ramp.samples[i] = 100 + static_cast<float>(i);
  CHECK(io::body_quantile(ramp, 0.98) == 198);
  CHECK(io::body_quantile(ramp, 0) == 100);
  CHECK(io::upper_level(ramp) == 200);
  CHECK(io::body_level(Image(8, 8, 1, SampleKind::counts)) == 0);
  CHECK(io::upper_level(Image(0, 0, 1, SampleKind::counts)) == 0);
  Image lonely(64, 64, 1, SampleKind::counts);
  lonely.at(30, 30, 0) = 400;  // all of its body but one pixel is 0
  CHECK(io::body_level(lonely) == 400);
}

TEST_CASE("levels: nine pixels of 20,000 counts move that of their own small image by less than half") {
  for (const int size : {48, 64, 96}) {
    CAPTURE(size);
    const Image truth =
        io::make_phantom_patient({.patients = 1, .seed = 5, .size = size}, 1, "arthritis").delayed;
    for (const auto& [y, x] : {std::pair{2, 3}, std::pair{size / 2, size / 2}}) {
      Image hot = truth;
      heat(hot, y, x, 20000);
      CHECK(io::body_level(hot) == doctest::Approx(io::body_level(truth)).epsilon(0.5));
      CHECK(io::upper_level(hot) <= 2 * io::body_level(hot));
    }
    // Ordinary images reach about what their largest count is.
    const float largest = *std::ranges::max_element(truth.samples);
    CHECK(io::upper_level(truth) > 0.6 * largest);
  }
}
