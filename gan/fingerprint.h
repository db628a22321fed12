// A short name for the contents of something: FNV-1a, 64 bits. Tells data sets apart when a run goes on (it is in
// every checkpoint, so it stays); what is quoted elsewhere is a SHA-256.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace uptake::gan {

class Fingerprint {
 public:
  void add(std::span<const std::byte> bytes) {
    for (const std::byte b : bytes) hash_ = (hash_ ^ static_cast<std::uint64_t>(b)) * 0x100000001b3ull;
  }
  /// The text and a separator, so that {"ab","c"} and {"a","bc"} differ.
  void add(const std::string& text) { add(std::as_bytes(std::span(text.c_str(), text.size() + 1))); }
  /// 16 hex digits.
  std::string hex() const {
    std::string text;
    for (int shift = 60; shift >= 0; shift -= 4) text += "0123456789abcdef"[hash_ >> shift & 15];
    return text;
  }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325ull;
};

}  // namespace uptake::gan
