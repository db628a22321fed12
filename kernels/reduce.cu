// Sums of everything and over pixels, and the search for a number that is not finite. Each is one launch when there is little to read;
// otherwise a second small one adds the blocks' results, in a fixed order.
#include "kernels/reduce.h"

#include "kernels/detail/arguments.h"
#include "kernels/detail/launch.cuh"
#include "kernels/detail/rows.cuh"
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

/// Sums of every column, complete ones to `out` when `partials` is null, else those of the block's rows to partials
/// [block, columns].
template <int V, class T>
__global__ void __launch_bounds__(kRowsBlock)
    sum_pixels_kernel(float* out, Write write, float* partials, View<const T> x, Walk walk) {
  const Place place = place_of<V>(walk);
  CompensatedSum sums[V];
  if (place.inside) {
    const Piece piece = piece_of(walk, 0);
    const Column<const T> from(x, piece, place);
    for_rows<4>(
        walk, piece, place, [&](int row) { return from.template load<V>(row); },
        [&](int, const Pack<T, V>& in) {
#pragma unroll
          for (int j = 0; j < V; ++j) sums[j].add(static_cast<float>(in.value[j]));
        });
  }
  float own[V];
#pragma unroll
  for (int j = 0; j < V; ++j) own[j] = sums[j].value();
  reduce_rows(own, walk, [](float(&a)[V], const float(&b)[V]) {
#pragma unroll
    for (int j = 0; j < V; ++j) a[j] += b[j];
  });
  if (!place.inside || place.row != 0) return;
  if (partials == nullptr)
#pragma unroll
    for (int j = 0; j < V; ++j)
      out[place.column + j] = write == Write::add ? out[place.column + j] + own[j] : own[j];
  else
    store_array(partials + std::int64_t{blockIdx.x} * walk.columns + place.column, own);
}

/// out[c] = the sum of partials[0..count)[c], assigned or added: a block takes kWarp channels, a warp every
/// kRows-th partial.
__global__ void __launch_bounds__(kFinishBlock)
    sum_pieces_kernel(float* out, Write write, const float* partials, std::int64_t c, int count) {
  constexpr int kRows = kFinishBlock / kWarp;
  UPTAKE_SHARED(tile, double[kRows][kWarp]);
  const int lane = static_cast<int>(threadIdx.x) % kWarp, row = static_cast<int>(threadIdx.x) / kWarp;
  const std::int64_t channel = static_cast<std::int64_t>(blockIdx.x) * kWarp + lane;
  double sum = 0;
  if (channel < c)
    for (int k = row; k < count; k += kRows) sum += static_cast<double>(partials[k * c + channel]);
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
  Walking walking = walk_over<T>(1, pixels, c, {x});
  const auto sum_rows = [&](const Grid& grid, float* partials) {
    with_width<kVector<T>>(walking.vector != 1, [&](auto width) {
      launch(sum_pixels_kernel<width.value, T>, grid, kRowsBlock, 0, stream, out, write, partials,
             walking.rows_of(x), walking.walk);
    });
  };
  if (walking.lay_whole_columns()) return sum_rows(walking.grid_of_columns(1), nullptr);
  const Grid grid = walking.grid_of_reduction(kBusyBlocks);
  const Scratch<float> partials(std::int64_t{grid.x} * walking.walk.columns);
  sum_rows(grid, partials.data());
  // Folded rows hold each channel several times, as many partial sums one after the other.
  launch(sum_pieces_kernel, ceil_div(c, kWarp), kFinishBlock, 0, stream, out, write, partials.data(), c,
         static_cast<int>(grid.x) * walking.walk.fold());
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
