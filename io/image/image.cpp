#include "io/image/image.h"

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <utility>

#include "io/base/file.h"
#include "io/base/folder.h"
#include "io/base/text.h"
#include "io/image/codec.h"
#include "io/image/marks.h"

namespace uptake::io {
namespace {

std::string size_text(std::int64_t height, std::int64_t width) {
  return std::to_string(height) + " x " + std::to_string(width);
}

}  // namespace

bool has_image_extension(const std::filesystem::path& path) {
  const std::string extension = lower_extension(path);
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

bool is_picture(const std::filesystem::path& path) noexcept {
  if (!is_regular(path)) return false;
  char start[8] = {};
  std::ifstream(path, std::ios::binary).read(start, sizeof start);
  const std::string_view bytes(start, sizeof start);
  return bytes.starts_with(detail::kPngSignature) || bytes.starts_with(detail::kJpegSignature);
}

Image decode_image(std::string_view bytes, const std::filesystem::path& path,
                   std::vector<std::string>& notes) {
  if (bytes.starts_with(detail::kPngSignature)) {
    detail::require_whole_png(bytes, path);
  } else if (bytes.starts_with(detail::kJpegSignature)) {
    detail::require_whole_jpeg(bytes, path);
  } else {
    throw FileError(path, bytes.empty() ? "is empty, a PNG or JPEG image was expected"
                                        : "is neither a PNG nor a JPEG image");
  }
  const PictureMarks marks = find_marks([&](std::uint64_t at, std::size_t count) {
    return std::string(at < bytes.size() ? bytes.substr(static_cast<std::size_t>(at), count)
                                         : std::string_view());
  });
  detail::Decoded decoded = detail::decode_by_stb(bytes, path);
  if (decoded.transparent > 0)
    notes.push_back("alpha channel: " + std::to_string(decoded.transparent) + " of " +
                    std::to_string(decoded.image.height * decoded.image.width) +
                    " pixels are transparent and were laid on white");
  if (marks.cmyk) notes.push_back("CMYK: turned into RGB without a color profile");
  if (marks.animated) notes.push_back("animation: only its first image was read");
  if (marks.orientation < 1 || marks.orientation > 8)
    notes.push_back("EXIF orientation " + std::to_string(marks.orientation) +
                    " does not exist and was ignored");
  else if (marks.orientation != 1)
    notes.push_back("EXIF orientation " + std::to_string(marks.orientation) + ": turned upright");
  return upright(std::move(decoded.image), marks.orientation);
}

Image decode_image(std::string_view bytes, const std::filesystem::path& path) {
  std::vector<std::string> notes;
  return decode_image(bytes, path, notes);
}

Image read_image(const std::filesystem::path& path, std::vector<std::string>& notes) {
  return decode_image(read_file(path, std::uintmax_t{1} << 31), path, notes);
}

Image read_image(const std::filesystem::path& path) {
  std::vector<std::string> notes;
  return read_image(path, notes);
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
