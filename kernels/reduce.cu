// Sums of everything and over pixels, and the search for a number that is not finite. Each is one launch when there is little to read;
// otherwise a second small one adds the blocks' results, in a fixed order.
#include "kernels/reduce.h"

#include "kernels/detail/launch.cuh"
#include "kernels/detail/pieces.h"
#include "kernels/detail/sums.cuh"
#include "kernels/detail/sweep.cuh"

namespace uptake::kernels::cuda {
namespace {

using kernels::detail::check_flat;
using kernels::detail::check_view;

template <int N, class T>
__global__ void __launch_bounds__(kSumBlock)
    sum_kernel(double* total, float* partials, View<const T> x, Sweep s) {
  CompensatedSum sum;
  sweep<N, kSumBlock>(s, [&](std::int64_t row, std::int64_t k, auto width) {
    float values[width.value];
    load_array(values, x.data + row * x.pitch + k);
#pragma unroll
    for (int i = 0; i < width.value; ++i) sum.add(values[i]);
  });
  finish_block(total, partials, 1.0, sum);
}

// ---- all_finite

template <int N, class T>
__global__ void __launch_bounds__(kSumBlock)
    all_finite_kernel(std::uint32_t* good, View<const T> p, Sweep s) {
  int bad = 0;
  sweep<N, kSumBlock>(s, [&](std::int64_t row, std::int64_t k, auto width) {
    float values[width.value];
    load_array(values, p.data + row * p.pitch + k);
#pragma unroll
    for (int i = 0; i < width.value; ++i) bad |= values[i] - values[i] == 0.0f ? 0 : 1;  // inf - inf is NaN
  });
  bad = block_sum<kSumBlock>(bad);
  if (threadIdx.x == 0) good[blockIdx.x] = bad == 0 ? 1 : 0;
}

constexpr int kFinishBlock = 256;

__global__ void __launch_bounds__(kFinishBlock)
    all_good_kernel(std::uint32_t* result, const std::uint32_t* good, int count) {
  int bad = 0;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kFinishBlock) bad |= good[i] == 1 ? 0 : 1;
  bad = block_sum<kFinishBlock>(bad);
  if (threadIdx.x == 0) *result = bad == 0 ? 1 : 0;
}

// ---- sum_pixels

constexpr int kColumnBlock = 256;
constexpr int kMostColumns = 32;
constexpr int kAhead = 4;  // loads of a thread under way at the same time

/// Pixels are cut into `pieces` of `piece`. A block owns 2^log2_columns packs of channels of one piece; its
/// threads with the same column walk the piece's pixels in turn.
struct ColumnPlan {
  int log2_columns = 0;
  std::int64_t groups = 1, piece = 1, pieces = 1;

  ColumnPlan(std::int64_t pixels, std::int64_t c, int width) {
    while ((1 << log2_columns) < kMostColumns && (std::int64_t{width} << log2_columns) < c) ++log2_columns;
    groups = ceil_div(c, std::int64_t{width} << log2_columns);
    const std::int64_t rows = kColumnBlock >> log2_columns;
    if (pixels > 16 * rows) {
      const std::int64_t most = std::max<std::int64_t>(1, kSumBlocks / groups);
      piece = ceil_div(pixels, std::min(most, ceil_div(pixels, 8 * rows)));
      pieces = ceil_div(pixels, piece);
    } else {
      piece = std::max<std::int64_t>(1, pixels);
    }
  }
};

/// partials[piece,c], or out when there is one piece.
template <int N, class T>
__global__ void __launch_bounds__(kColumnBlock)
    sum_pixels_kernel(float* out, Write write, float* partials, View<const T> x, std::int64_t pixels,
                      std::int64_t c, std::int64_t piece, int log2_columns) {
  UPTAKE_SHARED(tile, float[N][kColumnBlock]);
  const int thread = static_cast<int>(threadIdx.x), columns = 1 << log2_columns;
  const int rows = kColumnBlock >> log2_columns, row = thread >> log2_columns;
  const std::int64_t channel =
      (static_cast<std::int64_t>(blockIdx.x) * columns + (thread & (columns - 1))) * N;
  const std::int64_t first = blockIdx.y * piece, last = first + piece < pixels ? first + piece : pixels;

  CompensatedSum sums[N];
  if (channel + N <= c) {
    const auto add = [&](const Pack<T, N>& pack) {
#pragma unroll
      for (int i = 0; i < N; ++i) sums[i].add(static_cast<float>(pack.value[i]));
    };
    const T* from = x.data + channel;
    std::int64_t pixel = first + row;
    for (; pixel + (kAhead - 1) * rows < last; pixel += kAhead * rows) {
      Pack<T, N> packs[kAhead];
#pragma unroll
      for (int k = 0; k < kAhead; ++k) packs[k] = load_pack<N>(from + (pixel + k * rows) * x.pitch);
#pragma unroll
      for (int k = 0; k < kAhead; ++k) add(packs[k]);
    }
    for (; pixel < last; pixel += rows) add(load_pack<N>(from + pixel * x.pitch));
  } else if (channel < c) {
    for (std::int64_t pixel = first + row; pixel < last; pixel += rows) {
      const T* from = x.data + pixel * x.pitch + channel;
#pragma unroll
      for (int i = 0; i < N; ++i)
        if (channel + i < c) sums[i].add(static_cast<float>(from[i]));
    }
  }
#pragma unroll
  for (int i = 0; i < N; ++i) tile[i][thread] = sums[i].value();
  __syncthreads();
  for (int half = rows / 2; half > 0; half /= 2) {
    if (row < half)
#pragma unroll
      for (int i = 0; i < N; ++i) tile[i][thread] += tile[i][thread + half * columns];
    __syncthreads();
  }
  if (row != 0) return;
#pragma unroll
  for (int i = 0; i < N; ++i) {
    if (channel + i >= c) break;
    if (partials != nullptr)
      partials[blockIdx.y * c + channel + i] = tile[i][thread];
    else
      out[channel + i] = (write == Write::add ? out[channel + i] : 0.0f) + tile[i][thread];
  }
}

/// out[c] = sum over pieces of partials[piece,c], by blocks of 32 channels.
__global__ void __launch_bounds__(kFinishBlock)
    sum_pieces_kernel(float* out, Write write, const float* partials, std::int64_t c, int pieces) {
  constexpr int kRows = kFinishBlock / kWarp;
  UPTAKE_SHARED(tile, double[kRows][kWarp]);
  const int lane = static_cast<int>(threadIdx.x) % kWarp, row = static_cast<int>(threadIdx.x) / kWarp;
  const std::int64_t channel = static_cast<std::int64_t>(blockIdx.x) * kWarp + lane;
  double sum = 0;
  if (channel < c)
    for (int k = row; k < pieces; k += kRows) sum += static_cast<double>(partials[k * c + channel]);
  tile[row][lane] = sum;
  __syncthreads();
  if (row != 0 || channel >= c) return;
  double total = write == Write::add ? static_cast<double>(out[channel]) : 0.0;
  for (int k = 0; k < kRows; ++k) total += tile[k][lane];
  out[channel] = static_cast<float>(total);
}

}  // namespace

