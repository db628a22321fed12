// Private to the DICOM sources of this folder: text in the character sets of PS3.5 6.1. `charset` is the value of
// SpecificCharacterSet (0008,0005) as the file has it, its values joined by backslashes.
#pragma once
#include <cstddef>
#include <string>

namespace uptake::io::dcmtk {

/// Bytes in `charset`, cut to `longest` characters (not bytes; escape sequences count nothing) without splitting one,
/// and closed by an escape back to ASCII where the standard asks for it. Control characters and the backslash, which
/// separates values, become '?'; within a character of several bytes the same byte is left alone.
std::string fit_text(const std::string& text, const std::string& charset, std::size_t longest);

/// UTF-8 as bytes of `charset`; '?' for what the set (or this build of DCMTK) cannot express.
std::string encode_text(const std::string& utf8, const std::string& charset);

}  // namespace uptake::io::dcmtk
