#include "io/image/image.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "io/base/file.h"
#include "io/image/codec.h"
#include "io/image/montage.h"
#include "io/tensors/safetensors.h"
#include "tests/io/png_builder.h"
#include "tests/io/test_files.h"

using namespace uptake::io;
using namespace uptake::tests;

namespace {

Image random_image(std::int64_t h, std::int64_t w, std::int64_t c, SampleKind kind, unsigned seed) {
  Image image(h, w, c, kind);
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> level(0, kind == SampleKind::u16 ? 65535 : 255);
  for (float& sample : image.samples) sample = static_cast<float>(level(random));
  return image;
}

std::string refusal(const std::string& bytes) {
  return message_of<FileError>([&] { decode_image(bytes, "test.img"); });
}

void check_same(const Image& a, const Image& b) {
  CHECK(a.height == b.height);
  CHECK(a.width == b.width);
  CHECK(a.channels == b.channels);
  CHECK((a.kind == b.kind));
  CHECK((a.samples == b.samples));
}

std::string golden_bytes(const Safetensors& file, const std::string& name) {
  const auto& data = file.at(name).data;
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

}  // namespace

TEST_CASE("crc32: the check value of the specification") { CHECK(detail::crc32("123456789") == 0xcbf43926u); }

TEST_CASE("write_png: 8 and 16 bit, gray and RGB come back exactly") {
  const TestFolder folder;
  unsigned seed = 1;
  for (const auto kind : {SampleKind::u8, SampleKind::u16}) {
    for (const std::int64_t c : {1, 3}) {
      for (const auto& [h, w] : {std::pair{1, 1}, {3, 5}, {1, 40}, {40, 1}, {17, 31}, {64, 64}}) {
        const std::string size = std::to_string(h) + "x" + std::to_string(w);
        CAPTURE(size);
        const Image image = random_image(h, w, c, kind, seed++);
        write_png(folder / "x.png", image);
        check_same(read_image(folder / "x.png"), image);
      }
    }
  }
}

TEST_CASE("write_png: smooth pictures, where every row filter has its use, come back exactly and small") {
  Image image(61, 47, 3, SampleKind::u16);
  for (std::int64_t y = 0; y < 61; ++y) {
    for (std::int64_t x = 0; x < 47; ++x) {
      image.at(y, x, 0) = static_cast<float>(y * 1000 + x);
      image.at(y, x, 1) = static_cast<float>(x * 1300);
      image.at(y, x, 2) = static_cast<float>((x + y) * 500);
    }
  }
  const std::string png = encode_png(image);
  check_same(decode_image(png, "x"), image);
  CHECK(png.size() <
        image.samples.size() * 2 / 5);  // without filters deflate reaches about half of the raw size
}

TEST_CASE("write_png: a picture with long runs, larger than any window or buffer, comes back exactly") {
  Image image(700, 900, 3, SampleKind::u16);
  for (std::int64_t y = 0; y < image.height; ++y)
    for (std::int64_t x = 0; x < image.width; ++x)
      for (std::int64_t c = 0; c < 3; ++c)
        image.at(y, x, c) = static_cast<float>(x / 100 % 2 == 0 ? 12345 : (y * y + x * 7 + c) % 65536);
  const std::string png = encode_png(image);
  check_same(decode_image(png, "x"), image);
  Image white(1200, 1000, 1, SampleKind::u8);
  std::fill(white.samples.begin(), white.samples.end(), 255.0f);
  CHECK(encode_png(white).size() < white.samples.size() / 200);
  check_same(decode_image(encode_png(white), "x"), white);
}

TEST_CASE("write_png: samples are rounded and clamped, NaN is black") {
  Image image(1, 5, 1, SampleKind::u8);
  image.samples = {-3.0f, 0.6f, 254.4f, 300.0f, std::numeric_limits<float>::quiet_NaN()};
  CHECK((decode_image(encode_png(image), "x").samples == std::vector<float>{0, 1, 254, 255, 0}));
  image.kind = SampleKind::u16;
  image.samples = {-3.0f, 0.6f, 65534.4f, 1e9f, std::numeric_limits<float>::infinity()};
  CHECK((decode_image(encode_png(image), "x").samples == std::vector<float>{0, 1, 65534, 65535, 65535}));
}

TEST_CASE("write_png: counts, empty images and odd channel counts are refused") {
  CHECK_THROWS_AS(encode_png(Image(2, 2, 1, SampleKind::counts)), std::invalid_argument);
  CHECK_THROWS_AS(encode_png(Image(0, 2, 1, SampleKind::u8)), std::invalid_argument);
  CHECK_THROWS_AS(encode_png(Image(2, 2, 2, SampleKind::u8)), std::invalid_argument);
  CHECK_THROWS_AS(encode_png(Image()), std::invalid_argument);
}

TEST_CASE("write_png: a failed write leaves no file") {
  const TestFolder folder;
  folder.put("file", "");
  CHECK_THROWS_AS(write_png(folder / "file" / "x.png", random_image(2, 2, 1, SampleKind::u8, 1)), FileError);
  CHECK(folder.names() == std::vector<std::string>{"file"});
}

TEST_CASE("read_image: palettes become RGB, packed bits become 0..255") {
  const std::string palette = PngBuilder(2, 1, 8, 3)
                                  .chunk("PLTE", std::string("\x01\x02\x03\x0a\x14\x1e", 6))
                                  .rows(std::string("\0\x01\x00", 3))
                                  .end();
  CHECK((decode_image(palette, "x").samples == std::vector<float>{10, 20, 30, 1, 2, 3}));

  const std::string bits = PngBuilder(3, 1, 1, 0).rows(std::string("\0\xa0", 2)).end();
  CHECK((decode_image(bits, "x").samples == std::vector<float>{255, 0, 255}));
}

TEST_CASE("read_image: JPEGs match Pillow's decoder") {
  const Safetensors file = read_safetensors(golden("decoded_jpeg.safetensors"));
  for (const std::string name : {"rgb", "rgb_progressive", "gray"}) {
    CAPTURE(name);
    const Image image = decode_image(golden_bytes(file, name + ".jpeg"), name);
    const auto expected = file.as_i64(name + ".pixels");
    REQUIRE(image.samples.size() == expected.size());
    double worst = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      worst = std::max(worst, std::abs(image.samples[i] - static_cast<double>(expected[i])));
    }
    CHECK(worst <= 2);  // both decoders round their inverse cosine transform and color conversion differently
  }
}

