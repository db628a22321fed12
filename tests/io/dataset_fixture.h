// Folders of small images with known pixels, for the tests of data sets and loaders.
#pragma once
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include "io/image/image.h"

namespace uptake::tests {

/// A folder for the files of one test, removed at its end.
class DatasetFolder {
 public:
  DatasetFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "uptake_dataset_XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot create a temporary folder");
    path_ = name;
  }
  ~DatasetFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  DatasetFolder(const DatasetFolder&) = delete;
  DatasetFolder& operator=(const DatasetFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

  std::filesystem::path add(const std::string& name, const io::Image& image) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    io::write_png(path_ / name, image);
    return path_ / name;
  }
  std::filesystem::path add(const std::string& name, std::string_view bytes) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return path_ / name;
  }
  /// Keeps the first half of a file, as an interrupted download does.
  void truncate(const std::string& name) const {
    std::filesystem::resize_file(path_ / name, std::filesystem::file_size(path_ / name) / 2);
  }

 private:
  std::filesystem::path path_;
};

/// Every pixel differs from its neighbours, and images of different seeds differ everywhere.
inline io::Image patterned(std::int64_t h, std::int64_t w, std::int64_t c, int seed,
                           io::SampleKind kind = io::SampleKind::u8) {
  io::Image image(h, w, c, kind);
  const int levels = kind == io::SampleKind::u8 ? 251 : 65521;
  for (std::int64_t y = 0; y < h; ++y)
    for (std::int64_t x = 0; x < w; ++x)
      for (std::int64_t ch = 0; ch < c; ++ch)
        image.at(y, x, ch) = static_cast<float>((seed * 29 + y * 97 + x * 13 + ch * 41) % levels);
  return image;
}

inline io::Image side_by_side(const io::Image& a, const io::Image& b) {
  io::Image both(a.height, a.width + b.width, a.channels, a.kind);
  for (std::int64_t y = 0; y < both.height; ++y)
    for (std::int64_t x = 0; x < both.width; ++x)
      for (std::int64_t ch = 0; ch < both.channels; ++ch)
        both.at(y, x, ch) = x < a.width ? a.at(y, x, ch) : b.at(y, x - a.width, ch);
  return both;
}

inline bool same_image(const io::Image& x, const io::Image& y) {
  return x.height == y.height && x.width == y.width && x.channels == y.channels && x.kind == y.kind &&
         x.samples == y.samples;
}

/// The sentence an action throws, or "" if it throws nothing.
template <typename Action>
std::string sentence_of(Action&& action) {
  try {
    action();
  } catch (const std::exception& error) {
    return error.what();
  }
  return {};
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace uptake::tests
