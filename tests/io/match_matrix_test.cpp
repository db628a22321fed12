#include "io/pairs/match_matrix.h"

#include <doctest/doctest.h>

#include <numeric>

#include "dataset_fixture.h"

using namespace uptake;
using namespace uptake::tests;

TEST_CASE("on_matrix: each pixel gets the counts of its area, and none is lost") {
  io::Image image(2, 4, 1, io::SampleKind::counts);
  image.samples = {1, 2, 3, 4, 10, 20, 30, 40};
  CHECK(io::on_matrix(image, 1, 2).samples == std::vector<float>{33, 77});
  CHECK(io::on_matrix(image, 2, 4).samples == image.samples);
  const io::Image finer = io::on_matrix(image, 4, 8);
  CHECK(finer.at(0, 0, 0) == 0.25F);
  CHECK(finer.at(3, 7, 0) == 10);
  CHECK(io::on_matrix(finer, 2, 4).samples == image.samples);

  const io::Image odd = patterned(7, 5, 1, 3, io::SampleKind::counts);
  const double sum = std::accumulate(odd.samples.begin(), odd.samples.end(), 0.0);
  for (const auto& [h, w] : {std::pair{3, 4}, {1, 1}, {31, 33}, {7, 6}, {128, 2}}) {
    const io::Image to = io::on_matrix(odd, h, w);
    CHECK(to.height == h);
    CHECK(to.width == w);
    CHECK(std::accumulate(to.samples.begin(), to.samples.end(), 0.0) == doctest::Approx(sum).epsilon(1e-6));
  }
  CHECK_THROWS_AS(io::on_matrix(odd, 0, 1), std::invalid_argument);
  CHECK_THROWS_AS(io::on_matrix({}, 1, 1), std::invalid_argument);
}
