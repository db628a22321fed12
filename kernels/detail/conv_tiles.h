// The arithmetic that turns a convolution into matrix products ("implicit GEMM": the patches are never written
// down, an operand's element is found in the image when it is needed). Runs on the host and in kernels, so it
// is tested without either. Internal to kernels/.
//
// Forward and backward data are the same product, "gather":
//
//   to[m, o] = sum over kk of from[m, kk] * w[kk, o]      m: a pixel of `to`, kk: a tap and a channel of `from`
//
// Backward data with stride t is t * t passes, one for each remainder of row and column by t: all pixels of
// one pass meet the same taps, so no product with a zero is computed.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>

#include "kernels/detail/conv_sizes.h"
#include "kernels/detail/grid.h"

namespace uptake::kernels::cuda::detail {

/// Division of 0 <= n < 2^31 by a number the host knows: a multiplication and a shift (Granlund and
/// Montgomery, "Division by invariant integers using multiplication", 1994).
struct FastDivide {
  std::uint32_t divisor = 1, multiplier = 1, shift = 0;

  FastDivide() = default;
  explicit constexpr FastDivide(int by) : divisor(static_cast<std::uint32_t>(by)) {
    shift = static_cast<std::uint32_t>(std::bit_width(divisor - 1));
    multiplier = static_cast<std::uint32_t>((((std::uint64_t{1} << shift) - divisor) << 32) / divisor + 1);
  }
  UPTAKE_HOST_DEVICE constexpr int quotient(int n) const {
    const auto number = static_cast<std::uint32_t>(n);
    const auto high = static_cast<std::uint32_t>((std::uint64_t{multiplier} * number) >> 32);
    return static_cast<int>((high + number) >> shift);
  }
  UPTAKE_HOST_DEVICE constexpr int remainder(int n, int quotient_of_n) const {
    return n - quotient_of_n * static_cast<int>(divisor);
  }
};

/// Rows (or columns) of one pass: its u-th row is row first + step * u of `to` and meets, at its t-th tap,
/// filter row tap0 + tap_step * t and row origin + scale * u + direction * t of `from`.
struct Axis {
  int first, origin, tap0, taps;
};

/// The product of one convolution. `filter` is the filters' [k,r,s,c], whichever of k and c is summed over.
struct Gather {
  bool backward;
  int from_h, from_w, from_c, to_h, to_w, to_c;
  int r, s, stride, pad;
  int rows, columns;  // of the largest pass
  int m;              // pixels of one pass
  int reduction;      // taps times channels of the pass with most taps
  int filter_pitch;   // r s c: elements from one k to the next
  FastDivide by_columns, by_rows, by_channels, by_taps, by_fewer_taps;

  UPTAKE_HOST_DEVICE constexpr int step() const { return backward ? stride : 1; }
  UPTAKE_HOST_DEVICE constexpr int scale() const { return backward ? 1 : stride; }
  UPTAKE_HOST_DEVICE constexpr int direction() const { return backward ? -1 : 1; }
  UPTAKE_HOST_DEVICE constexpr int passes() const { return backward ? stride * stride : 1; }

  /// `pass` is the remainder by the stride; `kernel` is r or s.
  UPTAKE_HOST_DEVICE constexpr Axis axis(int pass, int kernel) const {
    if (!backward) return {0, -pad, 0, kernel};
    const int origin = (pass + pad) / stride, tap0 = pass + pad - origin * stride;
    return {pass, origin, tap0, tap0 < kernel ? (kernel - tap0 + stride - 1) / stride : 0};
  }
  /// Which pixel of `to` the m-th of a pass is; negative if there is none.
  UPTAKE_HOST_DEVICE constexpr int pixel_of(int index, const Axis& vertical, const Axis& horizontal) const {
    if (index >= m) return -1;
    const int line = by_columns.quotient(index), v = by_columns.remainder(index, line);
    const int n = by_rows.quotient(line), u = by_rows.remainder(line, n);
    const int h = vertical.first + step() * u, w = horizontal.first + step() * v;
    return h < to_h && w < to_w ? (n * to_h + h) * to_w + w : -1;
  }
  /// Divides by the taps in a row of a pass, which are one of two numbers (or none, then nothing is divided).
  UPTAKE_HOST_DEVICE constexpr const FastDivide& by_taps_of(const Axis& column_axis) const {
    return column_axis.taps == static_cast<int>(by_taps.divisor) ? by_taps : by_fewer_taps;
  }
};

/// Of images and filters that are not empty.
inline Gather make_gather(const ConvSizes& z, bool backward) {
  Gather g{};
  g.backward = backward;
  g.r = z.r, g.s = z.s, g.stride = z.stride, g.pad = z.pad;
  g.filter_pitch = z.r * z.s * z.c;
  if (backward) {
    g.from_h = z.p, g.from_w = z.q, g.from_c = z.k, g.to_h = z.h, g.to_w = z.w, g.to_c = z.c;
  } else {
    g.from_h = z.h, g.from_w = z.w, g.from_c = z.c, g.to_h = z.p, g.to_w = z.q, g.to_c = z.k;
  }
  const auto ceil = [](int a, int b) { return static_cast<int>(ceil_div(a, b)); };
  g.rows = ceil(g.to_h, g.step()), g.columns = ceil(g.to_w, g.step());
  g.m = z.n * g.rows * g.columns;
  const int taps_h = ceil(z.r, g.step()), taps_w = ceil(z.s, g.step());
  g.reduction = taps_h * taps_w * g.from_c;
  g.by_columns = FastDivide(g.columns), g.by_rows = FastDivide(g.rows);
  g.by_channels = FastDivide(g.from_c);
  g.by_taps = FastDivide(taps_w), g.by_fewer_taps = FastDivide(std::max(1, taps_w - 1));
  return g;
}

/// The blocks of a product: tiles over its two sides, and the sum cut into `splits` pieces of `piece` terms.
struct Tiling {
  std::int64_t tiles_m, tiles_n, splits, piece;
};

/// A product with few tiles leaves most of a GPU idle, so its sum is cut too, until there are about
/// `enough` blocks, but never into pieces under `least` steps of tile_k terms. Nothing here depends on the
/// device: the order of additions, and so every bit of the result, is the same on all of them.
inline Tiling tile(std::int64_t m, std::int64_t n, std::int64_t reduction, std::int64_t passes, int tile_m,
                   int tile_n, int tile_k) {
  constexpr std::int64_t enough = 264, least = 8;
  const std::int64_t tiles_m = ceil_div(m, tile_m), tiles_n = ceil_div(n, tile_n);
  const std::int64_t steps = ceil_div(reduction, tile_k);
  const std::int64_t wanted = enough / std::max<std::int64_t>(1, tiles_m * tiles_n * passes);
  std::int64_t splits = std::clamp<std::int64_t>(wanted, 1, std::max<std::int64_t>(1, steps / least));
  const std::int64_t piece = ceil_div(steps, splits) * tile_k;
  splits =
      std::max<std::int64_t>(1, ceil_div(reduction, piece));  // rounding up may have made the last ones empty
  return {tiles_m, tiles_n, splits, piece};
}

}  // namespace uptake::kernels::cuda::detail
