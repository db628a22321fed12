// Bicubic resampling as PIL does it (src/libImaging/Resample.c): two passes, each a weighted sum over the
// pixels under a Keys (1981) cubic with a = -0.5, stretched by the scale when shrinking so that nothing is
// skipped.
#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "io/image/codec.h"
#include "io/image/image.h"

namespace uptake::io {
namespace {

/// The Keys kernel for a = -0.5, written out.
double cubic(double x) {
  const double d = std::abs(x);
  if (d < 1.0) return 1.0 + d * d * (1.5 * d - 2.5);
  if (d < 2.0) return 2.0 + d * (-4.0 + d * (2.5 - 0.5 * d));
  return 0.0;
}

/// The input pixels one output pixel is made of: first, and their weights (sum 1).
struct Taps {
  std::int64_t first = 0;
  std::vector<double> weights;
};

std::vector<Taps> taps_for(std::int64_t in, std::int64_t out) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double stretch = std::max(scale, 1.0), support = 2.0 * stretch;
  std::vector<Taps> all(static_cast<std::size_t>(out));
  for (std::int64_t i = 0; i < out; ++i) {
    const double center = (static_cast<double>(i) + 0.5) * scale;
    Taps& taps = all[static_cast<std::size_t>(i)];
    taps.first = std::max<std::int64_t>(static_cast<std::int64_t>(center - support + 0.5), 0);
    const std::int64_t last = std::min(static_cast<std::int64_t>(center + support + 0.5), in);
    double sum = 0.0;
    for (std::int64_t k = taps.first; k < last; ++k) {
      taps.weights.push_back(cubic((static_cast<double>(k) - center + 0.5) / stretch));
      sum += taps.weights.back();
    }
    for (double& weight : taps.weights) weight /= sum;
  }
  return all;
}

Image resize_width(const Image& image, std::int64_t width) {
  const std::int64_t c = image.channels;
  const auto taps = taps_for(image.width, width);
  Image out(image.height, width, c, image.kind);
  float* target = out.samples.data();
  for (std::int64_t y = 0; y < image.height; ++y) {
    const float* row = image.samples.data() + y * image.width * c;
    for (const Taps& tap : taps) {
      for (std::int64_t ch = 0; ch < c; ++ch) {
        const float* source = row + tap.first * c + ch;
        double sum = 0.0;
        for (const double weight : tap.weights) {
          sum += weight * *source;
          source += c;
        }
        *target++ = static_cast<float>(sum);
      }
    }
  }
  return out;
}

Image resize_height(const Image& image, std::int64_t height) {
  const std::int64_t row_samples = image.width * image.channels;
  const auto taps = taps_for(image.height, height);
  Image out(height, image.width, image.channels, image.kind);
  std::vector<double> sums(static_cast<std::size_t>(row_samples));
  float* target = out.samples.data();
  for (const Taps& tap : taps) {
    std::fill(sums.begin(), sums.end(), 0.0);
    const float* source = image.samples.data() + tap.first * row_samples;
    for (const double weight : tap.weights) {  // row by row, so that the inner loop runs along memory
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += weight * source[i];
      source += row_samples;
    }
    for (const double sum : sums) *target++ = static_cast<float>(sum);
  }
  return out;
}

}  // namespace

Image resize_bicubic(const Image& image, std::int64_t height, std::int64_t width) {
  if (image.height < 1 || image.width < 1 || image.channels < 1) {
    throw std::invalid_argument("resize_bicubic: the image is empty");
  }
  const std::int64_t limit = detail::kMaxSamples / image.channels;
  if (height < 1 || width < 1 || width > limit || height > limit / width || image.height > limit / width) {
    throw std::invalid_argument("resize_bicubic: cannot make an image of " + std::to_string(height) + " x " +
                                std::to_string(width));
  }
  Image out = width == image.width ? image : resize_width(image, width);
  if (height != image.height) out = resize_height(out, height);
  if (image.kind != SampleKind::counts) {
    const float top = image.kind == SampleKind::u16 ? 65535.0f : 255.0f;
    for (float& sample : out.samples) sample = std::clamp(sample, 0.0f, top);
  }
  return out;
}

}  // namespace uptake::io