TEST_CASE("read_image: a file cut at any length is refused") {
  const Safetensors file = read_safetensors(golden("decoded_jpeg.safetensors"));
  for (const std::string& whole : {golden_bytes(file, "rgb.jpeg"), golden_bytes(file, "rgb_progressive.jpeg"),
                                   encode_png(random_image(9, 7, 3, SampleKind::u8, 3)),
                                   encode_png(random_image(5, 4, 1, SampleKind::u16, 4))}) {
    CHECK(refusal(whole).empty());
    std::size_t accepted = 0;
    for (std::size_t length = 0; length < whole.size(); ++length) {
      if (refusal(whole.substr(0, length)).empty()) ++accepted;
    }
    CHECK(accepted == 0);
  }
}

TEST_CASE("read_image: bytes after the end of the image do no harm") {
  const Safetensors file = read_safetensors(golden("decoded_jpeg.safetensors"));
  CHECK(refusal(golden_bytes(file, "rgb.jpeg") + std::string(100, '\0')).empty());
  CHECK(refusal(encode_png(random_image(9, 7, 3, SampleKind::u8, 3)) + "padding").empty());
}

TEST_CASE("read_image: any changed byte of a PNG is refused") {
  const std::string whole = encode_png(random_image(6, 5, 3, SampleKind::u8, 5));
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    CAPTURE(i);
    CHECK_FALSE(refusal(damaged).empty());
  }
}

TEST_CASE("read_image: damage hidden behind a correct checksum does not crash") {
  const std::string raw = [] {
    std::string rows;
    for (int y = 0; y < 12; ++y) rows += static_cast<char>(y % 5) + std::string(30, static_cast<char>(y * 7));
    return rows;
  }();
  const std::string stream = detail::zlib_compress(raw);
  std::mt19937 random(11);
  int refused = 0;
  for (int round = 0; round < 400; ++round) {
    std::string damaged = stream;
    damaged[random() % damaged.size()] = static_cast<char>(random());
    if (round % 4 == 0) damaged.resize(random() % damaged.size());
    if (!refusal(PngBuilder(10, 12, 8, 2).chunk("IDAT", damaged).end()).empty()) ++refused;
  }
  CHECK(refused > 100);  // every shortened stream, and most of the changed ones
}

TEST_CASE("read_image: a JPEG with changed bytes does not crash") {
  const Safetensors file = read_safetensors(golden("decoded_jpeg.safetensors"));
  std::mt19937 random(12);
  int refused = 0;
  for (const std::string name : {"rgb.jpeg", "rgb_progressive.jpeg", "gray.jpeg"}) {
    const std::string whole = golden_bytes(file, name);
    for (int round = 0; round < 600; ++round) {
      std::string damaged = whole;
      for (int i = 0; i <= round % 3; ++i) damaged[random() % damaged.size()] = static_cast<char>(random());
      if (!refusal(damaged).empty()) ++refused;
    }
  }
  CHECK(refused > 50);
}

