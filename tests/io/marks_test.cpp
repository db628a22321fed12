// What a picture says beside its pixels: orientation, alpha, inks; applied, and said.
#include "io/image/marks.h"

#include <doctest/doctest.h>

#include "io/base/file.h"
#include "io/image/image_header.h"
#include "io/pairs/dataset.h"
#include "io/tensors/safetensors.h"
#include "tests/io/png_builder.h"
#include "tests/io/test_files.h"

using namespace uptake::io;
using namespace uptake::tests;

namespace {

std::string u16(unsigned value, bool little) {
  const std::string big{static_cast<char>(value >> 8), static_cast<char>(value)};
  return little ? std::string(big.rbegin(), big.rend()) : big;
}

/// A TIFF structure whose directory holds another entry (make of the camera) and the orientation.
std::string tiff(unsigned orientation, bool little = false) {
  const auto u32 = [&](unsigned value) {
    return little ? u16(value & 0xffff, true) + u16(value >> 16, true)
                  : u16(value >> 16, false) + u16(value & 0xffff, false);
  };
  const auto entry = [&](unsigned tag, unsigned type, const std::string& value) {
    return u16(tag, little) + u16(type, little) + u32(1) + value;
  };
  return (little ? "II" : "MM") + u16(42, little) + u32(8) + u16(2, little) +
         entry(0x010f, 2, "abc" + std::string(1, '\0')) +
         entry(0x0112, 3, u16(orientation, little) + std::string(2, '\0')) + u32(0);
}

/// 1 2 3
/// 4 5 6
PngBuilder six_pixels() { return PngBuilder(3, 2, 8, 0); }
const std::string kSixRows("\0\1\2\3\0\4\5\6", 8);

std::string jpeg_with(const std::string& exif) {
  const auto data = read_safetensors(golden("decoded_jpeg.safetensors")).at("gray.jpeg").data;
  const std::string jpeg(reinterpret_cast<const char*>(data.data()), data.size());
  const std::string payload = std::string("Exif\0\0", 6) + exif;
  return jpeg.substr(0, 2) + "\xff\xe1" + u16(static_cast<unsigned>(payload.size() + 2), false) + payload +
         jpeg.substr(2);
}

}  // namespace

TEST_CASE("read_image: the eight EXIF orientations, before and behind the pixels, in both byte orders") {
  const std::vector<std::vector<float>> upright_rows{
      {1, 2, 3, 4, 5, 6}, {3, 2, 1, 6, 5, 4}, {6, 5, 4, 3, 2, 1}, {4, 5, 6, 1, 2, 3},   // 1 to 4: 2 rows of 3
      {1, 4, 2, 5, 3, 6}, {4, 1, 5, 2, 6, 3}, {6, 3, 5, 2, 4, 1}, {3, 6, 2, 5, 1, 4}};  // 5 to 8: 3 rows of 2
  const TestFolder folder;
  for (unsigned orientation = 1; orientation <= 8; ++orientation)
    for (const bool little : {false, true})
      for (const bool behind : {false, true}) {
        CAPTURE(orientation);
        PngBuilder png = six_pixels();
        if (!behind) png.chunk("eXIf", tiff(orientation, little));
        png.rows(kSixRows);
        if (behind) png.chunk("eXIf", tiff(orientation, little));
        const auto path = folder.put("x.png", png.end());
        std::vector<std::string> notes;
        const Image image = read_image(path, notes);
        CHECK(image.width == (orientation < 5 ? 3 : 2));
        CHECK((image.samples == upright_rows[orientation - 1]));
        CHECK(header_of(image) == read_image_header(path));
        CHECK(notes.size() == (orientation == 1 ? 0 : 1));
        if (orientation != 1) CHECK(notes.at(0).find("EXIF orientation " + std::to_string(orientation)) == 0);
      }
}

TEST_CASE("read_image: the EXIF orientation of a JPEG is applied") {
  const TestFolder folder;
  const Image plain = read_image(folder.put("1.jpg", jpeg_with(tiff(1))));
  for (const int orientation : {3, 6}) {
    const auto path = folder.put("x.jpg", jpeg_with(tiff(static_cast<unsigned>(orientation))));
    const Image image = read_image(path);
    CHECK((image.samples == upright(plain, orientation).samples));
    CHECK(header_of(image) == read_image_header(path));
    CHECK(read_marks(path).orientation == orientation);
  }
}

TEST_CASE("read_image: orientations that do not exist and torn EXIF change nothing") {
  std::vector<std::string> notes;
  for (const unsigned orientation : {0U, 9U, 65535U}) {
    notes.clear();
    const Image image =
        decode_image(six_pixels().chunk("eXIf", tiff(orientation)).rows(kSixRows).end(), "x", notes);
    CHECK((image.samples == std::vector<float>{1, 2, 3, 4, 5, 6}));
    REQUIRE(notes.size() == 1);
    CHECK(notes[0].find("does not exist") != std::string::npos);
  }
  const std::string whole = tiff(6);
  for (std::size_t length = 0; length + 8 < whole.size(); ++length) {
    notes.clear();
    decode_image(six_pixels().chunk("eXIf", whole.substr(0, length)).rows(kSixRows).end(), "x", notes);
    CHECK(notes.empty());
  }
}

