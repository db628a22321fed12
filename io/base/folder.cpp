#include "io/base/folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <string>
#include <system_error>

#include "io/base/file.h"

namespace uptake::io {

bool is_regular(const std::filesystem::path& path) noexcept {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

void require_readable(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0)
    throw FileError(path, "cannot be opened for reading: " + std::generic_category().message(errno));
  ::close(descriptor);
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
