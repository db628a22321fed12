// The size and form of an image, read from the first bytes of its file.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "io/image/image.h"

namespace uptake::io {

/// What read_image will return, without its samples.
struct ImageHeader {
  std::int64_t height = 0, width = 0, channels = 0;
  SampleKind kind = SampleKind::u8;

  bool operator==(const ImageHeader&) const = default;
};

ImageHeader header_of(const Image& image);

/// "256x512, 3 channels, 8 bit" (height first).
std::string describe(const ImageHeader& header);

/// Reads the header of a PNG or JPEG file (told apart by content) and its EXIF orientation, and nothing else, so a
/// file that is broken further on passes. Throws FileError for a missing file, another format, or a header that is cut short or
/// has no pixels. Sources: ISO/IEC 15948 (PNG) 11.2.2, ITU-T T.81 (JPEG) B.2.
ImageHeader read_image_header(const std::filesystem::path& path);

}  // namespace uptake::io