TEST_CASE("read_image: headers that lie about the size are refused before anything is allocated") {
  CHECK(refusal(PngBuilder(100'000, 100'000, 8, 2).rows("x").end()).find("claims 100000 x 100000") !=
        std::string::npos);
  CHECK(refusal(PngBuilder(0x7fffffff, 0x7fffffff, 8, 0).rows("x").end()).find("claims") !=
        std::string::npos);
  CHECK(refusal(PngBuilder(16'000, 16'000, 8, 0).rows("x").end()).find("more than its data can hold") !=
        std::string::npos);
  CHECK(refusal(PngBuilder(0, 5, 8, 0).rows("x").end()).find("without pixels") != std::string::npos);
  CHECK(refusal(PngBuilder(5, 5, 7, 0).rows("x").end()).find("does not exist") != std::string::npos);
  CHECK_FALSE(refusal(PngBuilder(5, 5, 8, 0).end()).empty());
  CHECK_FALSE(refusal(PngBuilder(5, 5, 8, 0).rows("too short").end()).empty());

  std::string jpeg = golden_bytes(read_safetensors(golden("decoded_jpeg.safetensors")), "gray.jpeg");
  const std::size_t frame = jpeg.find("\xff\xc0");
  REQUIRE(frame != std::string::npos);
  jpeg.replace(frame + 5, 4, "\xff\xf0\xff\xf0");
  CHECK(refusal(jpeg).find("claims 65520 x 65520") != std::string::npos);
  jpeg.replace(frame + 5, 4, "\x30\x39\x30\x39");
  CHECK(refusal(jpeg).find("more pixels than its data can hold") != std::string::npos);
}

TEST_CASE("read_image: what is not an image is refused by name") {
  const TestFolder folder;
  CHECK(message_of<FileError>([&] { read_image(folder / "absent.png"); }).find("absent.png") !=
        std::string::npos);
  CHECK_THROWS_AS(read_image(folder / ""), FileError);
  CHECK(message_of<FileError>([&] { read_image(folder.put("e.png", "")); }).find("is empty") !=
        std::string::npos);
  CHECK(message_of<FileError>([&] { read_image(folder.put("t.png", "GIF89a text")); }).find("neither") !=
        std::string::npos);
}

TEST_CASE("read_image: real photographs") {
  const auto path = test_data() / "facades" / "test" / "1.jpg";
  if (!std::filesystem::exists(path)) {
    MESSAGE("SKIPPED: no facades in " << test_data().string());
    return;
  }
  const Image image = read_image(path);
  CHECK(image.height == 256);
  CHECK(image.width == 512);
  CHECK(image.channels == 3);
  check_same(decode_image(encode_png(image), "x"), image);
  const std::string bytes = read_file(path);
  for (std::size_t length = 0; length < bytes.size(); length += 997) {
    CHECK_FALSE(refusal(bytes.substr(0, length)).empty());
  }
}

TEST_CASE("resize_bicubic: equals Pillow for enlarging, shrinking and both at once") {
  const Safetensors file = read_safetensors(golden("resize_bicubic.safetensors"));
  REQUIRE(file.tensors.size() == 22);
  for (int index = 0; index < 11; ++index) {
    const std::string name = std::string(index < 10 ? "0" : "") + std::to_string(index);
    CAPTURE(name);
    const auto& from = file.at(name + ".in").shape;
    const auto& to = file.at(name + ".out").shape;
    Image image(from[0], from[1], from[2], SampleKind::counts);
    image.samples = file.as_f32(name + ".in");
    const Image result = resize_bicubic(image, to[0], to[1]);
    const auto expected = file.as_f32(name + ".out");
    REQUIRE(result.samples.size() == expected.size());
    float worst = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      worst = std::max(worst, std::abs(result.samples[i] - expected[i]));
    }
    CHECK(worst <=
          2e-4f);  // values to 1000 rounded to float after each of two passes: 2 * 1000 * 6e-8, overshoot
  }
}

TEST_CASE("resize_bicubic: 8 and 16 bit stay in their range, counts may overshoot") {
  Image edge(4, 4, 1, SampleKind::u8);
  for (std::int64_t y = 0; y < 4; ++y) edge.at(y, 2, 0) = edge.at(y, 3, 0) = 255;
  const auto range = [&](SampleKind kind) {
    edge.kind = kind;
    const Image out = resize_bicubic(edge, 16, 16);
    const auto [low, high] = std::minmax_element(out.samples.begin(), out.samples.end());
    return std::pair{*low, *high};
  };
  CHECK(range(SampleKind::counts).first < -5);
  CHECK(range(SampleKind::counts).second > 260);
  CHECK(range(SampleKind::u8) == std::pair{0.0f, 255.0f});
  CHECK(range(SampleKind::u16).first == 0.0f);
}

