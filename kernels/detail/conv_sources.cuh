// Where a convolution's matrices come from: each source finds the address of element (fixed, step), or null for a
// zero, in two halves. What depends on the row or column of the result is worked out once a thread (fixed),
// what depends on the term of the sum once a tile (step). Internal to kernels/.
#pragma once
#include "kernels/detail/conv_tiles.h"
#include "kernels/detail/device.cuh"

namespace uptake::kernels::cuda::detail {

/// Patches of an image: a pixel of the result and a term (tap, channel) of its sum.
template <class T>
struct Patches {
  Gather g;
  Axis vertical, horizontal;
  const T* image;

  struct Fixed {
    int pixel, h, w;  // where tap (0,0) lies, which may be outside
  };
  struct Step {
    int pixel, h, w, c;  // how far the tap is from there; c < 0: no such term
  };

  __device__ Fixed fixed(int m) const {
    if (m >= g.m) return {0, kNowhere, 0};
    const int line = g.by_columns.quotient(m), v = g.by_columns.remainder(m, line);
    const int n = g.by_rows.quotient(line), u = g.by_rows.remainder(line, n);
    const int h = vertical.origin + g.scale() * u, w = horizontal.origin + g.scale() * v;
    return {(n * g.from_h + h) * g.from_w + w, h, w};
  }
  __device__ Step step(int kk) const {
    if (kk >= vertical.taps * horizontal.taps * g.from_c) return {0, 0, 0, -1};
    const int tap = g.by_channels.quotient(kk), c = g.by_channels.remainder(kk, tap);
    const FastDivide& by_taps = g.by_taps_of(horizontal);
    const int i = by_taps.quotient(tap), j = by_taps.remainder(tap, i);
    return {g.direction() * (i * g.from_w + j), g.direction() * i, g.direction() * j, c};
  }
  __device__ const T* at(const Fixed& f, const Step& s) const {
    const bool inside = static_cast<unsigned>(f.h + s.h) < static_cast<unsigned>(g.from_h) &&
                        static_cast<unsigned>(f.w + s.w) < static_cast<unsigned>(g.from_w) && s.c >= 0;
    return inside ? image + static_cast<std::int64_t>(f.pixel + s.pixel) * g.from_c + s.c : nullptr;
  }

  static constexpr int kNowhere = -(1 << 30);
};

/// A row-major matrix: fixed is its row, step its column.
template <class T>
struct Matrix {
  const T* data;
  int rows, columns;

  using Fixed = int;
  using Step = int;
  __device__ Fixed fixed(int row) const { return row < rows ? row : -1; }
  __device__ Step step(int column) const { return column < columns ? column : -1; }
  __device__ const T* at(Fixed row, Step column) const {
    return row >= 0 && column >= 0 ? data + static_cast<std::int64_t>(row) * columns + column : nullptr;
  }
};

/// The filters as backward data meets them: a channel c of the result, and a term (tap, k) of its sum.
template <class T>
struct FilterTaps {
  Gather g;
  Axis vertical, horizontal;
  const T* filters;

  using Fixed = int;
  using Step = int;
  __device__ Fixed fixed(int c) const { return c < g.to_c ? c : -1; }
  __device__ Step step(int kk) const {
    if (kk >= vertical.taps * horizontal.taps * g.from_c) return -1;
    const int tap = g.by_channels.quotient(kk), k = g.by_channels.remainder(kk, tap);
    const FastDivide& by_taps = g.by_taps_of(horizontal);
    const int i = by_taps.quotient(tap), j = by_taps.remainder(tap, i);
    const int row = vertical.tap0 + g.stride * i, column = horizontal.tap0 + g.stride * j;
    return k * g.filter_pitch + (row * g.s + column) * g.to_c;
  }
  __device__ const T* at(Fixed c, Step offset) const {
    return c >= 0 && offset >= 0 ? filters + offset + c : nullptr;
  }
};

/// A source with its halves exchanged.
template <class Source>
struct Swapped {
  Source source;

  using Fixed = typename Source::Step;
  using Step = typename Source::Fixed;
  __device__ Fixed fixed(int index) const { return source.step(index); }
  __device__ Step step(int k) const { return source.fixed(k); }
  __device__ auto at(const Fixed& f, const Step& s) const { return source.at(s, f); }
};

}  // namespace uptake::kernels::cuda::detail
