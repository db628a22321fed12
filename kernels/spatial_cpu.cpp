#include "kernels/spatial.h"

#include <array>
#include <cmath>

#include "kernels/detail/pieces.h"

// Every backward gathers: each pixel of dx adds up what reaches it, in a fixed order, so rows of dx can be
// shared between threads and no two of them write the same place.
namespace uptake::kernels::cpu {
namespace {

/// Calls row(image, h) for each row of a tensor of this shape, rows shared between threads.
template <class Row>
void for_rows(const Shape4& shape, const Row& row) {
  const std::int64_t piece =
      std::max<std::int64_t>(1, detail::kPieceElements / std::max<std::int64_t>(1, shape.w * shape.c));
  detail::for_pieces(shape.n * shape.h, piece, shape.size(), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) row(i / shape.h, i % shape.h);
  });
}

template <class T>
T* pixel(T* data, const Shape4& shape, std::int64_t n, std::int64_t h, std::int64_t w) {
  return data + ((n * shape.h + h) * shape.w + w) * shape.c;
}

template <class T>
void add_channels(T* to, const T* from, std::int64_t c) {
#pragma omp simd
  for (std::int64_t i = 0; i < c; ++i) to[i] += from[i];
}

template <class T>
void add_scaled_channels(T* to, const T* from, T factor, std::int64_t c) {
#pragma omp simd
  for (std::int64_t i = 0; i < c; ++i) to[i] += factor * from[i];
}

template <class T>
void start_channels(T* to, Write write, std::int64_t c) {
  if (write == Write::assign) std::fill(to, to + c, T(0));
}

// ---- reflection padding

std::int64_t reflect(std::int64_t i, std::int64_t size) {
  if (i < 0) i = -i;
  return i < size ? i : 2 * (size - 1) - i;
}

/// The places of the padded axis that show element i of an axis of `size`: itself and its mirror images.
struct Mirrors {
  std::array<std::int64_t, 3> at;
  int count = 0;
  Mirrors(std::int64_t i, std::int64_t size, std::int64_t pad) {
    if (i > 0 && i <= pad) at[count++] = pad - i;
    at[count++] = i + pad;
    if (i < size - 1 && 2 * (size - 1) - i < size + pad) at[count++] = 2 * (size - 1) - i + pad;
  }
};

// ---- up-sampling

/// Output place `o` is first * (1 - share) + second * share.
struct Between {
  std::int64_t first, second;
  double share;
  Between(std::int64_t o, std::int64_t size, std::int64_t factor) {
    const double at = std::max(0.0, (static_cast<double>(o) + 0.5) / static_cast<double>(factor) - 0.5);
    first = std::min(size - 1, static_cast<std::int64_t>(at));
    second = std::min(size - 1, first + 1);
    share = at - static_cast<double>(first);
  }
  /// Weight with which input place i enters.
  double weight(std::int64_t i) const { return (i == first ? 1 - share : 0) + (i == second ? share : 0); }
};

// ---- pooling

struct Window {
  std::int64_t first, last;  // of the input, clipped to it
  Window(std::int64_t o, std::int64_t size, const Pool& pool) {
    const std::int64_t start = o * pool.stride - pool.pad;
    first = std::max<std::int64_t>(0, start);
    last = std::min(size, start + pool.kernel);
  }
  std::int64_t length() const { return last - first; }
};

/// The outputs whose window holds input place i.
struct Holders {
  std::int64_t first, last;
  Holders(std::int64_t i, std::int64_t outputs, const Pool& pool) {
    first = std::max<std::int64_t>(
        0, detail::ceil_div(std::max<std::int64_t>(0, i + pool.pad - pool.kernel + 1), pool.stride));
    last = std::min(outputs, (i + pool.pad) / pool.stride + 1);
  }
};

template <class T>
T window_factor(const Window& rows, const Window& columns, const Pool& pool) {
  const std::int64_t count = pool.count_padding == CountPadding::include ? pool.kernel * pool.kernel
                                                                         : rows.length() * columns.length();
  return T(1) / static_cast<T>(count);
}

}  // namespace

