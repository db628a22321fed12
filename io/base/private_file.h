// Files that say who is behind a number, and are for their owner alone.
#pragma once
#include <filesystem>
#include <string_view>

namespace uptake::io {

/// As write_file_atomically, but with mode 0600 from the first byte on, whatever the umask says.
void write_private_file(const std::filesystem::path& path, std::string_view bytes);

}  // namespace uptake::io
