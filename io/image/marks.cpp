// Sources: PNG specification, third edition (W3C), 11; ITU-T T.81 (JPEG) B; CIPA DC-008 (EXIF) 4.6.
#include "io/image/marks.h"

#include <algorithm>
#include <array>
#include <fstream>

#include "io/base/file.h"
#include "io/base/folder.h"
#include "io/image/codec.h"

namespace uptake::io {
namespace {

using Read = std::function<std::string(std::uint64_t, std::size_t)>;

constexpr std::size_t kMostChunks = 100000;  // of a file made to be walked forever

/// Tag 0x0112 of the first directory of a TIFF structure; 1 without one.
int orientation_of(std::string_view tiff) {
  if (tiff.starts_with(std::string_view("Exif\0\0", 6))) tiff.remove_prefix(6);
  const bool little = tiff.starts_with("II");
  if (!little && !tiff.starts_with("MM")) return 1;
  const auto number = [&](std::size_t at, std::size_t count) -> std::size_t {
    if (at > tiff.size() || tiff.size() - at < count) return 0;
    std::string bytes(tiff.substr(at, count));
    if (little) std::reverse(bytes.begin(), bytes.end());
    return static_cast<std::size_t>(detail::big_endian(bytes));
  };
  const std::size_t directory = number(4, 4), entries = number(directory, 2);
  for (std::size_t k = 0; directory >= 8 && k < entries; ++k) {
    const std::size_t entry = directory + 2 + 12 * k;
    if (entry + 12 > tiff.size()) break;
    if (number(entry, 2) != 0x0112) continue;
    return static_cast<int>(number(entry + 8, number(entry + 2, 2) == 4 ? 4 : 2));
  }
  return 1;
}

void read_png(const Read& read, PictureMarks& marks) {
  std::uint64_t at = detail::kPngSignature.size();
  for (std::size_t count = 0; count < kMostChunks; ++count) {
    const std::string head = read(at, 8);
    if (head.size() < 8) return;
    const auto length = static_cast<std::uint64_t>(detail::big_endian(std::string_view(head).substr(0, 4)));
    const std::string type = head.substr(4);
    const auto data = [&] {
      return read(at + 8, static_cast<std::size_t>(std::min<std::uint64_t>(length, 1 << 16)));
    };
    if (type == "IHDR") {
      const std::string header = data();
      const char color = header.size() > 9 ? header[9] : '\0';
      marks.alpha = color == 4 || color == 6;
      marks.palette = color == 3;
    } else if (type == "eXIf") {
      marks.orientation = orientation_of(data());
    } else if (type == "tRNS") {
      marks.alpha = true;
    } else if (type == "acTL") {
      marks.animated = true;
    } else if (type == "iCCP" || type == "gAMA" || type == "cICP") {
      marks.profile = true;
    } else if (type == "sBIT") {
      const std::string bits = data();
      for (const char b : bits)
        marks.significant_bits = std::max(marks.significant_bits, static_cast<int>(b));
    } else if (type == "IEND") {
      return;
    }
    at += length + 12;
  }
}

void read_jpeg(const Read& read, PictureMarks& marks) {
  std::uint64_t at = 2;
  for (std::size_t count = 0; count < kMostChunks; ++count) {
    const std::string head = read(at, 4);
    if (head.size() < 2 || head[0] != '\xff') return;
    const auto marker = static_cast<unsigned char>(head[1]);
    if (marker == 0xff) {  // fill byte
      ++at;
      continue;
    }
    if (marker == 0xda || marker == 0xd9 || head.size() < 4) return;
    const auto length = static_cast<std::size_t>(detail::big_endian(std::string_view(head).substr(2, 2)));
    if (length < 2) return;
    const bool frame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (frame) {
      const std::string header = read(at + 4, 6);
      marks.cmyk = header.size() == 6 && header[5] == 4;
      return;
    }
    if (marker == 0xe1 || marker == 0xe2) {
      const std::string data = read(at + 4, length - 2);
      if (marker == 0xe1 && data.starts_with(std::string_view("Exif\0", 5)))
        marks.orientation = orientation_of(data);
      if (marker == 0xe2 && data.starts_with("ICC_PROFILE")) marks.profile = true;
    }
    at += 2 + length;
  }
}

}  // namespace

PictureMarks find_marks(const Read& read) {
  PictureMarks marks;
  const std::string start = read(0, 8);
  if (start.starts_with(detail::kPngSignature)) read_png(read, marks);
  if (start.starts_with(detail::kJpegSignature)) read_jpeg(read, marks);
  return marks;
}

PictureMarks read_marks(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) require_readable(path);
  return find_marks([&](std::uint64_t at, std::size_t count) {
    std::string bytes(count, '\0');
    file.clear();
    file.seekg(static_cast<std::streamoff>(at));
    file.read(bytes.data(), static_cast<std::streamsize>(count));
    bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
    return bytes;
  });
}

Image upright(Image image, int orientation) {
  if (orientation < 2 || orientation > 8) return image;
  const std::int64_t h = image.height, w = image.width;
  const bool turned = orientation >= 5;
  Image out(turned ? w : h, turned ? h : w, image.channels, image.kind);
  for (std::int64_t y = 0; y < out.height; ++y) {
    for (std::int64_t x = 0; x < out.width; ++x) {
      std::int64_t row = turned ? x : y, column = turned ? y : x;  // of the file
      if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) row = h - 1 - row;
      if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8)
        column = w - 1 - column;
      for (std::int64_t c = 0; c < image.channels; ++c) out.at(y, x, c) = image.at(row, column, c);
    }
  }
  return out;
}

}  // namespace uptake::io
