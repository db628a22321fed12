// The parts image reading and writing are made of. For the sources of this folder.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "io/image/image.h"

namespace uptake::io::detail {

inline constexpr std::int64_t kMaxSamples = std::int64_t{1} << 28;

inline constexpr std::string_view kPngSignature = "\x89PNG\r\n\x1a\n";
inline constexpr std::string_view kJpegSignature = "\xff\xd8\xff";

/// The number that up to 7 bytes are, the highest first.
inline std::int64_t big_endian(std::string_view bytes) {
  std::int64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

/// CRC-32 of the PNG specification (ISO 3309, polynomial 0xedb88320).
std::uint32_t crc32(std::string_view bytes);

/// stb_image decodes what is left of a damaged file without complaint and trusts some tables, so these check
/// first that a file is whole: every chunk of a PNG with its checksum up to IEND, every segment of a JPEG up
/// to the end-of-image marker with the tables each scan uses, and that the claimed size is one the data could
/// hold. They throw FileError.
void require_whole_png(std::string_view bytes, const std::filesystem::path& path);
void require_whole_jpeg(std::string_view bytes, const std::filesystem::path& path);

/// Pixels as they are in the file, laid on white where they are transparent.
struct Decoded {
  Image image;
  std::int64_t transparent = 0;  // pixels that are not opaque
};
/// Decodes by stb_image. Throws FileError.
Decoded decode_by_stb(std::string_view bytes, const std::filesystem::path& path);

/// A zlib stream of rows as PNG filters them.
std::string zlib_compress(std::string_view bytes);

}  // namespace uptake::io::detail
