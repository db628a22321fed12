// Image metrics between a prediction and the truth, in the units of the file.
#pragma once
#include "io/image/image.h"

namespace uptake::gan {

/// psnr and ssim depend on a data range, the others do not.
struct ImageMetrics {
  double l1 = 0;           // mean |p - t|, in the units of the file
  double relative_l1 = 0;  // sum |p - t| / sum |t|
  double nrmse = 0;        // sqrt(sum (p - t)^2 / sum t^2)
  double psnr = 0;         // 10 log10(data_range^2 / mean (p - t)^2), dB; infinite for equal images
  double ssim = 0;         // structural similarity, mean over pixels and channels, at most 1
  double data_range = 0;   // as given
};

/// The data range of a true image: 255 for 8 bit, as is usual for pictures; for 16 bit and counts what the image itself
/// reaches, io::upper_level (its largest sample, or twice the 98 % quantile of its body if that is less), so that no hot
/// spot makes the errors of the rest look small; at least 1. Never what a model was trained on.
double data_range_of(const io::Image& truth);

/// SSIM after Wang et al. 2004: Gaussian window 11x11, sigma 1.5, k1 0.01, k2 0.03, only windows that lie
/// inside the image; an image smaller than the window shrinks it to the largest odd size that fits. Where the truth is 0
/// everywhere, relative_l1 and nrmse are infinite, or 0 if the prediction is 0 too. Throws std::invalid_argument for
/// images of different shapes or without pixels, or data_range <= 0.
ImageMetrics compare(const io::Image& prediction, const io::Image& truth, double data_range);

}  // namespace uptake::gan