template <class T>
void sum(double* total, View<const T> x, std::int64_t pixels, std::int64_t c, StreamHandle stream) {
  check_view("sum: x", x, pixels, c);
  check_flat("sum: total", total, 1);
  Sweep s = sweep_over(pixels, c, x);
  with_width<kVector<T>>(all_pack<kVector<T>>(x), [&](auto width) {
    s.share(kSumBlock, width.value);
    launch_sum(total, s, 1.0, stream, [&](std::int64_t blocks, float* partials) {
      launch(sum_kernel<width.value, T>, blocks, kSumBlock, 0, stream, total, partials, x, s);
    });
  });
}

template <class T>
void sum_pixels(Accum<T>* out, Write write, View<const T> x, std::int64_t pixels, std::int64_t c,
                StreamHandle stream) {
  check_view("sum_pixels: x", x, pixels, c);
  check_flat("sum_pixels: out", out, c);
  if (c == 0) return;
  with_width<kVector<T>>(all_pack<kVector<T>>(x), [&](auto width) {
    const ColumnPlan plan(pixels, c, width.value);
    const auto sum_pieces = [&](float* partials) {
      launch(sum_pixels_kernel<width.value, T>, Grid(plan.groups, plan.pieces), kColumnBlock, 0, stream, out,
             write, partials, x, pixels, c, plan.piece, plan.log2_columns);
    };
    if (plan.pieces == 1) return sum_pieces(nullptr);
    const Scratch<float> partials(plan.pieces * c);
    sum_pieces(partials.data());
    launch(sum_pieces_kernel, ceil_div(c, kWarp), kFinishBlock, 0, stream, out, write, partials.data(), c,
           static_cast<int>(plan.pieces));
  });
}

template <class T>
void all_finite(std::uint32_t* result, const T* p, std::int64_t count, StreamHandle stream) {
  check_flat("all_finite: p", p, count);
  check_flat("all_finite: result", result, 1);
  View<const T> view{p, count};
  Sweep s = sweep_over(1, count, view);
  with_width<kVector<T>>(all_pack<kVector<T>>(view), [&](auto width) {
    s.share(kSumBlock, width.value);
    const std::int64_t blocks = sum_blocks(s);
    const auto search = [&](std::uint32_t* good) {
      launch(all_finite_kernel<width.value, T>, blocks, kSumBlock, 0, stream, good, view, s);
    };
    if (blocks == 1) return search(result);
    const Scratch<std::uint32_t> good(blocks);
    search(good.data());
    launch(all_good_kernel, 1, kFinishBlock, 0, stream, result, good.data(), static_cast<int>(blocks));
  });
}

#define UPTAKE_INSTANTIATE(T)                                                                             \
  template void sum<T>(double*, View<const T>, std::int64_t, std::int64_t, StreamHandle);                 \
  template void sum_pixels<T>(Accum<T>*, Write, View<const T>, std::int64_t, std::int64_t, StreamHandle); \
  template void all_finite<T>(std::uint32_t*, const T*, std::int64_t, StreamHandle);
UPTAKE_INSTANTIATE(float)
UPTAKE_INSTANTIATE(BFloat16)
#undef UPTAKE_INSTANTIATE

}  // namespace uptake::kernels::cuda
