#include "io/base/plain_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

#include "io/base/file.h"

namespace uptake::io {
namespace {

using std::string_view_literals::operator""sv;

void append_utf8(std::string& text, std::uint32_t code) {
  const auto tail = [&](int shift) { text += static_cast<char>(0x80 | (code >> shift & 0x3f)); };
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xc0 | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    text += static_cast<char>(0xe0 | code >> 12);
    tail(6), tail(0);
  } else {
    text += static_cast<char>(0xf0 | code >> 18);
    tail(12), tail(6), tail(0);
  }
}

std::string from_utf16(const std::filesystem::path& path, std::string_view bytes, bool high_first) {
  const FileError broken(path, "is broken UTF-16 text; save it as UTF-8");
  if (bytes.size() % 2 != 0) throw broken;
  const auto unit = [&](std::size_t at) {
    const auto first = static_cast<unsigned char>(bytes[at]),
               second = static_cast<unsigned char>(bytes[at + 1]);
    return static_cast<std::uint32_t>(high_first ? first << 8 | second : second << 8 | first);
  };
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 2) {
    std::uint32_t code = unit(at);
    if (code >= 0xdc00 && code < 0xe000) throw broken;
    if (code >= 0xd800 && code < 0xdc00) {  // the first half of a pair
      at += 2;
      const std::uint32_t low = at < bytes.size() ? unit(at) : 0;
      if (low < 0xdc00 || low >= 0xe000) throw broken;
      code = 0x10000 + ((code & 0x3ff) << 10 | (low & 0x3ff));
    }
    append_utf8(text, code);
  }
  return text;
}

/// What a file is that is no text, as part of a sentence; "" if nothing speaks against text.
const char* why_no_text(std::string_view bytes) {
  if (bytes.starts_with("PK\x03\x04"))
    return "is a workbook or another zip archive, no text (save a table as CSV)";
  if (bytes.starts_with("\xd0\xcf\x11\xe0")) return "is a workbook (.xls), no text (save a table as CSV)";
  if (bytes.starts_with("\xff\xfe\0\0"sv) || bytes.starts_with("\0\0\xfe\xff"sv))
    return "is UTF-32 text; save it as UTF-8";
  if (bytes.size() >= 4 && ((bytes[0] != 0 && bytes[1] == 0 && bytes[2] != 0 && bytes[3] == 0) ||
                            (bytes[0] == 0 && bytes[1] != 0 && bytes[2] == 0 && bytes[3] != 0)))
    return "looks like UTF-16 text without a byte-order mark; save it as UTF-8";
  return "";
}

/// The length of the UTF-8 character a text begins with; 0 if it is none (overlong forms and surrogates are none).
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return 1;
  const std::size_t length = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  if (byte(0) < 0xc2 || byte(0) > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const bool wrong_second = (byte(0) == 0xe0 && byte(1) < 0xa0) || (byte(0) == 0xed && byte(1) > 0x9f) ||
                            (byte(0) == 0xf0 && byte(1) < 0x90) || (byte(0) == 0xf4 && byte(1) > 0x8f);
  return wrong_second ? 0 : length;
}

}  // namespace

std::string plain_text(const std::filesystem::path& path, std::string_view bytes) {
  if (const std::string why = why_no_text(bytes); !why.empty()) throw FileError(path, why);
  std::string text;
  if (bytes.starts_with("\xff\xfe") || bytes.starts_with("\xfe\xff"))
    text = from_utf16(path, bytes.substr(2), bytes.front() == '\xfe');
  else
    text = bytes.substr(bytes.starts_with("\xef\xbb\xbf") ? 3 : 0);
  if (text.find('\n') == std::string::npos) std::ranges::replace(text, '\r', '\n');
  return text;
}

void require_utf8(const std::filesystem::path& path, std::string_view text) {
  std::size_t line = 1;
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length == 0) {
      std::array<char, 8> byte{};
      std::snprintf(byte.data(), byte.size(), "0x%02X", static_cast<unsigned char>(text.front()));
      throw FileError(path,
                      "line " + std::to_string(line) + ": the byte " + byte.data() +
                          " is not UTF-8 (it may be Latin-1, as older spreadsheets write); save it as UTF-8");
    }
    if (text.front() == '\n') ++line;
    text.remove_prefix(length);
  }
}

}  // namespace uptake::io
