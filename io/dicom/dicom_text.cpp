#ifdef UPTAKE_HAS_DICOM
#include "io/dicom/dicom_text.h"

#include "io/dicom/dicom_dcmtk.h"
// osconfig.h, which that includes, must come first.
#include <dcmtk/dcmdata/dcspchrs.h>

#include <algorithm>
#include <cstdint>

namespace uptake::io::dcmtk {
namespace {

constexpr char kEscape = '\x1b';

std::uint8_t byte_at(const std::string& text, std::size_t i) {
  return i < text.size() ? static_cast<std::uint8_t>(text[i]) : 0;
}

bool holds(const std::string& charset, const char* term) { return charset.find(term) != std::string::npos; }

// Bytes of the UTF-8 character at `i`; 0 if there is none.
std::size_t utf8_bytes(const std::string& text, std::size_t i) {
  const std::uint8_t first = byte_at(text, i);
  const std::size_t bytes = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (first > 0xf4) return 0;
  for (std::size_t k = 1; k < bytes; ++k)
    if ((byte_at(text, i + k) & 0xc0) != 0x80) return 0;
  return bytes;
}

// Walks through text, character by character or escape by escape.
class Walk {
 public:
  Walk(const std::string& text, const std::string& charset)
      : text_(text),
        utf8_(holds(charset, "ISO_IR 192")),
        gb_(holds(charset, "GB18030") || holds(charset, "GBK")),
        extended_(holds(charset, "ISO 2022")) {}

  bool done() const { return at_ >= text_.size(); }
  std::size_t at() const { return at_; }
  // Whether the lower half means ASCII (or Roman letters), so that text may end here.
  bool ascii() const { return low_bytes_ == 1 && low_is_ascii_; }

  bool at_escape() const { return extended_ && text_[at_] == kEscape && escape_bytes() > 0; }

  // The next character or escape, and what it becomes.
  std::string take() {
    const std::size_t bytes = at_escape() ? take_escape() : std::min(character_bytes(), text_.size() - at_);
    std::string unit = text_.substr(at_, std::max<std::size_t>(bytes, 1));
    at_ += unit.size();
    const auto first = static_cast<std::uint8_t>(unit[0]);
    const bool foreign = bytes == 0 || (unit.size() == 1 && (first < 0x20 || first == 0x7f || first == '\\'));
    return foreign ? "?" : unit;
  }

 private:
  std::size_t escape_bytes() const {
    const std::uint8_t second = byte_at(text_, at_ + 1), third = byte_at(text_, at_ + 2);
    if (second == '$') return third == 'B' || third == '@' ? 3 : third == '(' || third == ')' ? 4 : 0;
    return second == '(' || second == ')' || second == '-' ? 3 : 0;
  }

  std::size_t take_escape() {
    const std::size_t bytes = escape_bytes();
    const std::uint8_t second = byte_at(text_, at_ + 1), third = byte_at(text_, at_ + 2);
    if (second == '$') {
      (third == ')' ? high_bytes_ : low_bytes_) = 2;
    } else if (second == '(') {
      low_bytes_ = 1;
      low_is_ascii_ = third == 'B' || third == 'J';
    } else {
      high_bytes_ = 1;
    }
    return bytes;
  }

  std::size_t character_bytes() const {
    const std::uint8_t first = byte_at(text_, at_), second = byte_at(text_, at_ + 1);
    if (utf8_) return utf8_bytes(text_, at_);
    if (gb_) return first < 0x81 ? 1 : second >= '0' && second <= '9' ? 4 : 2;
    if (first >= 0x80) return high_bytes_;
    return first > 0x20 && first < 0x7f ? low_bytes_ : 1;
  }

  const std::string& text_;
  bool utf8_, gb_, extended_;
  std::size_t at_ = 0, low_bytes_ = 1, high_bytes_ = 1;
  bool low_is_ascii_ = true;
};

// What DCMTK converts into: a set without code extensions, the one that a value begins in.
std::string initial_set(const std::string& charset) {
  std::string first = charset.substr(0, charset.find('\\'));
  if (first.rfind("ISO 2022 IR ", 0) == 0) first.replace(0, 12, "ISO_IR ");
  return first == "ISO_IR 6" ? "" : first;
}

}  // namespace

std::string fit_text(const std::string& text, const std::string& charset, std::size_t longest) {
  std::string fitted;
  Walk walk(text, charset);
  for (std::size_t characters = 0; !walk.done();) {
    if (!walk.at_escape() && characters++ == longest) break;
    fitted += walk.take();
  }
  while (!fitted.empty() && fitted.back() == ' ') fitted.pop_back();
  return walk.ascii() ? fitted : fitted + "\x1b(B";
}

std::string encode_text(const std::string& utf8, const std::string& charset) {
  const bool is_utf8 = holds(charset, "ISO_IR 192");
  const Session session({});  // for its silence
  const std::string target = initial_set(charset);
  DcmSpecificCharacterSet converter;
  const bool converts =
      !is_utf8 && !target.empty() && converter.selectCharacterSet("ISO_IR 192", target.c_str()).good();
  std::string encoded;
  for (std::size_t at = 0; at < utf8.size();) {
    const std::size_t bytes = utf8_bytes(utf8, at);
    const std::string character = utf8.substr(at, std::max<std::size_t>(bytes, 1));
    at += character.size();
    OFString converted;
    if (bytes == 1 || (bytes > 1 && is_utf8)) {
      encoded += character;
    } else if (bytes > 1 && converts && converter.convertString(character.c_str(), converted).good()) {
      encoded.append(converted.c_str(), converted.length());
    } else {
      encoded += '?';
    }
  }
  return encoded;
}

}  // namespace uptake::io::dcmtk
#endif
