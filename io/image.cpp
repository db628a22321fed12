#include "io/image.h"

#include <algorithm>
#include <stdexcept>

#include "io/detail/codec.h"
#include "io/file.h"

namespace uptake::io {
namespace {

std::string size_text(std::int64_t height, std::int64_t width) {
  return std::to_string(height) + " x " + std::to_string(width);
}

}  // namespace

void detail::require_whole_jpeg(std::string_view bytes, const std::filesystem::path& path) {
  const auto byte = [&](std::size_t at) -> std::size_t {
    if (at >= bytes.size()) throw FileError(path, "is a truncated JPEG: it has no end-of-image marker");
    return static_cast<std::uint8_t>(bytes[at]);
  };
  const auto word = [&](std::size_t at) { return byte(at) << 8 | byte(at + 1); };
  std::size_t at = 2, scans = 0;
  std::uint64_t pixels = 0;
  for (;;) {
    if (byte(at) != 0xff)
      throw FileError(path, "is a damaged JPEG: a marker was expected at byte " + std::to_string(at));
    while (byte(at) == 0xff) ++at;  // any number of fill bytes may precede a marker
    const std::size_t marker = byte(at++);
    if (marker == 0xd9) break;
    if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd7)) continue;  // these have no length
    const std::size_t length = word(at);
    if (length < 2) throw FileError(path, "is a damaged JPEG: a segment shorter than its own length field");
    const bool frame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (frame) {
      const std::size_t height = word(at + 3), width = word(at + 5), channels = byte(at + 7);
      pixels = std::uint64_t{height} * width;
      if (pixels * std::max<std::size_t>(channels, 1) > static_cast<std::uint64_t>(kMaxSamples)) {
        throw FileError(path, "claims " + std::to_string(width) + " x " + std::to_string(height) +
                                  " pixels, at most 2^28 samples were expected");
      }
    }
    at += length;
    if (marker == 0xda) {
      ++scans;
      // Compressed data: FF is followed by 00 (a stuffed FF) or a restart marker, anything else ends the
      // scan.
      while (byte(at) != 0xff || byte(at + 1) == 0 || (byte(at + 1) >= 0xd0 && byte(at + 1) <= 0xd7)) ++at;
    }
  }
  if (scans == 0) throw FileError(path, "is a damaged JPEG: it has no image data");
  // Each block of 64 pixels of the finest component takes at least one bit; 16 is for unusual subsampling.
  if (pixels > bytes.size() * std::uint64_t{64 * 8 * 16}) {
    throw FileError(path, "claims more pixels than its data can hold");
  }
}

Image decode_image(std::string_view bytes, const std::filesystem::path& path) {
  if (bytes.starts_with(detail::kPngSignature)) {
    detail::require_whole_png(bytes, path);
  } else if (bytes.starts_with(detail::kJpegSignature)) {
    detail::require_whole_jpeg(bytes, path);
  } else {
    throw FileError(path, bytes.empty() ? "is empty, a PNG or JPEG image was expected"
                                        : "is neither a PNG nor a JPEG image");
  }
  return detail::decode_by_stb(bytes, path);
}

Image read_image(const std::filesystem::path& path) {
  return decode_image(read_file(path, std::uintmax_t{1} << 31), path);
}

Image crop(const Image& image, std::int64_t y, std::int64_t x, std::int64_t height, std::int64_t width) {
  if (y < 0 || x < 0 || height < 0 || width < 0 || height > image.height - y || width > image.width - x) {
    throw std::invalid_argument("crop: " + size_text(height, width) + " at " + size_text(y, x) +
                                " does not fit into an image of " + size_text(image.height, image.width));
  }
  Image out(height, width, image.channels, image.kind);
  for (std::int64_t row = 0; row < height; ++row) {
    const auto from = image.samples.begin() + ((y + row) * image.width + x) * image.channels;
    std::copy_n(from, width * image.channels, out.samples.begin() + row * width * image.channels);
  }
  return out;
}

Image flip_horizontal(const Image& image) {
  Image out(image.height, image.width, image.channels, image.kind);
  for (std::int64_t y = 0; y < image.height; ++y) {
    for (std::int64_t x = 0; x < image.width; ++x) {
      for (std::int64_t c = 0; c < image.channels; ++c) out.at(y, x, c) = image.at(y, image.width - 1 - x, c);
    }
  }
  return out;
}

}  // namespace uptake::io
