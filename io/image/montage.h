// Pictures for people: samples brought into 0..255 and images put side by side.
#pragma once
#include <vector>

#include "io/image/image.h"

namespace uptake::io {

/// u8 image in which `low` is shown as 0 and `high` as 255, linear between and clamped outside; NaN is 0.
/// With low > high the picture is inverted (scintigraphy is usually shown dark on white). Any kind and
/// channel count.
Image to_display(const Image& image, float low, float high);

/// What is a good `high` (or, inverted, `low`) for predicted counts: all but one in 200 of the samples of half a count and
/// more are not above it. A whole number from 1 to 65535.
float display_top(const std::vector<Image>& frames);

/// Cells in rows and columns with `gap` white pixels between them; a row is as high as its highest cell, a
/// column as wide as its widest, cells are centered, missing cells are white. Gray becomes RGB when any cell
/// is RGB. Throws std::invalid_argument for a cell that is not u8 with 1 or 3 channels, a negative gap, or no
/// pixels at all.
Image montage(const std::vector<std::vector<Image>>& rows, std::int64_t gap);

}  // namespace uptake::io
