// Convolution and transposed convolution from their definitions: one list of products each, and every
// operation sums it over another index. If two disagree, this one is right until proven otherwise.
// Images [n,h,w,c], filters plain [k,c,r,s].
#pragma once
#include <cstdint>
#include <vector>

#include "kernels/conv/conv.h"

namespace uptake::reference {

using kernels::ConvGeometry;
using kernels::FilterShape;
using kernels::Shape4;

/// How many places a kernel has along a padded line.
inline std::int64_t places(std::int64_t size, std::int64_t kernel, const FilterShape& f) {
  std::int64_t count = 0;
  while (count * f.stride + kernel <= size + 2 * f.pad) ++count;
  return count;
}

inline Shape4 conv_output(const ConvGeometry& g) {
  return {g.x.n, places(g.x.h, g.filters.r, g.filters), places(g.x.w, g.filters.s, g.filters), g.filters.k};
}

inline std::size_t image_index(const Shape4& s, std::int64_t n, std::int64_t h, std::int64_t w,
                               std::int64_t c) {
  return static_cast<std::size_t>(((n * s.h + h) * s.w + w) * s.c + c);
}

inline std::size_t filter_index(const FilterShape& f, std::int64_t k, std::int64_t c, std::int64_t i,
                                std::int64_t j) {
  return static_cast<std::size_t>(((k * f.c + c) * f.r + i) * f.s + j);
}

/// The same filters as [k,r,s,c].
inline std::vector<double> to_krsc(const FilterShape& f, const std::vector<double>& kcrs) {
  std::vector<double> krsc;
  for (std::int64_t k = 0; k < f.k; ++k)
    for (std::int64_t i = 0; i < f.r; ++i)
      for (std::int64_t j = 0; j < f.s; ++j)
        for (std::int64_t c = 0; c < f.c; ++c) krsc.push_back(kcrs[filter_index(f, k, c, i, j)]);
  return krsc;
}

/// Calls use(x element, w element, y element) for every product x * w that is a term of y.
template <class Use>
void for_each_product(const ConvGeometry& g, const Use& use) {
  const FilterShape& f = g.filters;
  const Shape4 y = conv_output(g);
  for (std::int64_t n = 0; n < y.n; ++n)
    for (std::int64_t p = 0; p < y.h; ++p)
      for (std::int64_t q = 0; q < y.w; ++q)
        for (std::int64_t k = 0; k < f.k; ++k)
          for (std::int64_t c = 0; c < f.c; ++c)
            for (std::int64_t i = 0; i < f.r; ++i)
              for (std::int64_t j = 0; j < f.s; ++j) {
                const std::int64_t h = p * f.stride - f.pad + i, w = q * f.stride - f.pad + j;
                if (h < 0 || h >= g.x.h || w < 0 || w >= g.x.w) continue;
                use(image_index(g.x, n, h, w, c), filter_index(f, k, c, i, j), image_index(y, n, p, q, k));
              }
}

/// bias [k] or empty.
inline std::vector<double> conv_forward(const ConvGeometry& g, const std::vector<double>& x,
                                        const std::vector<double>& w, const std::vector<double>& bias) {
  std::vector<double> y(static_cast<std::size_t>(conv_output(g).size()), 0.0);
  if (!bias.empty())
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = bias[i % bias.size()];
  for_each_product(g, [&](std::size_t xi, std::size_t wi, std::size_t yi) { y[yi] += x[xi] * w[wi]; });
  return y;
}

inline std::vector<double> conv_backward_data(const ConvGeometry& g, const std::vector<double>& dy,
                                              const std::vector<double>& w) {
  std::vector<double> dx(static_cast<std::size_t>(g.x.size()), 0.0);
  for_each_product(g, [&](std::size_t xi, std::size_t wi, std::size_t yi) { dx[xi] += dy[yi] * w[wi]; });
  return dx;
}

inline std::vector<double> conv_backward_filters(const ConvGeometry& g, const std::vector<double>& x,
                                                 const std::vector<double>& dy) {
  std::vector<double> dw(static_cast<std::size_t>(g.filters.size()), 0.0);
  for_each_product(g, [&](std::size_t xi, std::size_t wi, std::size_t yi) { dw[wi] += dy[yi] * x[xi]; });
  return dw;
}

/// Transposed convolution: every pixel of x [n,h,w,in] stamps the kernel, times itself, onto the output
/// [n,h',w',out] at stride times its place; what falls into the cut-off border of `pad` pixels is lost, and
/// `output_pad` more rows and columns are kept at the end. Filters [in,out,r,s].
struct ConvTranspose {
  Shape4 x;
  std::int64_t out = 0, r = 1, s = 1, stride = 1, pad = 0, output_pad = 0;

  Shape4 y() const {
    return {x.n, (x.h - 1) * stride + r - 2 * pad + output_pad, (x.w - 1) * stride + s - 2 * pad + output_pad,
            out};
  }

  /// Calls use(x element, w element, y element).
  template <class Use>
  void for_each_stamp(const Use& use) const {
    const Shape4 to = y();
    std::size_t from = 0;
    for (std::int64_t n = 0; n < x.n; ++n)
      for (std::int64_t h = 0; h < x.h; ++h)
        for (std::int64_t w = 0; w < x.w; ++w)
          for (std::int64_t in = 0; in < x.c; ++in, ++from) {
            std::size_t tap = static_cast<std::size_t>(in * out * r * s);
            for (std::int64_t o = 0; o < out; ++o)
              for (std::int64_t i = 0; i < r; ++i)
                for (std::int64_t j = 0; j < s; ++j, ++tap) {
                  const std::int64_t row = stride * h + i - pad, column = stride * w + j - pad;
                  if (row >= 0 && row < to.h && column >= 0 && column < to.w)
                    use(from, tap, static_cast<std::size_t>(((n * to.h + row) * to.w + column) * out + o));
                }
          }
  }

  std::vector<double> forward(const std::vector<double>& xs, const std::vector<double>& w) const {
    std::vector<double> ys(static_cast<std::size_t>(y().size()), 0.0);
    for_each_stamp([&](std::size_t xi, std::size_t wi, std::size_t yi) { ys[yi] += xs[xi] * w[wi]; });
    return ys;
  }
  std::vector<double> backward_data(const std::vector<double>& dy, const std::vector<double>& w) const {
    std::vector<double> dx(static_cast<std::size_t>(x.size()), 0.0);
    for_each_stamp([&](std::size_t xi, std::size_t wi, std::size_t yi) { dx[xi] += dy[yi] * w[wi]; });
    return dx;
  }
  std::vector<double> backward_filters(const std::vector<double>& xs, const std::vector<double>& dy) const {
    std::vector<double> dw(static_cast<std::size_t>(x.c * out * r * s), 0.0);
    for_each_stamp([&](std::size_t xi, std::size_t wi, std::size_t yi) { dw[wi] += dy[yi] * xs[xi]; });
    return dw;
  }
};

}  // namespace uptake::reference
