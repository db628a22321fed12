// JPEG files whose segments contradict each other: refused with a reason before the decoder sees them.
#include <doctest/doctest.h>

#include <functional>

#include "io/base/file.h"
#include "io/image/image.h"
#include "io/tensors/safetensors.h"
#include "tests/io/test_files.h"

using namespace uptake::io;
using namespace uptake::tests;

namespace {

std::string jpeg(const std::string& name) {
  const auto data = read_safetensors(golden("decoded_jpeg.safetensors")).at(name + ".jpeg").data;
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

std::string refusal(const std::string& bytes) {
  return message_of<FileError>([&] { decode_image(bytes, "test.jpg"); });
}

/// The file with `change` applied to each segment of this marker (the two marker bytes included).
std::string with_segments(const std::string& whole, char marker,
                          const std::function<std::string(const std::string&)>& change) {
  const std::string start{'\xff', marker};
  std::string changed = whole;
  for (std::size_t at = changed.find(start); at != std::string::npos; at = changed.find(start, at)) {
    const auto high = static_cast<unsigned char>(changed[at + 2]),
               low = static_cast<unsigned char>(changed[at + 3]);
    const std::size_t size = 2u + high * 256u + low;
    const std::string replacement = change(changed.substr(at, size));
    changed.replace(at, size, replacement);
    at += replacement.size();
  }
  return changed;
}

const auto nothing = [](const std::string&) { return std::string(); };

}  // namespace

TEST_CASE("JPEG: a scan whose Huffman or quantisation table is missing is refused") {
  for (const char* name : {"gray", "rgb", "rgb_progressive"}) {
    CAPTURE(name);
    CHECK(refusal(with_segments(jpeg(name), '\xc4', nothing)).find("without its Huffman table") !=
          std::string::npos);
    CHECK(refusal(with_segments(jpeg(name), '\xdb', nothing)).find("without its quantisation table") !=
          std::string::npos);
  }
  for (const bool drop_ac :
       {false, true}) {  // the upper half of the byte after the length says which kind it is
    const auto without = [&](const std::string& segment) {
      return (segment[4] >= 0x10) == drop_ac ? std::string() : segment;
    };
    CHECK(refusal(with_segments(jpeg("gray"), '\xc4', without)).find("without its Huffman table") !=
          std::string::npos);
  }
}

TEST_CASE("JPEG: a scan that only refines DC coefficients needs no Huffman table") {
  int refining = 0;
  const auto name_absent_tables = [&](std::string segment) {
    const std::size_t count = static_cast<unsigned char>(segment[4]), parameters = 5 + 2 * count;
    if (segment[parameters] != 0 || segment[parameters + 2] < 0x10) return segment;
    ++refining;
    for (std::size_t i = 0; i < count; ++i) segment[6 + 2 * i] = '\x33';
    return segment;
  };
  const std::string changed = with_segments(jpeg("rgb_progressive"), '\xda', name_absent_tables);
  CHECK(refining == 1);
  CHECK((decode_image(changed, "x").samples == decode_image(jpeg("rgb_progressive"), "x").samples));
}

TEST_CASE("JPEG: a Huffman table with more codes than a decoder has room for is refused") {
  // 272 codes: 17 of each length from 1 to 16.
  std::string overfull =
      std::string("\xff\xc4\x01\x23\x00", 5) + std::string(16, '\x11') + std::string(272, 'c');
  CHECK(refusal(with_segments(jpeg("gray"), '\xc4', [&](const std::string&) {
          return overfull;
        })).find("272 codes") != std::string::npos);
}

TEST_CASE("JPEG: tables that end before they are complete are refused") {
  std::string codes = std::string("\xff\xc4\x00\x13\x00", 5) + std::string(16, '\x01');
  CHECK(refusal(with_segments(jpeg("gray"), '\xc4', [&](const std::string&) {
          return codes;
        })).find("too short") != std::string::npos);
  std::string factors("\xff\xdb\x00\x04\x00\x01", 6);
  CHECK(refusal(with_segments(jpeg("gray"), '\xdb', [&](const std::string&) {
          return factors;
        })).find("too short") != std::string::npos);
}

TEST_CASE("JPEG: no image data, two frames and a thousand scans are refused") {
  CHECK(refusal("\xff\xd8\xff\xd9").find("no image data") != std::string::npos);
  const auto twice = [](const std::string& segment) { return segment + segment; };
  CHECK(refusal(with_segments(jpeg("gray"), '\xc0', twice)).find("two frames") != std::string::npos);
  const auto many = [](const std::string& segment) {
    std::string all;
    for (int i = 0; i < 1000; ++i) all += segment;
    return all;
  };
  CHECK(refusal(with_segments(jpeg("gray"), '\xda', many)).find("more than 256 scans") != std::string::npos);
}
