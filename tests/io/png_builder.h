// PNG files built chunk by chunk.
#pragma once
#include <cstdint>
#include <string>

#include "io/image/codec.h"

namespace uptake::tests {

/// A PNG chunk by chunk, to build what write_png never writes.
class PngBuilder {
 public:
  PngBuilder(std::uint32_t width, std::uint32_t height, char depth, char color) {
    std::string header = big_endian(width) + big_endian(height);
    chunk("IHDR", header + std::string{depth, color, 0, 0, 0});
  }
  PngBuilder& chunk(const std::string& type, const std::string& data) {
    bytes_ += big_endian(static_cast<std::uint32_t>(data.size())) + type + data +
              big_endian(io::detail::crc32(type + data));
    return *this;
  }
  PngBuilder& rows(const std::string& raw) { return chunk("IDAT", io::detail::zlib_compress(raw)); }
  std::string end() { return chunk("IEND", "").bytes_; }

 private:
  static std::string big_endian(std::uint32_t value) {
    return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
            static_cast<char>(value)};
  }
  std::string bytes_{io::detail::kPngSignature};
};

}  // namespace uptake::tests
