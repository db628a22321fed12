// The one place where stb_image is compiled, private to this file (static). Only PNG and JPEG are switched on:
// fewer formats are fewer ways for a hostile file to do harm.
#include <algorithm>
#include <climits>
#include <cstdlib>
#include <limits>
#include <memory>
#include <stdexcept>

#include "io/base/file.h"
#include "io/base/text.h"
#include "io/image/codec.h"

namespace uptake::io::detail {
namespace {

/// A check inside stb that failed: the file is refused, where assert() would end the program or check
/// nothing.
struct BrokenInvariant {};

}  // namespace
}  // namespace uptake::io::detail

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wshadow"
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#define STBI_ASSERT(condition) ((condition) ? void() : throw uptake::io::detail::BrokenInvariant())
// Zeroed memory: what a damaged file leaves undecoded is black, the same each time, and never an old secret.
#define STBI_MALLOC(bytes) std::calloc(1, bytes)
#define STBI_REALLOC(pointer, bytes) std::realloc(pointer, bytes)
#define STBI_FREE(pointer) std::free(pointer)
#include <stb_image.h>
#pragma GCC diagnostic pop

namespace uptake::io::detail {
namespace {

struct FreeByStb {
  void operator()(void* p) const { stbi_image_free(p); }
};

template <class Sample>
Decoded on_white(const Sample* samples, int height, int width, int channels, SampleKind kind) {
  const bool has_alpha = channels == 2 || channels == 4;
  const int kept = channels - (has_alpha ? 1 : 0);
  constexpr auto kTop = static_cast<std::int64_t>(std::numeric_limits<Sample>::max());
  Decoded decoded{Image(height, width, kept, kind)};
  float* out = decoded.image.samples.data();
  const std::int64_t pixels = std::int64_t{height} * width;
  for (std::int64_t i = 0; i < pixels; ++i) {
    const Sample* pixel = samples + i * channels;
    const std::int64_t alpha = has_alpha ? pixel[kept] : kTop;
    if (alpha != kTop) ++decoded.transparent;
    for (int c = 0; c < kept; ++c)  // rounded: samples are whole numbers
      *out++ = static_cast<float>((pixel[c] * alpha + kTop * (kTop - alpha) + kTop / 2) / kTop);
  }
  return decoded;
}

}  // namespace

Decoded decode_by_stb(std::string_view bytes, const std::filesystem::path& path) {
  if (bytes.size() > INT_MAX) throw FileError(path, "is larger than 2 GiB, too large for an image file");
  const auto* data = reinterpret_cast<const stbi_uc*>(bytes.data());
  const int size = static_cast<int>(bytes.size());
  int width = 0, height = 0, channels = 0;
  const char* why = "inconsistent data";
  try {
    if (stbi_is_16_bit_from_memory(data, size)) {
      const std::unique_ptr<stbi_us, FreeByStb> samples(
          stbi_load_16_from_memory(data, size, &width, &height, &channels, 0));
      if (samples) return on_white(samples.get(), height, width, channels, SampleKind::u16);
    } else {
      const std::unique_ptr<stbi_uc, FreeByStb> samples(
          stbi_load_from_memory(data, size, &width, &height, &channels, 0));
      if (samples) return on_white(samples.get(), height, width, channels, SampleKind::u8);
    }
    if (stbi_failure_reason() != nullptr) why = stbi_failure_reason();
  } catch (const BrokenInvariant&) {  // costs the memory of this one attempt
  }
  // It may quote the name of a chunk, whatever bytes that is.
  throw FileError(path, "is a damaged or unsupported image (" + printable(why) + ")");
}

}  // namespace uptake::io::detail
