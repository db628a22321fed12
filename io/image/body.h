// Body and air in an image of counts, and the level of its counts. All of it is meant to hold still when a few pixels
// are very hot: a syringe, an injection site, a bladder.
#pragma once
#include <cstdint>
#include <vector>

#include "io/image/image.h"

namespace uptake::io {

/// Values [height, width] in double.
struct Field {
  std::int64_t height = 0, width = 0;
  std::vector<double> values;

  Field() = default;
  Field(std::int64_t h, std::int64_t w) : height(h), width(w), values(static_cast<std::size_t>(h * w)) {}
  double& at(std::int64_t y, std::int64_t x) { return values[static_cast<std::size_t>(y * width + x)]; }
  double at(std::int64_t y, std::int64_t x) const { return values[static_cast<std::size_t>(y * width + x)]; }
};

/// The sum over channels.
Field field_of(const Image& image);

/// Convolved with a Gaussian of the given sigma (pixels), cut off at three sigma; the border is repeated.
Field smoothed(const Field& field, double sigma);

/// For every pixel, row by row, whether it shows the body: where the counts, cut down to their 95 % quantile and
/// smoothed with a sigma of 2 pixels, lie above
/// the threshold of Otsu (1979) on their logarithm. All true when what lies below is no air, that is when its mean is
/// more than a quarter of the mean above.
std::vector<bool> body_mask(const Image& image);

/// The mask grown by `pixels` to every side (square).
std::vector<bool> grown(const std::vector<bool>& mask, std::int64_t height, std::int64_t width,
                        std::int64_t pixels);

/// The quantile q in [0,1] (nearest rank) of the samples of the body's pixels; 0 for an image without pixels.
double body_quantile(const Image& image, double q);

/// The level of an image: the 98 % quantile of its body, or if that is 0 its largest sample; at least 0.
double body_level(const Image& image);

/// What its counts reach: twice the level, or its largest sample if that is less. The top of the window in which an
/// image is shown, and the range of PSNR and SSIM.
double upper_level(const Image& image);

}  // namespace uptake::io
