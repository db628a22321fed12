// What a picture file says beside its pixels, and how that changes them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "io/image/image.h"

namespace uptake::io {

/// Found by walking over the chunks of a PNG or the segments of a JPEG. Nothing here is checked: a damaged file
/// has the marks found up to the damage.
struct PictureMarks {
  int orientation = 1;       // EXIF, as in the file: 1 to 8 exist; 1 is upright
  bool alpha = false;        // an alpha channel, or a color or palette entries that are transparent
  bool palette = false;      // becomes RGB
  bool profile = false;      // a color profile, or gamma, which is not applied
  bool animated = false;     // several images, of which the first is read
  bool cmyk = false;         // four inks, turned into RGB without a profile
  int significant_bits = 0;  // of each sample, where a PNG says so; 0: all

  /// Are rows of the file columns of the picture?
  bool turned() const { return orientation >= 5 && orientation <= 8; }
};

/// Reads the marks of a file without its pixels. Throws FileError only if it cannot be opened.
PictureMarks read_marks(const std::filesystem::path& path);

/// The same through a function that returns up to `count` bytes from `at` on, fewer at the end.
PictureMarks find_marks(const std::function<std::string(std::uint64_t at, std::size_t count)>& read);

/// The upright picture: what EXIF orientation 1 to 8 means (CIPA DC-008, tag 0x0112), applied. Others change
/// nothing.
Image upright(Image image, int orientation);

}  // namespace uptake::io
