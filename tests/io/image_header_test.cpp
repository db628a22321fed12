#include "io/image/image_header.h"

#include <doctest/doctest.h>

#include "dataset_fixture.h"
#include "io/base/file.h"

using namespace uptake;
using namespace uptake::tests;
using io::ImageHeader;
using io::read_image_header;
using io::SampleKind;

namespace {

std::string png_start(int depth, int colour_type) {
  using namespace std::string_literals;
  return "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\x02\0\0\0\x07"s + static_cast<char>(depth) +
         static_cast<char>(colour_type) + "\0\0\0"s;
}

/// JPEG bytes: start, a JFIF segment, a Huffman table (not a frame, though its code is among theirs), fill
/// bytes, then the frame header of 260x300.
std::string jpeg_start(char frame_code, char components) {
  using namespace std::string_literals;
  return "\xff\xd8\xff\xe0\x00\x05zzz\xff\xc4\x00\x04yy\xff\xff\xff"s + frame_code +
         "\x00\x11\x08\x01\x04\x01\x2c"s + components + std::string(9, '\0');
}

}  // namespace

TEST_CASE("read_image_header: says the same as decoding the file") {
  const DatasetFolder folder;
  for (const SampleKind kind : {SampleKind::u8, SampleKind::u16})
    for (const std::int64_t channels : {1, 3}) {
      const auto path = folder.add("x.png", patterned(5, 8, channels, 1, kind));
      CHECK(read_image_header(path) == header_of(io::read_image(path)));
      CHECK(read_image_header(path) == ImageHeader{5, 8, channels, kind});
    }
}

TEST_CASE("read_image_header: a PNG palette becomes three channels, alpha is not counted") {
  const DatasetFolder folder;
  const auto channels = [&](int depth, int colour_type) {
    return read_image_header(folder.add("x.png", png_start(depth, colour_type))).channels;
  };
  CHECK(channels(1, 0) == 1);
  CHECK(channels(8, 2) == 3);
  CHECK(channels(4, 3) == 3);
  CHECK(channels(16, 4) == 1);
  CHECK(channels(16, 6) == 3);
  CHECK(read_image_header(folder.add("x.png", png_start(16, 4))) == ImageHeader{7, 258, 1, SampleKind::u16});
  CHECK(read_image_header(folder.add("x.png", png_start(2, 0))).kind == SampleKind::u8);
}

TEST_CASE(
    "read_image_header: finds the frame header of baseline and progressive JPEG behind other segments") {
  const DatasetFolder folder;
  for (const char code : {'\xc0', '\xc2'}) {
    CHECK(read_image_header(folder.add("x.jpg", jpeg_start(code, 1))) ==
          ImageHeader{260, 300, 1, SampleKind::u8});
    CHECK(read_image_header(folder.add("x.jpg", jpeg_start(code, 3))) ==
          ImageHeader{260, 300, 3, SampleKind::u8});
  }
}

TEST_CASE("read_image_header: every truncated start is refused with the file's name") {
  const DatasetFolder folder;
  const std::string png = png_start(8, 2), jpeg = jpeg_start('\xc0', 3);
  const std::size_t png_needed = 26, jpeg_needed = 27;  // up to the colour type; up to the component count
  for (std::size_t length = 0; length < jpeg_needed; ++length) {
    const auto path = folder.add("x.jpg", jpeg.substr(0, length));
    CHECK(contains(sentence_of([&] { read_image_header(path); }), "x.jpg: "));
  }
  for (std::size_t length = 0; length < png_needed; ++length) {
    const auto path = folder.add("y.png", png.substr(0, length));
    CHECK(contains(sentence_of([&] { read_image_header(path); }), "y.png: "));
  }
  CHECK_NOTHROW(read_image_header(folder.add("x.jpg", jpeg.substr(0, jpeg_needed))));
  CHECK_NOTHROW(read_image_header(folder.add("y.png", png.substr(0, png_needed))));
}

TEST_CASE("read_image_header: missing files, folders, text and images without pixels are refused") {
  const DatasetFolder folder;
  CHECK_THROWS_AS(read_image_header(folder.path() / "missing.png"), io::FileError);
  CHECK_THROWS_AS(read_image_header(folder.path()), io::FileError);
  CHECK(contains(sentence_of([&] { read_image_header(folder.add("a.png", "a text about images")); }),
                 "neither a PNG nor a JPEG"));
  std::string no_rows = png_start(8, 2);
  no_rows[23] = 0;
  CHECK(contains(sentence_of([&] { read_image_header(folder.add("a.png", no_rows)); }), "without pixels"));
}
