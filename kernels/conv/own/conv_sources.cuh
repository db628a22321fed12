// Where a convolution's matrices come from: each source finds the address of element (fixed, step), or null for a
// zero, in two halves. What depends on the row or column of the result is worked out once a thread (fixed),
// what depends on the term of the sum once a tile (step). Internal to kernels/.
#pragma once
#include "kernels/conv/own/conv_tiles.h"
#include "kernels/detail/device.cuh"

namespace uptake::kernels::cuda::detail {

/// Patches of an image: a pixel of the result and a term (tap, channel) of its sum.
template <class T>
struct Patches {
  Gather g;
  Pass pass;
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
    const int h = pass.vertical.origin + g.scale() * u, w = pass.horizontal.origin + g.scale() * v;
    return {(n * g.from_h + h) * g.from_w + w, h, w};
  }
  __device__ Step step(int kk) const {
    if (kk >= pass.terms) return {0, 0, 0, -1};
    const Term t = g.term(pass, kk);
    return {g.direction() * (t.i * g.from_w + t.j), g.direction() * t.i, g.direction() * t.j, t.channel};
  }
  __device__ const T* at(const Fixed& f, const Step& s) const {
    const bool inside = static_cast<unsigned>(f.h + s.h) < static_cast<unsigned>(g.from_h) &&
                        static_cast<unsigned>(f.w + s.w) < static_cast<unsigned>(g.from_w) && s.c >= 0;
    return inside ? image + static_cast<std::int64_t>(f.pixel + s.pixel) * g.from_c + s.c : nullptr;
  }

  static constexpr int kNowhere = -(1 << 30);
};

/// The filters: a channel of the result and a term of its sum. In memory terms of one tap are neighbours (forward,
/// kBackward false), or channels are.
template <class T, bool kBackward>
struct FilterTaps {
  Gather g;
  Pass pass;
  const T* filters;

  using Fixed = int;  // parts of an offset; negative: outside
  using Step = int;
  __device__ Fixed fixed(int channel) const {
    if (channel >= g.to_c) return -1;
    return kBackward ? channel : channel * g.filter_pitch;
  }
  __device__ Step step(int kk) const {
    if (kk >= pass.terms) return -1;
    const Term t = g.term(pass, kk);
    const int tap = g.tap_of(pass, t);
    return kBackward ? t.channel * g.filter_pitch + tap * g.to_c : tap * g.from_c + t.channel;
  }
  __device__ const T* at(Fixed f, Step s) const { return f >= 0 && s >= 0 ? filters + f + s : nullptr; }
};

/// A row-major matrix: fixed is its column, step its row.
template <class T>
struct Columns {
  const T* data;
  int rows, columns;

  using Fixed = int;
  using Step = int;
  __device__ Fixed fixed(int column) const { return column < columns ? column : -1; }
  __device__ Step step(int row) const { return row < rows ? row : -1; }
  __device__ const T* at(Fixed column, Step row) const {
    return row >= 0 && column >= 0 ? data + static_cast<std::int64_t>(row) * columns + column : nullptr;
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
