// Text files as editors and spreadsheets write them.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

namespace uptake::io {

/// The bytes of a text file as UTF-8 without a byte-order mark: UTF-16 with its mark is converted, line ends of
/// old Macintosh programs (CR alone) become LF. Bytes without a mark stay as they are. Throws FileError for what is
/// no text (UTF-32, UTF-16 without its mark, broken UTF-16, workbooks) and says which it is; `path` is for messages
/// only.
std::string plain_text(const std::filesystem::path& path, std::string_view bytes);

/// Throws FileError, naming line and byte, unless the text is UTF-8.
void require_utf8(const std::filesystem::path& path, std::string_view text);

}  // namespace uptake::io
