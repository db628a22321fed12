// Text for HTML and SVG. Used by the report only.
#pragma once
#include <string>
#include <string_view>

namespace uptake::io::detail {

/// Safe as text and inside quoted attributes: & < > " ' become entities; control characters (but not line
/// ends and tabs) and bytes that are not UTF-8 become U+FFFD.
std::string escape_html(std::string_view text);

/// RFC 4648, with padding.
std::string base64(std::string_view bytes);

}  // namespace uptake::io::detail
