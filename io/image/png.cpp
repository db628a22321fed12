// PNG: checking that a file is whole, and writing 8 and 16 bit. Source: PNG specification, third edition
// (W3C).
#include <zlib.h>

#include <algorithm>
#include <climits>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <new>
#include <stdexcept>
#include <vector>

#include "io/base/file.h"
#include "io/image/codec.h"

namespace uptake::io {
namespace {

void append_big_endian_32(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

void append_chunk(std::string& out, std::string_view type, std::string_view data) {
  append_big_endian_32(out, static_cast<std::uint32_t>(data.size()));
  const std::size_t start = out.size();
  out.append(type).append(data);
  append_big_endian_32(out, detail::crc32(std::string_view(out).substr(start)));
}

constexpr std::int64_t kMaxTextBytes = 1 << 16;  // of a tEXt chunk that is read

std::string text_chunk(const std::string& keyword, const std::string& text) {
  if (keyword.empty() || keyword.size() > 79)
    throw std::invalid_argument("write_png: a keyword has 1 to 79 characters, not " +
                                std::to_string(keyword.size()));
  std::string chunk = keyword + text;
  std::ranges::replace_if(
      chunk, [](char c) { return c != '\n' && (c < 0x20 || c > 0x7e); }, '?');
  return chunk.insert(keyword.size(), 1, '\0');
}

struct Header {
  std::uint64_t width, height, bits_per_pixel;
};

/// Checks IHDR; stb needs no more than that the numbers are legal and not absurd.
Header parse_header(std::string_view data, const std::filesystem::path& path) {
  if (data.size() != 13) throw FileError(path, "is a PNG whose header is not 13 bytes long");
  const auto width = static_cast<std::uint64_t>(detail::big_endian(data.substr(0, 4))),
             height = static_cast<std::uint64_t>(detail::big_endian(data.substr(4, 4)));
  const int depth = static_cast<std::uint8_t>(data[8]), color = static_cast<std::uint8_t>(data[9]);
  if (width == 0 || height == 0) throw FileError(path, "is a PNG without pixels");
  std::uint64_t channels = 0;
  if (color == 0 || color == 3) channels = 1;
  if (color == 2) channels = 3;
  if (color == 4) channels = 2;
  if (color == 6) channels = 4;
  const bool packed = depth == 1 || depth == 2 || depth == 4;
  const bool legal = depth == 8 || (depth == 16 && color != 3) || (packed && (color == 0 || color == 3));
  if (channels == 0 || !legal) {
    throw FileError(path, "is a PNG of color type " + std::to_string(color) + " with " +
                              std::to_string(depth) + " bits, which does not exist");
  }
  const std::uint64_t decoded_channels = color == 3 ? 3 : channels;
  const auto limit = static_cast<std::uint64_t>(detail::kMaxSamples);
  if (width > limit || height > limit || width * height > limit / decoded_channels) {
    throw FileError(path, "claims " + std::to_string(width) + " x " + std::to_string(height) +
                              " pixels, at most 2^28 samples were expected");
  }
  return {width, height, channels * static_cast<std::uint64_t>(depth)};
}

/// Samples of one row as PNG bytes: rounded, clamped, NaN is 0, 16 bit with the high byte first.
void quantise_row(std::vector<std::uint8_t>& out, const float* samples, std::int64_t count, SampleKind kind) {
  const float top = kind == SampleKind::u16 ? 65535.0f : 255.0f;
  out.clear();
  for (std::int64_t i = 0; i < count; ++i) {
    const float v = samples[i] > 0.0f ? std::min(samples[i], top) : 0.0f;
    const auto level = static_cast<std::uint32_t>(std::lround(v));
    if (kind == SampleKind::u16) out.push_back(static_cast<std::uint8_t>(level >> 8));
    out.push_back(static_cast<std::uint8_t>(level));
  }
}

int paeth(int a, int b, int c) {
  const int p = a + b - c, pa = std::abs(p - a), pb = std::abs(p - b), pc = std::abs(p - c);
  if (pa <= pb && pa <= pc) return a;
  return pb <= pc ? b : c;
}

/// Row filter 0..4 of the specification. `step` bytes separate a sample from the one to its left.
void filter_row(std::string& out, int filter, const std::vector<std::uint8_t>& row,
                const std::vector<std::uint8_t>& above, std::size_t step) {
  out.assign(1, static_cast<char>(filter));
  for (std::size_t i = 0; i < row.size(); ++i) {
    const int left = i >= step ? row[i - step] : 0, up = above[i], corner = i >= step ? above[i - step] : 0;
    const std::array<int, 5> predicted{0, left, up, (left + up) / 2, paeth(left, up, corner)};
    out.push_back(static_cast<char>(row[i] - predicted[static_cast<std::size_t>(filter)]));
  }
}

/// The filter with the smallest sum of absolute differences, the choice the specification recommends.
void append_best_filtered(std::string& out, const std::vector<std::uint8_t>& row,
                          const std::vector<std::uint8_t>& above, std::size_t step) {
  std::string best, candidate;
  std::int64_t best_cost = 0;
  for (int filter = 0; filter < 5; ++filter) {
    filter_row(candidate, filter, row, above, step);
    std::int64_t cost = 0;
    for (std::size_t i = 1; i < candidate.size(); ++i)
      cost += std::abs(static_cast<signed char>(candidate[i]));
    if (best.empty() || cost < best_cost) {
      best_cost = cost;
      best.swap(candidate);
    }
  }
  out.append(best);
}

}  // namespace

std::uint32_t detail::crc32(std::string_view bytes) {
  return static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

// Level 4 of the strategy for filtered data. Levels above take up to twice as long and gain nothing on photographs;
// the run-length strategy is three times as fast and as small there, but seven times larger on computed ramps.
std::string detail::zlib_compress(std::string_view bytes) {
  if (bytes.size() > UINT_MAX) throw std::length_error("zlib_compress: more than 4 GiB");
  z_stream stream{};
  if (deflateInit2(&stream, 4, Z_DEFLATED, MAX_WBITS, MAX_MEM_LEVEL, Z_FILTERED) != Z_OK)
    throw std::bad_alloc();
  const std::unique_ptr<z_stream, int (*)(z_streamp)> end(&stream, deflateEnd);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // only read
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END)
    throw std::logic_error("zlib_compress: deflate did not finish");
  out.resize(stream.total_out);
  return out;
}

void detail::require_whole_png(std::string_view bytes, const std::filesystem::path& path) {
  std::size_t at = kPngSignature.size();
  std::uint64_t compressed_bytes = 0;
  Header header{};
  for (bool first = true, end = false; !end; first = false) {
    if (bytes.size() - at < 12) throw FileError(path, "is a truncated PNG: it ends before its last chunk");
    const auto length = static_cast<std::size_t>(big_endian(bytes.substr(at, 4)));
    if (length > bytes.size() - at - 12) throw FileError(path, "is a truncated PNG: it ends within a chunk");
    const std::string_view type = bytes.substr(at + 4, 4);
    if (crc32(bytes.substr(at + 4, length + 4)) != big_endian(bytes.substr(at + 8 + length, 4))) {
      throw FileError(path, "is a damaged PNG: a checksum does not match its data");
    }
    if ((type == "IHDR") != first) throw FileError(path, "is a PNG whose chunks are not in order");
    if (first) header = parse_header(bytes.substr(at + 8, length), path);
    if (type == "IDAT") compressed_bytes += length;
    end = type == "IEND";
    at += length + 12;
  }
  // Deflate packs at most 258 bytes into 2 bits, so a small file cannot ask for a large allocation.
  if (header.width * header.height * header.bits_per_pixel / 8 > compressed_bytes * 1032 + 64) {
    throw FileError(path, "claims " + std::to_string(header.width) + " x " + std::to_string(header.height) +
                              " pixels, far more than its data can hold");
  }
}

std::string encode_png(const Image& image, const PngTexts& texts) {
  const std::int64_t h = image.height, w = image.width, c = image.channels;
  if (image.kind == SampleKind::counts) {
    throw std::invalid_argument("write_png: counts have no fixed range; convert to u8 or u16 first");
  }
  if (h < 1 || w < 1 || (c != 1 && c != 3) || h > detail::kMaxSamples / w ||
      h * w > detail::kMaxSamples / c || static_cast<std::int64_t>(image.samples.size()) != h * w * c) {
    throw std::invalid_argument("write_png: an image of " + std::to_string(h) + " x " + std::to_string(w) +
                                " x " + std::to_string(c) +
                                " samples is not possible, 1 or 3 channels were expected");
  }
  const std::size_t sample_bytes = image.kind == SampleKind::u16 ? 2 : 1;
  const std::size_t row_bytes = static_cast<std::size_t>(w * c) * sample_bytes;
  std::string filtered;
  filtered.reserve(static_cast<std::size_t>(h) * (row_bytes + 1));
  std::vector<std::uint8_t> row, above(row_bytes, 0);
  for (std::int64_t y = 0; y < h; ++y) {
    quantise_row(row, image.samples.data() + y * w * c, w * c, image.kind);
    append_best_filtered(filtered, row, above, static_cast<std::size_t>(c) * sample_bytes);
    above.swap(row);
  }

  std::string header;
  append_big_endian_32(header, static_cast<std::uint32_t>(w));
  append_big_endian_32(header, static_cast<std::uint32_t>(h));
  header.push_back(static_cast<char>(8 * sample_bytes));
  header.push_back(static_cast<char>(c == 3 ? 2 : 0));
  header.append(3, '\0');  // deflate, the five filters, not interlaced
  std::string out(detail::kPngSignature);
  append_chunk(out, "IHDR", header);
  for (const auto& [keyword, text] : texts) append_chunk(out, "tEXt", text_chunk(keyword, text));
  append_chunk(out, "IDAT", detail::zlib_compress(filtered));
  append_chunk(out, "IEND", {});
  return out;
}

void write_png(const std::filesystem::path& path, const Image& image, const PngTexts& texts) {
  write_file_atomically(path, encode_png(image, texts));
}

PngTexts read_png_texts(const std::filesystem::path& path) noexcept {
  try {
    PngTexts texts;
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error)) return {};
    std::ifstream file(path, std::ios::binary);
    std::string head(detail::kPngSignature.size(), '\0');
    if (!file.read(head.data(), static_cast<std::streamsize>(head.size())) || head != detail::kPngSignature)
      return {};
    for (std::string start(8, '\0'); file.read(start.data(), 8);) {
      const std::int64_t length = detail::big_endian(std::string_view(start).substr(0, 4));
      const std::string type = start.substr(4);
      if (type == "IDAT" || type == "IEND") return texts;
      if (type != "tEXt" || length > kMaxTextBytes) {
        file.seekg(length + 4, std::ios::cur);
        continue;
      }
      std::string chunk(static_cast<std::size_t>(length) + 4, '\0');  // with its checksum
      if (!file.read(chunk.data(), static_cast<std::streamsize>(chunk.size()))) return texts;
      chunk.resize(static_cast<std::size_t>(length));
      const std::size_t end = chunk.find('\0');
      if (end != std::string::npos) texts.emplace_back(chunk.substr(0, end), chunk.substr(end + 1));
    }
    return texts;
  } catch (...) {
    return {};
  }
}

}  // namespace uptake::io
