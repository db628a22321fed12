// Changes the header of a safetensors file, or its data, and makes the length of the header true again.
#pragma once
#include "mutation.h"

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  using namespace uptake::tests;
  std::uint64_t length = 0;
  if (size >= 8) std::memcpy(&length, data, 8);
  if (size < 8 || length > size - 8 || seed % 8 == 0) return LLVMFuzzerMutate(data, size, max_size);
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  std::string header(all.substr(8, length)), tensors(all.substr(8 + length));
  if (seed % 8 == 1) {
    tensors = mutated(tensors);
  } else {
    header = mutated(header);
  }
  length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return replace(data, size, max_size, bytes + header + tensors);
}