TEST_CASE("resize_bicubic: impossible sizes are refused") {
  const Image image = random_image(3, 3, 1, SampleKind::u8, 1);
  CHECK_THROWS_AS(resize_bicubic(image, 0, 3), std::invalid_argument);
  CHECK_THROWS_AS(resize_bicubic(image, 3, -1), std::invalid_argument);
  CHECK_THROWS_AS(resize_bicubic(image, std::int64_t{1} << 40, std::int64_t{1} << 40), std::invalid_argument);
  CHECK_THROWS_AS(resize_bicubic(Image(), 3, 3), std::invalid_argument);
}

TEST_CASE("crop: takes the rectangle and refuses one that sticks out") {
  Image image(3, 4, 2, SampleKind::counts);
  for (std::size_t i = 0; i < image.samples.size(); ++i) image.samples[i] = static_cast<float>(i);
  const Image out = crop(image, 1, 2, 2, 2);
  CHECK((out.samples == std::vector<float>{12, 13, 14, 15, 20, 21, 22, 23}));
  CHECK((out.kind == SampleKind::counts));
  check_same(crop(image, 0, 0, 3, 4), image);
  CHECK_THROWS_AS(crop(image, 0, 0, 4, 4), std::invalid_argument);
  CHECK_THROWS_AS(crop(image, 0, 3, 1, 2), std::invalid_argument);
  CHECK_THROWS_AS(crop(image, -1, 0, 1, 1), std::invalid_argument);
  CHECK_THROWS_AS(crop(image, 1, 0, std::numeric_limits<std::int64_t>::max(), 1), std::invalid_argument);
}

TEST_CASE("flip_horizontal: mirrors columns and keeps channels together") {
  Image image(2, 3, 2, SampleKind::u16);
  image.samples = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  CHECK((flip_horizontal(image).samples == std::vector<float>{5, 6, 3, 4, 1, 2, 11, 12, 9, 10, 7, 8}));
}

TEST_CASE("to_display: maps the range linearly, clamps, and inverts when low is above high") {
  Image image(1, 5, 1, SampleKind::counts);
  image.samples = {-10, 0, 50, 100, std::numeric_limits<float>::quiet_NaN()};
  CHECK((to_display(image, 0, 100).samples == std::vector<float>{0, 0, 127.5, 255, 0}));
  CHECK((to_display(image, 100, 0).samples == std::vector<float>{255, 255, 127.5, 0, 0}));
  CHECK((to_display(image, 0, 0).samples == std::vector<float>{0, 0, 255, 255, 0}));
  CHECK((to_display(image, 0, 100).kind == SampleKind::u8));
}

TEST_CASE("montage: cells are centered in their column and row, the rest is white, gray joins RGB") {
  Image gray(1, 1, 1, SampleKind::u8), color(3, 1, 3, SampleKind::u8);
  gray.samples = {7};
  color.samples = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  const Image out = montage({{gray, color}, {gray}}, 1);
  CHECK(out.height == 5);
  CHECK(out.width == 3);
  REQUIRE(out.channels == 3);
  const auto pixel = [&](std::int64_t y, std::int64_t x) {
    return std::vector<float>{out.at(y, x, 0), out.at(y, x, 1), out.at(y, x, 2)};
  };
  CHECK((pixel(0, 0) == std::vector<float>{255, 255, 255}));
  CHECK((pixel(1, 0) == std::vector<float>{7, 7, 7}));
  CHECK((pixel(1, 1) == std::vector<float>{255, 255, 255}));
  CHECK((pixel(2, 2) == std::vector<float>{7, 8, 9}));
  CHECK((pixel(4, 0) == std::vector<float>{7, 7, 7}));
  CHECK((pixel(4, 2) == std::vector<float>{255, 255, 255}));
}

TEST_CASE("montage: joins images of one size without a seam, and refuses what is not for display") {
  const Image image = random_image(4, 6, 1, SampleKind::u8, 9);
  const std::vector<Image> halves{crop(image, 0, 0, 4, 2), crop(image, 0, 2, 4, 4)};
  check_same(montage({halves}, 0), image);
  CHECK_THROWS_AS(montage({}, 0), std::invalid_argument);
  CHECK_THROWS_AS(montage({{}}, 0), std::invalid_argument);
  CHECK_THROWS_AS(montage({{image}}, -1), std::invalid_argument);
  CHECK_THROWS_AS(montage({{random_image(2, 2, 1, SampleKind::u16, 1)}}, 0), std::invalid_argument);
  CHECK_THROWS_AS(montage({{random_image(2, 2, 2, SampleKind::u8, 1)}}, 0), std::invalid_argument);
}
