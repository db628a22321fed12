// An image in memory, and reading (PNG, JPEG) and writing (PNG) it.
//
// Layout [height, width, channels], channels fastest. Samples keep the units of their file: 0..255 (u8),
// 0..65535 (u16), or counts (DICOM, any value). Nothing is rescaled, clipped or squeezed through 8 bits on
// the way.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace uptake::io {

enum class SampleKind { u8, u16, counts };

struct Image {
  std::int64_t height = 0, width = 0, channels = 0;
  SampleKind kind = SampleKind::u8;
  std::vector<float> samples;  // [height, width, channels]

  Image() = default;
  Image(std::int64_t h, std::int64_t w, std::int64_t c, SampleKind k)
      : height(h), width(w), channels(c), kind(k), samples(static_cast<std::size_t>(h * w * c)) {}
  float& at(std::int64_t y, std::int64_t x, std::int64_t ch) { return samples[offset(y, x, ch)]; }
  float at(std::int64_t y, std::int64_t x, std::int64_t ch) const { return samples[offset(y, x, ch)]; }

 private:
  std::size_t offset(std::int64_t y, std::int64_t x, std::int64_t ch) const {
    return static_cast<std::size_t>((y * width + x) * channels + ch);
  }
};

/// Whether the name ends in .png, .jpg or .jpeg, in capitals or not.
bool has_image_extension(const std::filesystem::path& path);

/// Does the file begin as a PNG or JPEG file does? A missing file, a pipe or a device (not opened) does not.
bool is_picture(const std::filesystem::path& path) noexcept;

/// Reads a PNG or JPEG file (told apart by content, not by name); gray stays gray, 16 bit stays 16 bit, a palette
/// becomes RGB. The EXIF orientation is applied, so the picture is upright; transparent pixels are laid on white;
/// CMYK becomes RGB. Throws FileError for a missing, truncated, corrupt or absurdly large (over 2^28 samples)
/// file.
Image read_image(const std::filesystem::path& path);

/// The same from bytes in memory; `path` is only named in errors.
Image decode_image(std::string_view bytes, const std::filesystem::path& path);

/// The same two; each adds a sentence to `notes` for everything of this that changed the pixels: "EXIF orientation
/// 6: turned upright".
Image read_image(const std::filesystem::path& path, std::vector<std::string>& notes);
Image decode_image(std::string_view bytes, const std::filesystem::path& path,
                   std::vector<std::string>& notes);

/// Writes a PNG (8 bit for u8, 16 bit for u16; 1 or 3 channels), atomically. Samples are rounded and clamped
/// to the range of the kind, NaN becomes 0. Throws FileError when it cannot be written, std::invalid_argument
/// for counts, for an empty image and for other channel counts.
/// `texts` become tEXt chunks: keyword (1 to 79 characters) and text, ASCII; other bytes become '?'.
using PngTexts = std::vector<std::pair<std::string, std::string>>;
void write_png(const std::filesystem::path& path, const Image& image, const PngTexts& texts = {});

/// The same PNG as bytes in memory (for embedding into a report).
std::string encode_png(const Image& image, const PngTexts& texts = {});

/// The tEXt chunks in front of a PNG's pixels; none for a file that is no PNG, or that cannot be read.
PngTexts read_png_texts(const std::filesystem::path& path) noexcept;

/// Bicubic resampling (a = -0.5) with the filter widened when shrinking, edges renormalised: what PIL's
/// Image.resize(..., BICUBIC) computes, in float instead of 8 bit. u8 and u16 results are clamped to their
/// range but not rounded. Throws std::invalid_argument for an empty image or a size that is not positive.
Image resize_bicubic(const Image& image, std::int64_t height, std::int64_t width);

/// The rectangle of the given size whose top-left pixel is (y, x). Throws std::invalid_argument if it does
/// not fit.
Image crop(const Image& image, std::int64_t y, std::int64_t x, std::int64_t height, std::int64_t width);

/// Mirrored left to right.
Image flip_horizontal(const Image& image);

}  // namespace uptake::io
