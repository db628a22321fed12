// An image on the pixels a model was trained on, and its prediction back on the image's own.
#pragma once
#include <cstdint>
#include <optional>

#include "gan/training_domain.h"
#include "io/image/image.h"

namespace uptake::gan {

/// Pixels of one field of view.
struct Grid {
  std::int64_t height = 0, width = 0;
  double row_mm = 0, column_mm = 0;  // their spacing
};

/// The grid of the same field of view with the nearest spacing the model was trained on, to a whole number of pixels;
/// none where the image or the training images state no spacing. It is `grid` itself where that spacing was trained on.
std::optional<Grid> trained_grid(const Grid& grid, const ImageDomain& domain);

/// Bicubic, negative overshoots cut off, with the sum of counts kept: a pixel of twice the side holds four times the
/// counts. The same image where the size is the same. Throws std::invalid_argument as io::resize_bicubic does.
io::Image resample_counts(const io::Image& image, std::int64_t height, std::int64_t width);

}  // namespace uptake::gan