template <class T>
void reflection_pad_forward(T* y, const T* x, const Shape4& x_shape, std::int64_t pad) {
  const Shape4 y_shape = padded_shape("reflection_pad_forward", x_shape, pad);
  detail::check_tensors("reflection_pad_forward", x_shape, x, y_shape, y);
  for_rows(y_shape, [&](std::int64_t n, std::int64_t h) {
    const std::int64_t from_h = reflect(h - pad, x_shape.h);
    for (std::int64_t w = 0; w < y_shape.w; ++w) {
      const T* from = pixel(x, x_shape, n, from_h, reflect(w - pad, x_shape.w));
      std::copy(from, from + x_shape.c, pixel(y, y_shape, n, h, w));
    }
  });
}

template <class T>
void reflection_pad_backward(T* dx, Write write, const T* dy, const Shape4& x_shape, std::int64_t pad) {
  const Shape4 y_shape = padded_shape("reflection_pad_backward", x_shape, pad);
  detail::check_tensors("reflection_pad_backward", x_shape, dx, y_shape, dy);
  for_rows(x_shape, [&](std::int64_t n, std::int64_t h) {
    const Mirrors rows(h, x_shape.h, pad);
    for (std::int64_t w = 0; w < x_shape.w; ++w) {
      const Mirrors columns(w, x_shape.w, pad);
      T* to = pixel(dx, x_shape, n, h, w);
      start_channels(to, write, x_shape.c);
      for (int i = 0; i < rows.count; ++i)
        for (int j = 0; j < columns.count; ++j)
          add_channels(to, pixel(dy, y_shape, n, rows.at[i], columns.at[j]), x_shape.c);
    }
  });
}

template <class T>
void upsample_nearest_forward(T* y, const T* x, const Shape4& x_shape, std::int64_t factor) {
  const Shape4 y_shape = enlarged_shape("upsample_nearest_forward", x_shape, factor);
  detail::check_tensors("upsample_nearest_forward", x_shape, x, y_shape, y);
  for_rows(y_shape, [&](std::int64_t n, std::int64_t h) {
    T* to = pixel(y, y_shape, n, h, 0);
    for (std::int64_t w = 0; w < x_shape.w; ++w) {
      const T* from = pixel(x, x_shape, n, h / factor, w);
      for (std::int64_t k = 0; k < factor; ++k) to = std::copy(from, from + x_shape.c, to);
    }
  });
}

template <class T>
void upsample_nearest_backward(T* dx, Write write, const T* dy, const Shape4& x_shape, std::int64_t factor) {
  const Shape4 y_shape = enlarged_shape("upsample_nearest_backward", x_shape, factor);
  detail::check_tensors("upsample_nearest_backward", x_shape, dx, y_shape, dy);
  for_rows(x_shape, [&](std::int64_t n, std::int64_t h) {
    for (std::int64_t w = 0; w < x_shape.w; ++w) {
      T* to = pixel(dx, x_shape, n, h, w);
      start_channels(to, write, x_shape.c);
      for (std::int64_t i = 0; i < factor; ++i)
        for (std::int64_t j = 0; j < factor; ++j)
          add_channels(to, pixel(dy, y_shape, n, h * factor + i, w * factor + j), x_shape.c);
    }
  });
}

template <class T>
void upsample_bilinear_forward(T* y, const T* x, const Shape4& x_shape, std::int64_t factor) {
  const Shape4 y_shape = enlarged_shape("upsample_bilinear_forward", x_shape, factor);
  detail::check_tensors("upsample_bilinear_forward", x_shape, x, y_shape, y);
  for_rows(y_shape, [&](std::int64_t n, std::int64_t h) {
    const Between row(h, x_shape.h, factor);
    for (std::int64_t w = 0; w < y_shape.w; ++w) {
      const Between column(w, x_shape.w, factor);
      const T right = static_cast<T>(column.share), left = static_cast<T>(1 - column.share);
      const T below = static_cast<T>(row.share), above = static_cast<T>(1 - row.share);
      const T *a = pixel(x, x_shape, n, row.first, column.first),
              *b = pixel(x, x_shape, n, row.first, column.second);
      const T *c = pixel(x, x_shape, n, row.second, column.first),
              *d = pixel(x, x_shape, n, row.second, column.second);
      T* to = pixel(y, y_shape, n, h, w);
#pragma omp simd
      for (std::int64_t i = 0; i < x_shape.c; ++i)
        to[i] = above * (left * a[i] + right * b[i]) + below * (left * c[i] + right * d[i]);
    }
  });
}

