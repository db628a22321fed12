#include "io/base/folder.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <system_error>

namespace uptake::io {

bool is_regular(const std::filesystem::path& path) noexcept {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

bool is_litter(const std::filesystem::path& path) {
  static constexpr std::array<const char*, 7> kNames{"__macosx",    "@eadir",   "thumbs.db", "ehthumbs.db",
                                                     "desktop.ini", "dicomdir", "icon\r"};
  std::string name = path.filename().string();
  if (!name.empty() && name.front() == '.') return true;
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

}  // namespace uptake::io