TEST_CASE("read_image: transparent pixels are laid on white and counted, opaque alpha changes nothing") {
  std::vector<std::string> notes;
  const std::string gray = PngBuilder(2, 1, 8, 4).rows(std::string("\0\x0a\xff\x14\x00", 5)).end();
  CHECK((decode_image(gray, "x", notes).samples == std::vector<float>{10, 255}));
  REQUIRE(notes.size() == 1);
  CHECK(notes[0] == "alpha channel: 1 of 2 pixels are transparent and were laid on white");

  notes.clear();
  const std::string opaque = PngBuilder(1, 1, 8, 6).rows(std::string("\0\x01\x02\x03\xff", 5)).end();
  CHECK((decode_image(opaque, "x", notes).samples == std::vector<float>{1, 2, 3}));
  CHECK(notes.empty());

  const std::string half = PngBuilder(1, 1, 8, 6).rows(std::string("\0\x01\x02\x03\x80", 5)).end();
  CHECK((decode_image(half, "x").samples == std::vector<float>{128, 128, 129}));  // a = 128/255, rounded

  const std::string wide = PngBuilder(1, 1, 16, 4).rows(std::string("\0\x12\x34\xff\xff", 5)).end();
  CHECK((decode_image(wide, "x").samples == std::vector<float>{0x1234}));
  const std::string hidden = PngBuilder(1, 1, 16, 4).rows(std::string("\0\x12\x34\x00\x00", 5)).end();
  CHECK((decode_image(hidden, "x").samples == std::vector<float>{65535}));
  CHECK(decode_image(hidden, "x").kind == SampleKind::u16);
}

TEST_CASE("read_image: transparency without an alpha channel (tRNS) is transparency") {
  std::vector<std::string> notes;
  const std::string key =
      PngBuilder(2, 1, 8, 0).chunk("tRNS", std::string("\0\x07", 2)).rows(std::string("\0\x07\x08", 3)).end();
  CHECK((decode_image(key, "x", notes).samples == std::vector<float>{255, 8}));
  const std::string palette = PngBuilder(2, 1, 8, 3)
                                  .chunk("PLTE", std::string("\x01\x02\x03\x0a\x14\x1e", 6))
                                  .chunk("tRNS", std::string("\0", 1))
                                  .rows(std::string("\0\x01\x00", 3))
                                  .end();
  CHECK((decode_image(palette, "x", notes).samples == std::vector<float>{10, 20, 30, 255, 255, 255}));
  CHECK(notes.size() == 2);
  const TestFolder folder;
  CHECK(read_image_header(folder.put("k.png", key)).channels == 1);
  CHECK(read_image_header(folder.put("p.png", palette)).channels == 3);
  CHECK(read_marks(folder / "p.png").alpha);
  CHECK(read_marks(folder / "p.png").palette);
}

TEST_CASE("find_marks: four inks, profiles, animations and significant bits are seen") {
  const TestFolder folder;
  const auto marks = [&](const std::string& bytes) { return read_marks(folder.put("x", bytes)); };
  const auto frame = [](char components) {
    return std::string("\xff\xc0\x00\x11\x08\x01\x04\x01\x2c", 9) + components;
  };
  CHECK(marks(std::string("\xff\xd8\xff\xe0\x00\x04zz\xff", 9) + frame('\4')).cmyk);
  CHECK_FALSE(marks(std::string("\xff\xd8\xff\xe0\x00\x04zz\xff", 9) + frame('\3')).cmyk);
  CHECK(marks(std::string("\xff\xd8\xff\xe2\x00\x10ICC_PROFILE\0\1\1", 20) + frame('\3')).profile);
  CHECK(marks(six_pixels().chunk("acTL", std::string(8, '\0')).end()).animated);
  CHECK(marks(six_pixels().chunk("sBIT", "\x0c").end()).significant_bits == 12);
  CHECK(marks(six_pixels().chunk("gAMA", std::string(4, '\1')).end()).profile);
  CHECK(marks("no picture").orientation == 1);
  CHECK_THROWS_AS(read_marks(folder / "missing"), FileError);
}

TEST_CASE("is_picture: by the first bytes, whatever the name; folders and missing files are none") {
  const TestFolder folder;
  CHECK(is_picture(folder.put("noname", six_pixels().rows(kSixRows).end())));
  CHECK(is_picture(folder.put("x.dcm", jpeg_with(tiff(1)))));
  CHECK_FALSE(is_picture(folder.put("x.png", "BM bitmap")));
  CHECK_FALSE(is_picture(folder.put("e.png", "")));
  CHECK_FALSE(is_picture(folder / "missing.png"));
  CHECK_FALSE(is_picture(folder / ""));
}

TEST_CASE(
    "PairDataset::notes: what reading changed is said once for each kind, with the first file and how many") {
  const TestFolder folder;
  std::filesystem::create_directories(folder / "A");
  std::filesystem::create_directories(folder / "B");
  for (const char* name : {"1", "2", "3"}) {
    const bool turned = name[0] != '2';
    folder.put("A/" + std::string(name) + ".png",
               six_pixels().chunk("eXIf", tiff(turned ? 3 : 1)).rows(kSixRows).end());
    folder.put("B/" + std::string(name) + ".png", six_pixels().rows(kSixRows).end());
  }
  PairDataset data(folder / "", "train", {.cache_bytes = 1 << 20});
  CHECK(data.notes().empty());
  data.verify(2);
  REQUIRE(data.notes().size() == 2);
  CHECK(data.notes()[0] == "A/1.png: EXIF orientation 3: turned upright (and the like in 1 more)");
  CHECK(data.notes()[1] == "A/2.png: is the same image as its partner B/2.png, pixel for pixel");
  CHECK((data.load(0).a.samples == std::vector<float>{6, 5, 4, 3, 2, 1}));
  CHECK((data.load(0).b.samples == std::vector<float>{1, 2, 3, 4, 5, 6}));
}
