#include "io/image/image_header.h"

#include <array>
#include <fstream>
#include <string_view>
#include <utility>

#include "io/base/file.h"
#include "io/base/folder.h"
#include "io/image/codec.h"
#include "io/image/marks.h"

namespace uptake::io {
namespace {

using Bytes = std::array<char, 26>;  // a PNG file up to the colour type of its IHDR chunk
std::string_view part(const Bytes& bytes, std::size_t at, std::size_t count) {
  return std::string_view(bytes.data(), bytes.size()).substr(at, count);
}

ImageHeader png_header(const Bytes& bytes, const std::filesystem::path& path) {
  if (part(bytes, 12, 4) != "IHDR") throw FileError(path, "a PNG whose first chunk is not its header");
  ImageHeader header;
  header.width = detail::big_endian(part(bytes, 16, 4));
  header.height = detail::big_endian(part(bytes, 20, 4));
  header.kind = bytes[24] == 16 ? SampleKind::u16 : SampleKind::u8;
  const int colour_type = bytes[25];
  header.channels =
      colour_type == 0 || colour_type == 4 ? 1 : 3;  // gray, gray with alpha; the rest becomes RGB
  return header;
}

/// Walks from marker to marker (each says its length) up to the frame header.
ImageHeader jpeg_header(std::istream& file, const std::filesystem::path& path) {
  file.clear();
  file.seekg(2);
  Bytes bytes{};
  const auto read = [&](int count) { return static_cast<bool>(file.read(bytes.data(), count)); };
  const auto number = [&](std::size_t at, std::size_t count) {
    return detail::big_endian(part(bytes, at, count));
  };
  while (read(2) && number(0, 1) == 0xff) {
    std::int64_t marker = number(1, 1);
    while (marker == 0xff && read(1)) marker = number(0, 1);  // fill bytes
    if (marker == 0xda || marker == 0xd9) break;  // pixels, or the end: too late for a frame header
    if (!read(2)) break;
    const std::int64_t length = number(0, 2);
    const bool frame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (frame) {
      if (!read(6)) break;
      return {number(1, 2), number(3, 2), bytes[5] == 1 ? 1 : 3, SampleKind::u8};
    }
    if (length < 2) break;
    file.seekg(length - 2, std::ios::cur);
  }
  throw FileError(path, "a JPEG without a frame header: truncated or corrupt");
}

}  // namespace

ImageHeader header_of(const Image& image) { return {image.height, image.width, image.channels, image.kind}; }

std::string describe(const ImageHeader& header) {
  const char* kind = header.kind == SampleKind::u8    ? "8 bit"
                     : header.kind == SampleKind::u16 ? "16 bit"
                                                      : "counts";
  return std::to_string(header.height) + "x" + std::to_string(header.width) + ", " +
         std::to_string(header.channels) + (header.channels == 1 ? " channel, " : " channels, ") + kind;
}

ImageHeader read_image_header(const std::filesystem::path& path) {
  if (std::error_code error; std::filesystem::exists(path, error) && !is_regular(path))
    throw FileError(path, "not a regular file");
  std::ifstream file(path, std::ios::binary);
  Bytes bytes{};
  if (!file) require_readable(path);
  if (!file.read(bytes.data(), 1)) throw FileError(path, "cannot be read or is empty");
  file.read(bytes.data() + 1, bytes.size() - 1);
  ImageHeader header;
  if (part(bytes, 0, 8) == detail::kPngSignature) {
    if (!file) throw FileError(path, "a PNG that ends inside its header");
    header = png_header(bytes, path);
  } else if (part(bytes, 0, 2) == detail::kJpegSignature.substr(0, 2)) {
    header = jpeg_header(file, path);
  } else {
    throw FileError(path, "neither a PNG nor a JPEG file");
  }
  if (header.height == 0 || header.width == 0) throw FileError(path, "an image without pixels");
  if (read_marks(path).turned()) std::swap(header.height, header.width);
  return header;
}

}  // namespace uptake::io
