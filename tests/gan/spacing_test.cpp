// Resampling to the spacing a model was trained on, and back.
#include "gan/spacing.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

namespace {

using namespace uptake;

double sum_of(const io::Image& image) {
  return std::accumulate(image.samples.begin(), image.samples.end(), 0.0);
}

gan::ImageDomain trained(double least_mm, double most_mm) {
  gan::ImageDomain domain;
  domain.row_spacing_mm = domain.column_spacing_mm = gan::Range{least_mm, most_mm};
  return domain;
}

}  // namespace

TEST_CASE("the trained grid covers the same field of view with the nearest spacing") {
  const auto grid = gan::trained_grid({64, 31, 4.0, 4.0}, trained(2, 2.5));
  REQUIRE(grid);
  CHECK(grid->height == 102);  // 256 mm at 2.5
  CHECK(grid->width == 50);    // 124 mm at 2.5: 49.6
  CHECK(grid->height * grid->row_mm == doctest::Approx(256));
  CHECK(grid->width * grid->column_mm == doctest::Approx(124));
  const auto same = gan::trained_grid({7, 9, 2.2, 2.4}, trained(2, 2.5));
  REQUIRE(same);
  CHECK(same->height == 7);
  CHECK(same->width == 9);
  CHECK(same->row_mm == doctest::Approx(2.2));
  CHECK_FALSE(gan::trained_grid({7, 9, 0, 0}, trained(2, 2.5)));
  CHECK_FALSE(gan::trained_grid({7, 9, 2, 2}, {}));
  CHECK_FALSE(gan::trained_grid({7, 9, 2, 2}, trained(0, 0)));
  CHECK(gan::trained_grid({1, 1, 1e-9, 1e-9}, trained(2, 2))->height == 1);
}

TEST_CASE("resampled counts keep their sum and are never negative") {
  io::Image image(31, 17, 1, io::SampleKind::counts);
  for (std::size_t i = 0; i < image.samples.size(); ++i)
    image.samples[i] = static_cast<float>(i * 2654435761U % 97);
  image.at(3, 3, 0) = 20000;  // bicubic overshoots around it
  for (const auto& [h, w] : {std::pair{62, 34}, {15, 40}, {1, 1}, {31, 16}}) {
    CAPTURE(h);
    const io::Image out = gan::resample_counts(image, h, w);
    CHECK(out.height == h);
    CHECK(out.width == w);
    CHECK(sum_of(out) == doctest::Approx(sum_of(image)).epsilon(1e-5));
    CHECK(*std::min_element(out.samples.begin(), out.samples.end()) >= 0);
  }
  const io::Image flat = [] {
    io::Image f(8, 8, 1, io::SampleKind::counts);
    std::fill(f.samples.begin(), f.samples.end(), 12.0F);
    return f;
  }();
  CHECK(gan::resample_counts(flat, 4, 4).at(2, 1, 0) == doctest::Approx(48));
  CHECK((gan::resample_counts(image, 31, 17).samples == image.samples));
  const io::Image none = gan::resample_counts(io::Image(4, 4, 1, io::SampleKind::counts), 9, 9);
  CHECK(sum_of(none) == 0);
}
