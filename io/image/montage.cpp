#include "io/image/montage.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <stdexcept>

namespace uptake::io {
namespace {

void paste(Image& canvas, const Image& cell, std::int64_t top, std::int64_t left) {
  for (std::int64_t y = 0; y < cell.height; ++y) {
    for (std::int64_t x = 0; x < cell.width; ++x) {
      for (std::int64_t c = 0; c < canvas.channels; ++c) {
        canvas.at(top + y, left + x, c) = cell.at(y, x, cell.channels == 1 ? 0 : c);
      }
    }
  }
}

}  // namespace

Image to_display(const Image& image, float low, float high) {
  Image out(image.height, image.width, image.channels, SampleKind::u8);
  const auto level = [&](float v) {
    if (low == high) return v > low ? 255.0f : 0.0f;
    const float share = (v - low) / (high - low);
    return share > 0.0f ? std::min(share, 1.0f) * 255.0f : 0.0f;  // NaN compares false
  };
  std::transform(image.samples.begin(), image.samples.end(), out.samples.begin(), level);
  return out;
}

float display_top(const std::vector<Image>& frames) {
  std::vector<float> counts;
  for (const Image& frame : frames)
    std::ranges::copy_if(frame.samples, std::back_inserter(counts), [](float v) { return v >= 0.5f; });
  if (counts.empty()) return 1;
  const auto at =
      counts.begin() + static_cast<std::ptrdiff_t>(0.995 * static_cast<double>(counts.size() - 1));
  std::ranges::nth_element(counts, at);
  return std::clamp(std::round(*at), 1.0f, 65535.0f);
}

Image montage(const std::vector<std::vector<Image>>& rows, std::int64_t gap) {
  std::vector<std::int64_t> heights(rows.size(), 0), widths;
  std::int64_t channels = 1;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    widths.resize(std::max(widths.size(), rows[r].size()), 0);
    for (std::size_t c = 0; c < rows[r].size(); ++c) {
      const Image& cell = rows[r][c];
      if (cell.kind != SampleKind::u8 || (cell.channels != 1 && cell.channels != 3)) {
        throw std::invalid_argument("montage: cells must be 8 bit with 1 or 3 channels (see to_display)");
      }
      channels = std::max(channels, cell.channels);
      heights[r] = std::max(heights[r], cell.height);
      widths[c] = std::max(widths[c], cell.width);
    }
  }
  const auto extent = [&](const std::vector<std::int64_t>& sizes) {
    const auto gaps = gap * (static_cast<std::int64_t>(sizes.size()) - 1);
    return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0}) + gaps;
  };
  if (gap < 0 || widths.empty() || extent(heights) < 1 || extent(widths) < 1) {
    throw std::invalid_argument("montage: nothing to show, or a negative gap");
  }
  Image canvas(extent(heights), extent(widths), channels, SampleKind::u8);
  std::fill(canvas.samples.begin(), canvas.samples.end(), 255.0f);
  std::int64_t top = 0;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::int64_t left = 0;
    for (std::size_t c = 0; c < rows[r].size(); ++c) {
      const Image& cell = rows[r][c];
      paste(canvas, cell, top + (heights[r] - cell.height) / 2, left + (widths[c] - cell.width) / 2);
      left += widths[c] + gap;
    }
    top += heights[r] + gap;
  }
  return canvas;
}

}  // namespace uptake::io
