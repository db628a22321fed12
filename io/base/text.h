// Small things about text that several folders need.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace uptake::io {

/// Of the candidates, the one with the smallest edit distance to the unknown name; empty when none is close.
std::string nearest_name(const std::string& unknown, const std::vector<std::string>& candidates);

/// ".PNG" of "a/b.PNG" as ".png".
std::string lower_extension(const std::filesystem::path& path);

/// A field of a CSV file (RFC 4180), quoted when it has to be.
std::string csv_field(const std::string& text);

}  // namespace uptake::io
