#include "io/image/band.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

namespace uptake::tests {

using io::BandLine;
using io::Image;
using io::SampleKind;

namespace {

Image picture(std::int64_t h, std::int64_t w, std::int64_t c = 1) {
  Image image(h, w, c, SampleKind::u8);
  for (std::size_t i = 0; i < image.samples.size(); ++i) image.samples[i] = static_cast<float>(i * 7 % 251);
  return image;
}

std::string rows(const Image& image, std::int64_t from, std::int64_t count) {
  std::string text;
  for (std::int64_t y = from; y < from + count; ++y) {
    for (std::int64_t x = 0; x < image.width; ++x) text += image.at(y, x, 0) > 127 ? '#' : '.';
    text += '\n';
  }
  return text;
}

}  // namespace

TEST_CASE("with_band: words are readable and cover no pixel of the picture") {
  const Image small = picture(3, 13), marked = with_band(small, {{"", "L1", ""}});
  CHECK(marked.height == 3 + 9 + 2);
  CHECK(marked.width == 13);
  for (std::int64_t y = 0; y < 3; ++y)
    for (std::int64_t x = 0; x < 13; ++x) CHECK(marked.at(y, x, 0) == small.at(y, x, 0));
  CHECK(rows(marked, 3, 11) ==
        ".............\n"
        ".............\n"
        ".#.......#...\n"
        ".#......##...\n"
        ".#.......#...\n"
        ".#.......#...\n"
        ".#.......#...\n"
        ".#.......#...\n"
        ".#####..###..\n"
        ".............\n"
        ".............\n");
}

TEST_CASE("with_band: edges, narrow pictures, large ones, color") {
  const Image narrow = with_band(picture(2, 1), {{"R", "ANT", "L"}});
  CHECK(narrow.width == 2 + 17 + 2 * 6);  // three words beside each other
  CHECK(narrow.at(1, 15, 0) == 7);        // centered
  CHECK(narrow.at(4, 1, 0) == 255);       // R begins at the left edge
  CHECK(narrow.at(4, 25, 0) == 255);      // L at the right one
  const Image large = with_band(picture(1, 320), {{"", "SYNTHETIC", ""}});
  CHECK(large.height == 1 + 2 * 11);
  const Image color = with_band(picture(2, 64, 3), {{"I", "", ""}});
  for (std::int64_t c = 0; c < 3; ++c) CHECK(color.at(4, 2, c) == 255);
  CHECK(with_band(picture(64, 64), {{"", "SYNTHETIC", ""}}).width == 64);  // fits the smallest of images
  CHECK(with_band(picture(5, 6), {}).height == 7);
}

TEST_CASE("with_band: characters it does not know are question marks, other pictures are refused") {
  CHECK(with_band(picture(2, 20), {{"", "\xe4", ""}}).samples ==
        with_band(picture(2, 20), {{"", "?", ""}}).samples);
  CHECK(with_band(picture(2, 20), {{"", "l", ""}}).samples ==
        with_band(picture(2, 20), {{"", "L", ""}}).samples);
  CHECK_THROWS_AS(with_band(Image(), {}), std::invalid_argument);
  CHECK_THROWS_AS(with_band(Image(2, 2, 1, SampleKind::counts), {}), std::invalid_argument);
  CHECK_THROWS_AS(with_band(picture(2, 2, 2), {}), std::invalid_argument);
}

}  // namespace uptake::tests
