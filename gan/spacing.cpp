#include "gan/spacing.h"

#include <algorithm>
#include <cmath>

namespace uptake::gan {
namespace {

constexpr double kMostPixels = 65535;

struct Side {
  std::int64_t pixels = 0;
  double mm = 0;
};

Side trained_side(std::int64_t pixels, double mm, const Range& trained) {
  const double nearest = std::clamp(mm, trained.least, trained.most);
  const double field = static_cast<double>(pixels) * mm;
  const double count = std::clamp(std::round(field / nearest), 1.0, kMostPixels);
  return {static_cast<std::int64_t>(count), field / count};
}

double sum_of(const io::Image& image) {
  double sum = 0;
  for (const float sample : image.samples) sum += sample;
  return sum;
}

}  // namespace

std::optional<Grid> trained_grid(const Grid& grid, const ImageDomain& domain) {
  if (!domain.row_spacing_mm || !domain.column_spacing_mm || !(grid.row_mm > 0) || !(grid.column_mm > 0) ||
      !(domain.row_spacing_mm->least > 0) || !(domain.column_spacing_mm->least > 0))
    return std::nullopt;
  const Side rows = trained_side(grid.height, grid.row_mm, *domain.row_spacing_mm),
             columns = trained_side(grid.width, grid.column_mm, *domain.column_spacing_mm);
  return Grid{rows.pixels, columns.pixels, rows.mm, columns.mm};
}

io::Image resample_counts(const io::Image& image, std::int64_t height, std::int64_t width) {
  if (height == image.height && width == image.width) return image;
  io::Image out = io::resize_bicubic(image, height, width);
  for (float& sample : out.samples) sample = std::max(sample, 0.0F);
  const double before = sum_of(image), after = sum_of(out);
  const double factor = after > 0 && before > 0 ? before / after : 0;
  for (float& sample : out.samples) sample = static_cast<float>(sample * factor);
  return out;
}

}  // namespace uptake::gan
