// Changes one chunk of a PNG, IDAT also before it is compressed, and makes lengths and checksums true again.
#pragma once
#include <zlib.h>

#include <array>
#include <vector>

#include "mutation.h"

namespace uptake::tests {

struct PngChunk {
  std::string type, data;
};

inline std::string big_endian_32(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  return bytes;
}

/// Empty for what is no PNG; what is behind a broken chunk is lost.
inline std::vector<PngChunk> png_chunks(std::string_view bytes) {
  std::vector<PngChunk> chunks;
  if (!bytes.starts_with("\x89PNG\r\n\x1a\n")) return chunks;
  bytes.remove_prefix(8);
  while (bytes.size() >= 12) {
    std::uint32_t length = 0;
    for (int i = 0; i < 4; ++i)
      length = length << 8 | static_cast<std::uint8_t>(bytes[static_cast<std::size_t>(i)]);
    if (length > bytes.size() - 12) break;
    chunks.push_back({std::string(bytes.substr(4, 4)), std::string(bytes.substr(8, length))});
    bytes.remove_prefix(12 + length);
  }
  return chunks;
}

inline std::string png_of(const std::vector<PngChunk>& chunks) {
  std::string bytes = "\x89PNG\r\n\x1a\n";
  for (const auto& [type, data] : chunks) {
    const std::string body = type + data;
    bytes += big_endian_32(static_cast<std::uint32_t>(data.size())) + body +
             big_endian_32(static_cast<std::uint32_t>(
                 ::crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()))));
  }
  return bytes;
}

/// The rows in a zlib stream, changed; another stream than zlib's is changed as it is.
inline std::string mutated_rows(const std::string& stream) {
  std::string rows(1 << 16, '\0');
  uLongf size = rows.size();
  if (::uncompress(reinterpret_cast<Bytef*>(rows.data()), &size,
                   reinterpret_cast<const Bytef*>(stream.data()), stream.size()) != Z_OK)
    return mutated(stream);
  rows.resize(size);
  rows = mutated(rows);
  std::string again(::compressBound(rows.size()), '\0');
  size = again.size();
  ::compress(reinterpret_cast<Bytef*>(again.data()), &size, reinterpret_cast<const Bytef*>(rows.data()),
             rows.size());
  again.resize(size);
  return again;
}

inline std::size_t mutate_png(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed) {
  std::vector<PngChunk> chunks = png_chunks({reinterpret_cast<const char*>(data), size});
  if (chunks.empty() || seed % 8 == 0) return LLVMFuzzerMutate(data, size, max_size);
  const std::size_t chosen = seed / 8 % chunks.size();
  PngChunk& chunk = chunks[chosen];
  constexpr std::array kTypes{"IHDR", "PLTE", "tRNS", "IDAT", "IEND", "eXIf", "gAMA", "tEXt", "CgBI"};
  switch (seed / 1024 % 8) {
    case 0:
      chunk.type = kTypes[seed / 8192 % kTypes.size()];
      break;
    case 1:
      chunks.insert(chunks.begin() + static_cast<std::ptrdiff_t>(seed / 8192 % (chunks.size() + 1)),
                    PngChunk(chunk));
      break;
    case 2:
      chunks.erase(chunks.begin() + static_cast<std::ptrdiff_t>(chosen));
      break;
    case 3:
    case 4:
      chunk.data = mutated_rows(chunk.data);
      break;
    default:
      chunk.data = mutated(chunk.data);
  }
  return replace(data, size, max_size, png_of(chunks));
}

}  // namespace uptake::tests

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  return uptake::tests::mutate_png(data, size, max_size, seed);
}
