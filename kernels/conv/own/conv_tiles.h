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

#include "kernels/conv/own/conv_sizes.h"
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

/// A term of a sum: a tap, as row and column of those a pass has, and a channel of `from`.
struct Term {
  int i, j, channel;
};

/// One pass. Its taps are those that meet the image at all: of a 4 x 4 kernel over a padded 2 x 2 image that is one
/// in four, and the others' filters are not even read.
struct Pass {
  Axis vertical, horizontal;
  int terms;
  std::uint32_t tap_multiplier;  // taps are few enough for a division in 16 bits: see kLargestKernel
};
inline constexpr int kLargestKernel = 32;  // n / d is n * (2^16 / d + 1) >> 16 while n d < 2^16

/// The product of one convolution. `filters` are [k,r,s,c], whichever of k and c is summed over.
struct Gather {
  bool backward;
  int from_h, from_w, from_c, to_h, to_w, to_c;
  int r, s, stride, pad;
  int rows, columns;  // of the largest pass
  int m;              // pixels of one pass
  int filter_pitch;   // r s c: elements from one k to the next
  FastDivide by_columns, by_rows, by_channels;

  UPTAKE_HOST_DEVICE constexpr int step() const { return backward ? stride : 1; }
  UPTAKE_HOST_DEVICE constexpr int tap_step() const { return step(); }
  UPTAKE_HOST_DEVICE constexpr int scale() const { return backward ? 1 : stride; }
  UPTAKE_HOST_DEVICE constexpr int direction() const { return backward ? -1 : 1; }
  UPTAKE_HOST_DEVICE constexpr int passes() const { return backward ? stride * stride : 1; }

  UPTAKE_HOST_DEVICE constexpr Pass pass(int index) const {
    return of(live_axis(index / stride, r, rows, from_h), live_axis(index % stride, s, columns, from_w));
  }
  /// Forward with all taps, those beside the image too: the columns of the filters' gradient.
  UPTAKE_HOST_DEVICE constexpr Pass whole_pass() const { return of(axis(0, r), axis(0, s)); }
  /// Of a term below pass.terms.
  UPTAKE_HOST_DEVICE constexpr Term term(const Pass& pass, int kk) const {
    const int tap = by_channels.quotient(kk);
    const int i = static_cast<int>(static_cast<std::uint32_t>(tap) * pass.tap_multiplier >> 16);
    return {i, tap - i * pass.horizontal.taps, by_channels.remainder(kk, tap)};
  }
  /// Offset of a term's tap in the filters, in taps.
  UPTAKE_HOST_DEVICE constexpr int tap_of(const Pass& pass, const Term& t) const {
    return (pass.vertical.tap0 + tap_step() * t.i) * s + pass.horizontal.tap0 + tap_step() * t.j;
  }
  /// Which pixel of `to` the m-th of a pass is; negative if there is none.
  UPTAKE_HOST_DEVICE constexpr int pixel_of(const Pass& pass, int index) const {
    if (index >= m) return -1;
    const int line = by_columns.quotient(index), v = by_columns.remainder(index, line);
    const int n = by_rows.quotient(line), u = by_rows.remainder(line, n);
    const int h = pass.vertical.first + step() * u, w = pass.horizontal.first + step() * v;
    return h < to_h && w < to_w ? (n * to_h + h) * to_w + w : -1;
  }

 private:
  UPTAKE_HOST_DEVICE constexpr Pass of(const Axis& vertical, const Axis& horizontal) const {
    const std::uint32_t divisor = horizontal.taps > 0 ? static_cast<std::uint32_t>(horizontal.taps) : 1;
    return {vertical, horizontal, vertical.taps * horizontal.taps * from_c, 65536 / divisor + 1};
  }
  /// `remainder` by the stride; `kernel` is r or s.
  UPTAKE_HOST_DEVICE constexpr Axis axis(int remainder, int kernel) const {
    if (!backward) return {0, -pad, 0, kernel};
    const int origin = (remainder + pad) / stride, tap0 = remainder + pad - origin * stride;
    return {remainder, origin, tap0, tap0 < kernel ? (kernel - tap0 + stride - 1) / stride : 0};
  }
  /// Without the taps at either end that no row meets. `count` rows or columns of a pass, `size` of `from`.
  UPTAKE_HOST_DEVICE constexpr Axis live_axis(int remainder, int kernel, int count, int size) const {
    const Axis a = axis(remainder, kernel);
    const int near = a.origin, far = a.origin + scale() * (count - 1);  // first and last row at tap 0
    const int low = backward ? near - size + 1 : -far, high = backward ? far : size - 1 - near;
    const int skipped = low > 0 ? low : 0, end = high + 1 < a.taps ? high + 1 : a.taps;
    return {a.first, a.origin + direction() * skipped, a.tap0 + tap_step() * skipped,
            end > skipped ? end - skipped : 0};
  }
};

/// Whether make_gather can take it: images and filters that are not empty, kernels that are not too large. Backward
/// data runs stride * stride passes as blocks in z, of which there are 65535.
inline bool is_gather(ConvOperation operation, const ConvGeometry& g) {
  constexpr std::int64_t kLongestStride = 16;
  if (g.x.size() == 0 || g.y().size() == 0) return false;
  if (operation == ConvOperation::backward_data && g.filters.stride > kLongestStride) return false;
  return std::max(g.filters.r, g.filters.s) <= kLargestKernel;
}

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
  g.rows = static_cast<int>(ceil_div(g.to_h, g.step()));
  g.columns = static_cast<int>(ceil_div(g.to_w, g.step()));
  g.m = z.n * g.rows * g.columns;
  g.by_columns = FastDivide(g.columns), g.by_rows = FastDivide(g.rows), g.by_channels = FastDivide(g.from_c);
  return g;
}

/// Terms of the pass that has most.
inline std::int64_t most_terms(const Gather& g) {
  int most = 0;
  for (int i = 0; i < g.passes(); ++i) most = std::max(most, g.pass(i).terms);
  return most;
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
  constexpr std::int64_t enough = 2 * kPlannedMultiprocessors, least = 8;
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
