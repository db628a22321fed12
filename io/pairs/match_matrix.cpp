#include "io/pairs/match_matrix.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

namespace uptake::io {
namespace {

/// Which share of each old pixel falls into a new one, along one side.
struct Overlap {
  std::int64_t first = 0;
  std::vector<double> shares;
};

std::vector<Overlap> overlaps(std::int64_t from, std::int64_t to) {
  std::vector<Overlap> all(static_cast<std::size_t>(to));
  for (std::int64_t i = 0; i < to; ++i) {
    // In units of 1 / to of an old pixel, which are whole numbers: no rounding decides who gets a count.
    const std::int64_t begin = i * from, end = begin + from;
    Overlap& overlap = all[static_cast<std::size_t>(i)];
    overlap.first = begin / to;
    for (std::int64_t old = overlap.first; old * to < end; ++old) {
      const std::int64_t covered = std::min(end, (old + 1) * to) - std::max(begin, old * to);
      overlap.shares.push_back(static_cast<double>(covered) / static_cast<double>(to));
    }
  }
  return all;
}

}  // namespace

Image on_matrix(const Image& image, std::int64_t height, std::int64_t width) {
  if (image.samples.empty() || height < 1 || width < 1)
    throw std::invalid_argument("on_matrix: an empty image, or a size that is not positive");
  if (height == image.height && width == image.width) return image;
  const std::vector<Overlap> rows = overlaps(image.height, height), columns = overlaps(image.width, width);
  Image to(height, width, image.channels, image.kind);
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x)
      for (std::int64_t c = 0; c < image.channels; ++c) {
        const Overlap &row = rows[static_cast<std::size_t>(y)],
                      &column = columns[static_cast<std::size_t>(x)];
        double sum = 0;
        for (std::size_t i = 0; i < row.shares.size(); ++i)
          for (std::size_t j = 0; j < column.shares.size(); ++j)
            sum += row.shares[i] * column.shares[j] *
                   image.at(row.first + static_cast<std::int64_t>(i),
                            column.first + static_cast<std::int64_t>(j), c);
        to.at(y, x, c) = static_cast<float>(sum);
      }
  return to;
}

}  // namespace uptake::io
