// Changes one attribute of a DICOM file in explicit little endian, at whatever depth, and makes the lengths around it true
// again.
#pragma once
#include <array>
#include <vector>

#include "mutation.h"

namespace uptake::tests {

/// An attribute; `items` is what a sequence of defined length holds (then `value` is empty).
struct DicomElement {
  std::string tag, vr, value;  // the tag as its four bytes
  std::vector<std::vector<DicomElement>> items;
};
using DicomElements = std::vector<DicomElement>;

inline bool is_long(const std::string& vr) {
  for (const char* known : {"OB", "OW", "OF", "OD", "OL", "SQ", "UN", "UT", "UC", "UR"})
    if (vr == known) return true;
  return false;
}

inline std::uint32_t number_at(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint32_t value = 0;
  for (std::size_t i = count; i-- > 0;) value = value << 8 | static_cast<std::uint8_t>(bytes[at + i]);
  return value;
}

inline std::string little_endian(std::uint32_t value, std::size_t count) {
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i) bytes += static_cast<char>(value >> 8 * i & 0xff);
  return bytes;
}

/// Whether the bytes are a data set from beginning to end.
inline bool parse_elements(std::string_view bytes, DicomElements& elements);

inline bool parse_items(std::string_view bytes, std::vector<DicomElements>& items) {
  while (!bytes.empty()) {
    if (bytes.size() < 8 || number_at(bytes, 0, 4) != 0xe000fffe) return false;
    const std::uint32_t length = number_at(bytes, 4, 4);
    if (length > bytes.size() - 8 || !parse_elements(bytes.substr(8, length), items.emplace_back()))
      return false;
    bytes.remove_prefix(8 + length);
  }
  return true;
}

inline bool parse_elements(std::string_view bytes, DicomElements& elements) {
  while (!bytes.empty()) {
    if (bytes.size() < 8) return false;
    DicomElement element{std::string(bytes.substr(0, 4)), std::string(bytes.substr(4, 2)), "", {}};
    const bool wide = is_long(element.vr);
    if (wide && bytes.size() < 12) return false;
    const std::uint32_t length = wide ? number_at(bytes, 8, 4) : number_at(bytes, 6, 2);
    bytes.remove_prefix(wide ? 12 : 8);
    // Pixel data in fragments has no length; it is kept whole, with its delimiter.
    const bool open = length == 0xffffffff;
    if (!open && length > bytes.size()) return false;
    const std::string_view value = bytes.substr(0, open ? bytes.size() : length);
    if (element.vr != "SQ" || !parse_items(value, element.items)) {
      element.items.clear();
      element.value = value;
    }
    if (open) element.vr += '*';
    elements.push_back(std::move(element));
    bytes.remove_prefix(value.size());
  }
  return true;
}

inline std::string bytes_of(const DicomElements& elements) {
  std::string bytes;
  for (const auto& element : elements) {
    std::string value = element.value;
    for (const auto& item : element.items) {
      const std::string content = bytes_of(item);
      value += std::string("\xfe\xff\0\xe0", 4) +
               little_endian(static_cast<std::uint32_t>(content.size()), 4) + content;
    }
    const bool open = element.vr.ends_with('*');
    const std::string vr = element.vr.substr(0, 2);
    const auto length = static_cast<std::uint32_t>(value.size());
    bytes += element.tag + vr;
    bytes += is_long(vr) ? std::string(2, '\0') + (open ? std::string(4, '\xff') : little_endian(length, 4))
                         : little_endian(length & 0xffff, 2);
    bytes += value;
  }
  return bytes;
}

inline void change_one(DicomElements& elements, unsigned seed) {
  const std::size_t chosen = seed % elements.size();
  DicomElement& element = elements[chosen];
  seed /= 256;
  if (!element.items.empty() && seed % 4 != 0) {
    DicomElements& item = element.items[seed / 4 % element.items.size()];
    if (!item.empty()) return change_one(item, seed / 16);
  }
  constexpr std::array kTypes{"CS", "DS", "IS", "US", "SS", "UL", "LO", "UI",
                              "SQ", "UN", "OB", "OW", "DA", "TM", "PN", "FD"};
  switch (seed / 4 % 8) {
    case 0:
      element.vr = kTypes[seed / 32 % kTypes.size()];
      break;
    case 1:
      elements.push_back(DicomElement(element));
      break;
    case 2:
      elements.erase(elements.begin() + static_cast<std::ptrdiff_t>(chosen));
      break;
    case 3:
      element.tag = mutated(element.tag);
      element.tag.resize(4);
      break;
    default:
      element.value = mutated(element.value);
      if (element.value.size() % 2 != 0) element.value += ' ';
  }
}

inline std::size_t mutate_dicom(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed) {
  constexpr std::size_t kPreamble = 132;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  DicomElements elements;
  if (size < kPreamble || seed % 4 == 0 || !parse_elements(bytes.substr(kPreamble), elements) ||
      elements.empty())
    return LLVMFuzzerMutate(data, size, max_size);
  change_one(elements, seed / 4);
  return replace(data, size, max_size, std::string(bytes.substr(0, kPreamble)) + bytes_of(elements));
}

}  // namespace uptake::tests

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  return uptake::tests::mutate_dicom(data, size, max_size, seed);
}
