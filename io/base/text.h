// Names, numbers and foreign text as text.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace uptake::io {

/// Of the candidates, the one with the smallest edit distance to the unknown name; empty when none is close.
std::string nearest_name(const std::string& unknown, const std::vector<std::string>& candidates);

/// ".PNG" of "a/b.PNG" as ".png".
std::string lower_extension(const std::filesystem::path& path);

/// 4 significant digits without a needless exponent: "0.6931", "23.41", "123456", "1.5e-07".
std::string number_text(double value);

/// The shortest text that reads back as the same number.
std::string exact_text(double value);

/// The text with control characters and non-ASCII bytes replaced by '?', shortened to 200 characters.
std::string printable(std::string_view text);

}  // namespace uptake::io