template <class T>
void upsample_bilinear_backward(T* dx, Write write, const T* dy, const Shape4& x_shape, std::int64_t factor) {
  const Shape4 y_shape = enlarged_shape("upsample_bilinear_backward", x_shape, factor);
  detail::check_tensors("upsample_bilinear_backward", x_shape, dx, y_shape, dy);
  // Input i is used by outputs of the three input cells i-1, i, i+1 at most.
  const auto begin = [&](std::int64_t i) { return std::max<std::int64_t>(0, (i - 1) * factor); };
  const auto end = [&](std::int64_t i, std::int64_t size) { return std::min(size, i + 2) * factor; };
  for_rows(x_shape, [&](std::int64_t n, std::int64_t h) {
    for (std::int64_t w = 0; w < x_shape.w; ++w) {
      T* to = pixel(dx, x_shape, n, h, w);
      start_channels(to, write, x_shape.c);
      for (std::int64_t oh = begin(h); oh < end(h, x_shape.h); ++oh) {
        const double row = Between(oh, x_shape.h, factor).weight(h);
        if (row == 0) continue;
        for (std::int64_t ow = begin(w); ow < end(w, x_shape.w); ++ow) {
          const double column = Between(ow, x_shape.w, factor).weight(w);
          if (column == 0) continue;
          add_scaled_channels(to, pixel(dy, y_shape, n, oh, ow), static_cast<T>(row * column), x_shape.c);
        }
      }
    }
  });
}

template <class T>
void max_pool_forward(T* y, std::int32_t* argmax, const T* x, const Shape4& x_shape, const Pool& pool) {
  const Shape4 y_shape = pooled_shape("max_pool_forward", x_shape, pool);
  detail::check_tensors("max_pool_forward", x_shape, x, y_shape, y);
  detail::check_winners("max_pool_forward", argmax, x_shape, y_shape);
  const std::int64_t c = x_shape.c;
  for_rows(y_shape, [&](std::int64_t n, std::int64_t oh) {
    const Window rows(oh, x_shape.h, pool);
    for (std::int64_t ow = 0; ow < y_shape.w; ++ow) {
      const Window columns(ow, x_shape.w, pool);
      T* best = pixel(y, y_shape, n, oh, ow);
      std::int32_t* winner = pixel(argmax, y_shape, n, oh, ow);
      const T* start = pixel(x, x_shape, n, rows.first, columns.first);
      std::copy(start, start + c, best);
      std::fill(winner, winner + c, static_cast<std::int32_t>(rows.first * x_shape.w + columns.first));
      for (std::int64_t h = rows.first; h < rows.last; ++h)
        for (std::int64_t w = columns.first; w < columns.last; ++w) {
          const T* from = pixel(x, x_shape, n, h, w);
          const auto index = static_cast<std::int32_t>(h * x_shape.w + w);
#pragma omp simd
          for (std::int64_t i = 0; i < c; ++i) {
            const bool wins =
                from[i] > best[i] || (std::isnan(from[i]) && !std::isnan(best[i]));  // NaN beats all
            winner[i] = wins ? index : winner[i];
            best[i] = wins ? from[i] : best[i];
          }
        }
    }
  });
}

