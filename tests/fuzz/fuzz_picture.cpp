// PNG and JPEG files.
#include <cmath>

#include "io/image/image.h"
#include "io/image/image_header.h"
#include "target.h"

#ifdef UPTAKE_FUZZ
#include "png_mutator.h"
#endif

using namespace uptake;

namespace {

constexpr std::size_t kFewSamples = 1 << 14;

void require_samples(const io::Image& image) {
  tests::require(image.height > 0 && image.width > 0, "a picture has pixels");
  tests::require(image.channels == 1 || image.channels == 3, "a picture is gray or RGB");
  tests::require(image.kind != io::SampleKind::counts, "a picture holds no counts");
  tests::require(
      image.samples.size() == static_cast<std::size_t>(image.height * image.width * image.channels),
      "samples are as many as the size says");
  const float most = image.kind == io::SampleKind::u16 ? 65535.0f : 255.0f;
  for (const float sample : image.samples)
    tests::require(sample >= 0 && sample <= most, "samples are in the range of their kind");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = tests::view_of(data, size);
  const auto path = tests::put_file("picture", bytes);
  io::Image image;
  io::ImageHeader header;
  const bool has_header = tests::accepts<io::FileError>([&] { header = io::read_image_header(path); });
  if (!tests::accepts<io::FileError>([&] { image = io::decode_image(bytes, path); })) return 0;
  require_samples(image);
  tests::require(has_header && header == io::header_of(image), "the header is that of the picture");
  if (image.samples.size() > kFewSamples) return 0;
  io::Image again = io::decode_image(io::encode_png(image), path);
  for (float& sample : image.samples) sample = std::round(sample);  // what a PNG keeps
  tests::require(again.samples == image.samples && io::header_of(again) == io::header_of(image),
                 "a picture is written and read back");
  return 0;
}
