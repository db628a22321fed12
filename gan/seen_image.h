// One image as the comparison with the training images sees it: what its file says about it and what its pixels are.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "io/image/image.h"
#include "io/pairs/image_facts.h"

namespace uptake::gan {

/// Of the samples of one image; every channel counts as samples.
struct PixelSummary {
  double largest = 0, mean = 0;
  double quantile99 = 0;  // a hundredth of the samples are larger; one hot spot does not move it
  double extent = 0;  // the smallest part of the samples, 0 to 1, that together hold nine tenths of the sum
  bool constant = true;  // all samples are equal
  bool finite = true;
};

/// Negative samples count as 0.
PixelSummary summarize(const io::Image& image);

/// Texts are "" and numbers are absent where the file does not say.
struct SeenImage {
  std::int64_t height = 0, width = 0, channels = 0;
  io::SampleKind kind = io::SampleKind::u8;
  PixelSummary pixels;

  std::optional<double> row_spacing_mm, column_spacing_mm;
  std::optional<double> minutes;     // from injection to the start of the acquisition
  std::optional<double> duration_s;  // of the frame
  std::string body_part;             // HAND, FOOT, WHOLE BODY...
  std::string view;                  // anterior, posterior...
  bool view_assumed = false;         // by the number of the detector only
  std::string acquisition;           // ImageType value 3: STATIC, WHOLE BODY...
  std::string radiopharmaceutical;
  std::optional<io::EnergyWindow> window;
  bool derived = false, synthetic = false;

  /// An image that a model or another program computed out of nothing measured: synthetic and not original.
  bool predicted() const { return derived && synthetic; }
};

SeenImage seen_image(const io::ImageFacts& facts, const PixelSummary& pixels);

}  // namespace uptake::gan