template <class T>
void max_pool_backward(T* dx, Write write, const T* dy, const std::int32_t* argmax, const Shape4& x_shape,
                       const Pool& pool) {
  const Shape4 y_shape = pooled_shape("max_pool_backward", x_shape, pool);
  detail::check_tensors("max_pool_backward", x_shape, dx, y_shape, dy);
  detail::check_winners("max_pool_backward", argmax, x_shape, y_shape);
  const std::int64_t c = x_shape.c;
  for_rows(x_shape, [&](std::int64_t n, std::int64_t h) {
    const Holders rows(h, y_shape.h, pool);
    for (std::int64_t w = 0; w < x_shape.w; ++w) {
      const Holders columns(w, y_shape.w, pool);
      const auto index = static_cast<std::int32_t>(h * x_shape.w + w);
      T* to = pixel(dx, x_shape, n, h, w);
      start_channels(to, write, c);
      for (std::int64_t oh = rows.first; oh < rows.last; ++oh)
        for (std::int64_t ow = columns.first; ow < columns.last; ++ow) {
          const T* from = pixel(dy, y_shape, n, oh, ow);
          const std::int32_t* winner = pixel(argmax, y_shape, n, oh, ow);
#pragma omp simd
          for (std::int64_t i = 0; i < c; ++i) to[i] += winner[i] == index ? from[i] : T(0);
        }
    }
  });
}

template <class T>
void avg_pool_forward(T* y, const T* x, const Shape4& x_shape, const Pool& pool) {
  const Shape4 y_shape = pooled_shape("avg_pool_forward", x_shape, pool);
  detail::check_tensors("avg_pool_forward", x_shape, x, y_shape, y);
  for_rows(y_shape, [&](std::int64_t n, std::int64_t oh) {
    const Window rows(oh, x_shape.h, pool);
    for (std::int64_t ow = 0; ow < y_shape.w; ++ow) {
      const Window columns(ow, x_shape.w, pool);
      const T factor = window_factor<T>(rows, columns, pool);
      T* to = pixel(y, y_shape, n, oh, ow);
      std::fill(to, to + x_shape.c, T(0));
      for (std::int64_t h = rows.first; h < rows.last; ++h)
        for (std::int64_t w = columns.first; w < columns.last; ++w)
          add_scaled_channels(to, pixel(x, x_shape, n, h, w), factor, x_shape.c);
    }
  });
}

template <class T>
void avg_pool_backward(T* dx, Write write, const T* dy, const Shape4& x_shape, const Pool& pool) {
  const Shape4 y_shape = pooled_shape("avg_pool_backward", x_shape, pool);
  detail::check_tensors("avg_pool_backward", x_shape, dx, y_shape, dy);
  for_rows(x_shape, [&](std::int64_t n, std::int64_t h) {
    const Holders rows(h, y_shape.h, pool);
    for (std::int64_t w = 0; w < x_shape.w; ++w) {
      const Holders columns(w, y_shape.w, pool);
      T* to = pixel(dx, x_shape, n, h, w);
      start_channels(to, write, x_shape.c);
      for (std::int64_t oh = rows.first; oh < rows.last; ++oh)
        for (std::int64_t ow = columns.first; ow < columns.last; ++ow) {
          const T factor = window_factor<T>(Window(oh, x_shape.h, pool), Window(ow, x_shape.w, pool), pool);
          add_scaled_channels(to, pixel(dy, y_shape, n, oh, ow), factor, x_shape.c);
        }
    }
  });
}

#define UPTAKE_INSTANTIATE(T)                                                                               \
  template void reflection_pad_forward<T>(T*, const T*, const Shape4&, std::int64_t);                       \
  template void reflection_pad_backward<T>(T*, Write, const T*, const Shape4&, std::int64_t);               \
  template void upsample_nearest_forward<T>(T*, const T*, const Shape4&, std::int64_t);                     \
  template void upsample_nearest_backward<T>(T*, Write, const T*, const Shape4&, std::int64_t);             \
  template void upsample_bilinear_forward<T>(T*, const T*, const Shape4&, std::int64_t);                    \
  template void upsample_bilinear_backward<T>(T*, Write, const T*, const Shape4&, std::int64_t);            \
  template void max_pool_forward<T>(T*, std::int32_t*, const T*, const Shape4&, const Pool&);               \
  template void max_pool_backward<T>(T*, Write, const T*, const std::int32_t*, const Shape4&, const Pool&); \
  template void avg_pool_forward<T>(T*, const T*, const Shape4&, const Pool&);                              \
  template void avg_pool_backward<T>(T*, Write, const T*, const Shape4&, const Pool&);
UPTAKE_INSTANTIATE(float)
UPTAKE_INSTANTIATE(double)
#undef UPTAKE_INSTANTIATE

}  // namespace uptake::kernels::cpu
