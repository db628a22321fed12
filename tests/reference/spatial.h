// Padding, up-sampling and pooling. Each linear one is a list of links (output, input, weight): forward and
// backward follow the same list in the two directions, so backward is the transpose of forward by
// construction, and forward is the definition. If two disagree, this one is right until proven otherwise.
// Packed [n,h,w,c].
#pragma once
#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/spatial.h"

namespace uptake::reference {

using kernels::Pool;
using kernels::Shape4;

struct Link {
  std::size_t output, input;
  double weight;
};

/// A linear map between two tensors.
struct Links {
  Shape4 from, to;
  std::vector<Link> list;

  void connect(std::int64_t n, std::int64_t to_h, std::int64_t to_w, std::int64_t from_h, std::int64_t from_w,
               double weight) {
    for (std::int64_t k = 0; k < from.c; ++k)
      list.push_back({static_cast<std::size_t>(((n * to.h + to_h) * to.w + to_w) * to.c + k),
                      static_cast<std::size_t>(((n * from.h + from_h) * from.w + from_w) * from.c + k),
                      weight});
  }
  std::vector<double> forward(const std::vector<double>& x) const {
    std::vector<double> y(static_cast<std::size_t>(to.size()), 0.0);
    for (const Link& link : list) y[link.output] += link.weight * x[link.input];
    return y;
  }
  std::vector<double> backward(const std::vector<double>& dy) const {
    std::vector<double> dx(static_cast<std::size_t>(from.size()), 0.0);
    for (const Link& link : list) dx[link.input] += link.weight * dy[link.output];
    return dx;
  }
};

/// Walks outwards from the image, bouncing at its first and last element.
inline std::int64_t bounce(std::int64_t i, std::int64_t size) {
  if (i < 0) return -i;
  if (i >= size) return size - 1 - (i - (size - 1));
  return i;
}

inline Links reflection_pad(const Shape4& x, std::int64_t pad) {
  Links links{x, {x.n, x.h + 2 * pad, x.w + 2 * pad, x.c}, {}};
  for (std::int64_t n = 0; n < x.n; ++n)
    for (std::int64_t h = 0; h < links.to.h; ++h)
      for (std::int64_t w = 0; w < links.to.w; ++w)
        links.connect(n, h, w, bounce(h - pad, x.h), bounce(w - pad, x.w), 1);
  return links;
}

inline Links upsample_nearest(const Shape4& x, std::int64_t factor) {
  Links links{x, {x.n, x.h * factor, x.w * factor, x.c}, {}};
  for (std::int64_t n = 0; n < x.n; ++n)
    for (std::int64_t h = 0; h < links.to.h; ++h)
      for (std::int64_t w = 0; w < links.to.w; ++w) links.connect(n, h, w, h / factor, w / factor, 1);
  return links;
}

/// The hat function: weight of an input centre at distance d, in input pixels, is max(0, 1 - |d|); a sample
/// outside the first or last centre takes that centre's value.
inline double hat(std::int64_t input, double sample, std::int64_t size) {
  const double inside = std::min(std::max(sample, 0.0), static_cast<double>(size - 1));
  return std::max(0.0, 1 - std::abs(inside - static_cast<double>(input)));
}

inline Links upsample_bilinear(const Shape4& x, std::int64_t factor) {
  Links links{x, {x.n, x.h * factor, x.w * factor, x.c}, {}};
  const auto sample = [factor](std::int64_t o) {
    return (static_cast<double>(o) + 0.5) / static_cast<double>(factor) - 0.5;
  };
  for (std::int64_t n = 0; n < x.n; ++n)
    for (std::int64_t h = 0; h < links.to.h; ++h)
      for (std::int64_t w = 0; w < links.to.w; ++w)
        for (std::int64_t i = 0; i < x.h; ++i) {
          const double row = hat(i, sample(h), x.h);
          if (row == 0) continue;
          for (std::int64_t j = 0; j < x.w; ++j) {
            const double column = hat(j, sample(w), x.w);
            if (column > 0) links.connect(n, h, w, i, j, row * column);
          }
        }
  return links;
}

/// Calls use(h, w) for the real pixels of an output's window.
template <class Use>
void for_window(const Shape4& x, const Pool& pool, std::int64_t out_h, std::int64_t out_w, const Use& use) {
  for (std::int64_t r = 0; r < pool.kernel; ++r)
    for (std::int64_t s = 0; s < pool.kernel; ++s) {
      const std::int64_t h = out_h * pool.stride + r - pool.pad, w = out_w * pool.stride + s - pool.pad;
      if (h >= 0 && h < x.h && w >= 0 && w < x.w) use(h, w);
    }
}

inline Shape4 pooled(const Shape4& x, const Pool& pool) {
  const auto size = [&](std::int64_t in) {
    std::int64_t count = 0;
    while (in > 0 && count * pool.stride + pool.kernel <= in + 2 * pool.pad) ++count;
    return count;
  };
  return {x.n, size(x.h), size(x.w), x.c};
}

inline Links avg_pool(const Shape4& x, const Pool& pool) {
  Links links{x, pooled(x, pool), {}};
  for (std::int64_t n = 0; n < x.n; ++n)
    for (std::int64_t h = 0; h < links.to.h; ++h)
      for (std::int64_t w = 0; w < links.to.w; ++w) {
        double count = 0;
        for_window(x, pool, h, w, [&](std::int64_t, std::int64_t) { count += 1; });
        if (pool.count_padding == kernels::CountPadding::include)
          count = static_cast<double>(pool.kernel * pool.kernel);
        for_window(x, pool, h, w,
                   [&](std::int64_t i, std::int64_t j) { links.connect(n, h, w, i, j, 1 / count); });
      }
  return links;
}

struct MaxPool {
  std::vector<double> y;
  std::vector<std::int32_t> argmax;  // h * width + w, the first of equals
  std::vector<Link> winners;
};

inline MaxPool max_pool(const std::vector<double>& x, const Shape4& shape, const Pool& pool) {
  MaxPool result;
  const Shape4 to = pooled(shape, pool);
  for (std::int64_t n = 0; n < to.n; ++n)
    for (std::int64_t h = 0; h < to.h; ++h)
      for (std::int64_t w = 0; w < to.w; ++w)
        for (std::int64_t k = 0; k < to.c; ++k) {
          bool any = false;
          std::size_t winner = 0;
          std::int64_t place = 0;
          for_window(shape, pool, h, w, [&](std::int64_t i, std::int64_t j) {
            const auto at = static_cast<std::size_t>(((n * shape.h + i) * shape.w + j) * shape.c + k);
            if (any && !(x[at] > x[winner])) return;
            any = true;
            winner = at;
            place = i * shape.w + j;
          });
          result.winners.push_back({result.y.size(), winner, 1});
          result.y.push_back(x[winner]);
          result.argmax.push_back(static_cast<std::int32_t>(place));
        }
  return result;
}

inline std::vector<double> max_pool_backward(const MaxPool& forward, const std::vector<double>& dy,
                                             const Shape4& shape) {
  std::vector<double> dx(static_cast<std::size_t>(shape.size()), 0.0);
  for (const Link& link : forward.winners) dx[link.input] += dy[link.output];
  return dx;
}

}  // namespace uptake::reference
