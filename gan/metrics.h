// Image metrics between a prediction and the truth, in the units of the file.
#pragma once
#include "io/image/image.h"

namespace uptake::gan {

/// data_range is the span of possible values: 255, 65535, or the scale of counts.
struct ImageMetrics {
  double l1 = 0;    // mean |p - t|, in the units of the file
  double psnr = 0;  // 10 log10(data_range^2 / mean (p - t)^2), dB; infinite for equal images
  double ssim = 0;  // structural similarity, mean over pixels and channels, at most 1
};

/// SSIM after Wang et al. 2004: Gaussian window 11x11, sigma 1.5, k1 0.01, k2 0.03, only windows that lie
/// inside the image; an image smaller than the window shrinks it to the largest odd size that fits. Throws
/// std::invalid_argument for images of different shapes or without pixels, or data_range <= 0.
ImageMetrics compare(const io::Image& prediction, const io::Image& truth, double data_range);

}  // namespace uptake::gan
