// DICOM files built byte by byte, by code that shares nothing with the reader: explicit little endian, any
// attribute set, changed or left out.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace uptake::tests {

inline std::string u16(unsigned value) {
  return {static_cast<char>(value & 0xff), static_cast<char>(value >> 8 & 0xff)};
}
inline std::string u32(std::uint32_t value) { return u16(value & 0xffff) + u16(value >> 16); }

/// Attributes by tag (group << 16 | element), written in the order of the tags.
class DicomBytes {
 public:
  DicomBytes& set(std::uint32_t tag, const char* vr, const std::string& value) {
    elements_[tag] = {vr, value};
    return *this;
  }
  DicomBytes& text(std::uint32_t tag, const char* vr, const std::string& value) {
    return set(tag, vr, value);
  }
  DicomBytes& number(std::uint32_t tag, unsigned value) { return set(tag, "US", u16(value)); }
  DicomBytes& without(std::uint32_t tag) {
    elements_.erase(tag);
    return *this;
  }
  /// A sequence of one item.
  DicomBytes& sequence(std::uint32_t tag, const DicomBytes& item) { return set(tag, "SQ", as_item(item)); }
  DicomBytes& sequence(std::uint32_t tag, const DicomBytes& first, const DicomBytes& second) {
    return set(tag, "SQ", as_item(first) + as_item(second));
  }

  std::string data_set() const {
    std::string bytes;
    for (const auto& [tag, element] : elements_) bytes += encode(tag, element.vr, element.value);
    return bytes;
  }
  /// Preamble, meta header and data set.
  std::string file(const std::string& transfer_syntax = "1.2.840.10008.1.2.1") const {
    const std::string meta = encode(0x00020001, "OB", std::string("\0\1", 2)) +
                             encode(0x00020002, "UI", "1.2.840.10008.5.1.4.1.1.20") +
                             encode(0x00020003, "UI", "1.2.3.4.5") +
                             encode(0x00020010, "UI", transfer_syntax) + encode(0x00020012, "UI", "1.2.3.4");
    return std::string(128, '\0') + "DICM" +
           encode(0x00020000, "UL", u32(static_cast<std::uint32_t>(meta.size()))) + meta + data_set();
  }

 private:
  struct Element {
    std::string vr, value;
  };

  static std::string as_item(const DicomBytes& item) {
    const std::string content = item.data_set();
    return u16(0xfffe) + u16(0xe000) + u32(static_cast<std::uint32_t>(content.size())) + content;
  }
  static std::string encode(std::uint32_t tag, const std::string& vr, std::string value) {
    if (value.size() % 2 != 0) value += vr == "UI" || vr == "OB" || vr == "OW" ? '\0' : ' ';
    const bool is_long = vr == "OB" || vr == "OW" || vr == "OF" || vr == "SQ" || vr == "UN";
    return u16(tag >> 16) + u16(tag & 0xffff) + vr +
           (is_long ? u16(0) + u32(static_cast<std::uint32_t>(value.size()))
                    : u16(static_cast<unsigned>(value.size()))) +
           value;
  }

  std::map<std::uint32_t, Element> elements_;
};

/// What a gamma camera with two heads writes: STATIC, two frames of `columns` x `rows`, 16 bits unsigned,
/// whose stored values count up from `first`.
inline DicomBytes camera_file(unsigned rows = 4, unsigned columns = 3, unsigned frames = 2,
                              unsigned first = 0) {
  std::string pixels, detectors, windows;
  for (unsigned i = 0; i < rows * columns * frames; ++i) pixels += u16(first + i);
  for (unsigned f = 0; f < frames; ++f) {
    detectors += u16(f + 1);
    windows += u16(1);
  }
  DicomBytes bytes;
  bytes.text(0x00080008, "CS", "ORIGINAL\\PRIMARY\\STATIC\\EMISSION")
      .text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.20")
      .text(0x00080018, "UI", "1.2.3.4.5")
      .text(0x00080022, "DA", "20240102")
      .text(0x00080032, "TM", "101112")
      .text(0x00080060, "CS", "NM")
      .text(0x00080070, "LO", "Camera maker")
      .text(0x00100010, "PN", "Doe^Jane")
      .text(0x00100020, "LO", "ID7")
      .text(0x00181242, "IS", "300000")
      .text(0x0020000d, "UI", "1.2.3.1")
      .text(0x0020000e, "UI", "1.2.3.2")
      .number(0x00280002, 1)
      .text(0x00280004, "CS", "MONOCHROME2")
      .text(0x00280008, "IS", std::to_string(frames))
      .number(0x00280010, rows)
      .number(0x00280011, columns)
      .text(0x00280030, "DS", "2.4\\2.5")
      .number(0x00280100, 16)
      .number(0x00280101, 16)
      .number(0x00280102, 15)
      .number(0x00280103, 0)
      .set(0x00540010, "US", windows)
      .number(0x00540011, 1)
      .set(0x00540020, "US", detectors)
      .number(0x00540021, frames)
      .set(0x7fe00010, "OW", pixels);
  return bytes;
}

/// A DetectorInformationSequence item that names a view.
inline DicomBytes detector_with_view(const std::string& code) {
  DicomBytes view;
  view.text(0x00080100, "SH", code).text(0x00080102, "SH", "SRT").text(0x00080104, "LO", "projection");
  return DicomBytes().sequence(0x00540220, view);
}

}  // namespace uptake::tests
