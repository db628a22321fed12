// Changing a part of an input: formats with lengths and checksums around their parts are taken apart, one part is changed
// by libFuzzer, and the whole is put together again; bytes changed anywhere would hardly ever get past those. Only where
// libFuzzer is.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace uptake::tests {

/// The bytes after a change of libFuzzer's, which may make them longer.
inline std::string mutated(std::string bytes) {
  const std::size_t size = bytes.size(), most = size + 64;
  bytes.resize(most);
  bytes.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(bytes.data()), size, most));
  return bytes;
}

/// Puts a new input in the place of the old one; one that is too long is not taken.
inline std::size_t replace(std::uint8_t* data, std::size_t size, std::size_t max_size,
                           std::string_view input) {
  if (input.empty() || input.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, input.data(), input.size());
  return input.size();
}

}  // namespace uptake::tests
