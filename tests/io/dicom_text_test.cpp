// Text of DICOM files in the character sets of PS3.5 6.1. Bytes by Python's codecs.
#ifdef UPTAKE_HAS_DICOM
#include "io/dicom/dicom_text.h"

#include <doctest/doctest.h>

namespace uptake::tests {

using io::dcmtk::encode_text;
using io::dcmtk::fit_text;

TEST_CASE("fit_text: characters are counted, not bytes, and none is cut in two") {
  CHECK(fit_text("Sp\xe4tphase", "ISO_IR 100", 4) == "Sp\xe4t");
  CHECK(fit_text("Sp\xc3\xa4tphase", "ISO_IR 192", 3) == "Sp\xc3\xa4");
  CHECK(fit_text("\xb9\xc7\xc9\xa8\xc3\xe8", "GB18030", 2) == "\xb9\xc7\xc9\xa8");
  CHECK(fit_text("\x81\x30\x81\x30x", "GB18030", 1) == "\x81\x30\x81\x30");  // four bytes
  CHECK(fit_text("abc", "", 3) == "abc");
  CHECK(fit_text("abc", "", 0) == "");
  CHECK(fit_text("", "ISO_IR 192", 5) == "");
}

TEST_CASE("fit_text: code extensions are followed, and closed where a cut leaves them open") {
  // Two kanji in JIS X 0208 and back to ASCII.
  const std::string bone = "\x1b$B9|%7%s\x1b(B x";
  CHECK(fit_text(bone, "\\ISO 2022 IR 87", 64) == bone);
  CHECK(fit_text(bone, "\\ISO 2022 IR 87", 2) == "\x1b$B9|%7\x1b(B");
  // Hangul in KS X 1001 is in the upper half: nothing to close.
  const std::string korean = "\x1b$)C\xb1\xe8\xc8\xf1\xc1\xdf";
  CHECK(fit_text(korean, "\\ISO 2022 IR 149", 64) == korean);
  CHECK(fit_text("x" + korean, "\\ISO 2022 IR 149", 2) == "x\x1b$)C\xb1\xe8");
}

TEST_CASE("fit_text: a backslash separates values unless it is half of a character") {
  CHECK(fit_text("a\\b\n", "ISO_IR 100", 64) == "a?b?");
  CHECK(fit_text("\x90\\\\", "GB18030", 64) == "\x90\\?");
  CHECK(fit_text("\x1b$B;\\\x1b(B\\", "\\ISO 2022 IR 87", 64) == "\x1b$B;\\\x1b(B?");
  CHECK(fit_text("a\x1b(B", "ISO_IR 100", 64) == "a?(B");  // no code extensions here
}

TEST_CASE("fit_text: broken and truncated characters neither stop nor overrun it") {
  CHECK(fit_text("a\xc3", "ISO_IR 192", 64) == "a?");
  CHECK(fit_text("\xff\xfe", "ISO_IR 192", 64) == "??");
  CHECK(fit_text("a\xb9", "GB18030", 64) == "a\xb9");
  CHECK(fit_text("a\x1b", "\\ISO 2022 IR 87", 64) == "a?");
  CHECK(fit_text("a\x1b$", "\\ISO 2022 IR 87", 64) == "a?$");
}

TEST_CASE("encode_text: our own words in the set of the source, what it lacks as a question mark") {
  CHECK(encode_text("plain", "") == "plain");
  CHECK(encode_text("Sp\xc3\xa4t", "ISO_IR 192") == "Sp\xc3\xa4t");
  CHECK(encode_text("Sp\xc3\xa4t", "ISO_IR 100") == "Sp\xe4t");
  CHECK(encode_text("Sp\xc3\xa4t", "ISO 2022 IR 100\\ISO 2022 IR 87") == "Sp\xe4t");
  CHECK(encode_text("\xd0\x9a\xd0\xbe", "ISO_IR 144") == "\xba\xde");
  CHECK(encode_text("Sp\xc3\xa4t", "") == "Sp?t");
  CHECK(encode_text("\xed\x95\x9c", "ISO_IR 100") == "?");
  CHECK(encode_text("a\xc3", "ISO_IR 192") == "a?");
}

}  // namespace uptake::tests
#endif
