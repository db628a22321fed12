// Mean and variance of each channel of a group. Every thread merges short runs of rows, each with its own mean
// and its own squared deviations (Chan, Golub & LeVeque 1979); then threads are merged, then blocks, in an
// order that sizes alone decide. Values are taken relative to the group's first pixel: float keeps the digits
// of data far from zero.
#include <cmath>

#include "kernels/detail/arguments.h"
#include "kernels/detail/launch.cuh"
#include "kernels/norm/norm_affine.cuh"

namespace uptake::kernels::cuda {
namespace {

/// Takes the second set of values into the first: count, V means, V sums of squared deviations.
template <int V>
struct MergeMoments {
  __device__ void operator()(float (&own)[2 * V + 1], const float (&other)[2 * V + 1]) const {
    const float count = own[0] + other[0];
    const float share = count > 0 ? other[0] / count : 0.0f, weight = own[0] * share;
    own[0] = count;
#pragma unroll
    for (int j = 0; j < V; ++j) {
      const float delta = other[1 + j] - own[1 + j];
      own[1 + j] += delta * share;
      own[1 + V + j] += other[1 + V + j] + delta * delta * weight;
    }
  }
};

/// Where statistics go. The running ones may be null.
struct StatisticsTarget {
  float *mean, *rstd, *running_mean, *running_var;
  float eps, momentum, keep, unbiased;  // keep = 1 - momentum

  /// `value` is the mean of a channel, `squares` the sum of squared deviations of `count` values.
  __device__ void put(std::int64_t at, float count, float value, float squares) const {
    const float var = count > 0 ? squares / count : 0.0f;
    mean[at] = value;
    rstd[at] = 1.0f / sqrtf(var + eps);
    if (running_mean != nullptr) running_mean[at] = keep * running_mean[at] + momentum * value;
    if (running_var != nullptr) running_var[at] = keep * running_var[at] + momentum * unbiased * var;
  }
};

/// Rows of a run.
constexpr int kRun = 4;

/// Statistics of every column, complete ones to `target` when `partials` is null, else those of the block's
/// rows to partials [group, block, 2, columns].
template <int V, class T>
__global__ void __launch_bounds__(kRowsBlock, 3)
    norm_statistics_forward_kernel(float* partials, StatisticsTarget target, View<const T> x, Walk walk) {
  const Place place = place_of<V>(walk);
  for (std::int64_t group = blockIdx.z; group < walk.groups; group += gridDim.z) {
    const T* first = x.data + group * walk.rows * x.pitch;
    float own[2 * V + 1] = {}, origin[V] = {};
    if (place.inside && walk.rows > 0) {
      int channel = place.column % walk.channels;
#pragma unroll
      for (int j = 0; j < V; ++j) {
        origin[j] = static_cast<float>(first[channel]);
        channel = channel + 1 == walk.channels ? 0 : channel + 1;
      }
      const Piece piece = piece_of(walk, group);
      const Column<const T> from(x, piece, place);
      for (int row = place.row; row < piece.count; row += kRun * walk.down) {
        Pack<T, V> in[kRun];
        float there[kRun];  // 1, or 0 for a row beyond the end: it repeats the first and counts nothing
#pragma unroll
        for (int i = 0; i < kRun; ++i) {
          const int at = row + i * walk.down;
          there[i] = at < piece.count ? 1.0f : 0.0f;
          in[i] = from.template load<V>(at < piece.count ? at : row);
        }
        float run[2 * V + 1];
        run[0] = 0;
#pragma unroll
        for (int i = 0; i < kRun; ++i) run[0] += there[i];
        const float one_over = 1.0f / run[0];
#pragma unroll
        for (int j = 0; j < V; ++j) {
          float values[kRun], sum = 0, squares = 0;
#pragma unroll
          for (int i = 0; i < kRun; ++i) {
            values[i] = static_cast<float>(in[i].value[j]) - origin[j];
            sum += there[i] * values[i];
          }
          const float mean = sum * one_over;
#pragma unroll
          for (int i = 0; i < kRun; ++i) {
            const float deviation = values[i] - mean;
            squares += there[i] * deviation * deviation;
          }
          run[1 + j] = mean;
          run[1 + V + j] = squares;
        }
        MergeMoments<V>()(own, run);
      }
    }
    reduce_rows(own, walk, MergeMoments<V>());
    if (!place.inside || place.row != 0) continue;
    if (partials == nullptr) {
#pragma unroll
      for (int j = 0; j < V; ++j)
        target.put(group * walk.channels + place.column + j, own[0], origin[j] + own[1 + j], own[1 + V + j]);
    } else {
      float* to = partials + 2 * walk.columns * (group * gridDim.x + blockIdx.x) + place.column;
      Pack<float, V> means, squares;
#pragma unroll
      for (int j = 0; j < V; ++j) {
        means.value[j] = own[1 + j];
        squares.value[j] = own[1 + V + j];
      }
      store_pack(to, means);
      store_pack(to + walk.columns, squares);
    }
  }
}

/// What the first launch has found: of `pieces` pieces of `rows_per_piece` of `rows` rows with `fold` sets of
/// channels beside each other.
struct Found {
  const float* partials;  // [group, pieces, 2, fold, channels]
  std::int64_t rows, rows_per_piece;
  int pieces, fold;
};

/// Merges partials; a thread takes the pieces of its row.
template <class T>
__global__ void __launch_bounds__(kRowsBlock)
    norm_statistics_finish_kernel(StatisticsTarget target, Found found, View<const T> x, Walk walk) {
  const Place place = place_of<1>(walk);
  for (std::int64_t group = blockIdx.z; group < walk.groups; group += gridDim.z) {
    float own[3] = {};
    if (place.inside)
      for (int piece = place.row; piece < found.pieces; piece += walk.down) {
        const std::int64_t left = found.rows - piece * found.rows_per_piece;
        const auto count = static_cast<float>(left < found.rows_per_piece ? left : found.rows_per_piece);
        const float* from =
            found.partials + 2 * found.fold * walk.channels * (group * found.pieces + piece) + place.column;
        for (int k = 0; k < found.fold; ++k) {
          const float* set = from + k * walk.channels;
          MergeMoments<1>()(own, {count, set[0], set[found.fold * walk.channels]});
        }
      }
    reduce_rows(own, walk, MergeMoments<1>());
    if (!place.inside || place.row != 0) continue;
    const T origin = x.data[group * found.rows * x.pitch + place.column];
    target.put(group * walk.channels + place.column, own[0], static_cast<float>(origin) + own[1], own[2]);
  }
}

/// rstd = 1/sqrt(var + eps).
__global__ void __launch_bounds__(kRowsBlock)
    norm_rstd_forward_kernel(float* rstd, const float* var, float eps, std::int64_t count) {
  for (std::int64_t i = std::int64_t{blockIdx.x} * kRowsBlock + threadIdx.x; i < count;
       i += std::int64_t{gridDim.x} * kRowsBlock)
    rstd[i] = 1.0f / sqrtf(var[i] + eps);
}

}  // namespace

template <class T>
void norm_batch_statistics(Accum<T>* mean, Accum<T>* rstd, Accum<T>* running_mean, Accum<T>* running_var,
                           View<const T> x, const NormShape& shape, double eps, double momentum,
                           StreamHandle stream) {
  kernels::detail::check_norm_shape("norm_batch_statistics", shape);
  kernels::detail::check_view("norm_batch_statistics: x", x, shape.pixels(), shape.c);
  kernels::detail::check_flat("norm_batch_statistics: mean", mean, shape.groups * shape.c);
  kernels::detail::check_flat("norm_batch_statistics: rstd", rstd, shape.groups * shape.c);
  kernels::detail::check_running(running_mean, running_var, shape);
  if (shape.groups * shape.c == 0) return;

  const auto n = static_cast<double>(shape.pixels_per_group);
  const StatisticsTarget target{mean,
                                rstd,
                                running_mean,
                                running_var,
                                static_cast<float>(eps),
                                static_cast<float>(momentum),
                                static_cast<float>(1 - momentum),
                                static_cast<float>(n > 1 ? n / (n - 1) : 1.0)};
  Walking walking = walk_over<T>(shape.groups, shape.pixels_per_group, shape.c, {x});
  const auto first_launch = [&](const Grid& grid, float* partials) {
    if (walking.vector == 1)
      launch(norm_statistics_forward_kernel<1, T>, grid, kRowsBlock, 0, stream, partials, target,
             walking.rows_of(x), walking.walk);
    else
      launch(norm_statistics_forward_kernel<kVector<T>, T>, grid, kRowsBlock, 0, stream, partials, target,
             walking.rows_of(x), walking.walk);
  };
  if (walking.lay_whole_columns())
    return first_launch(walking.grid_of_columns(std::min<std::int64_t>(shape.groups, 65535)), nullptr);

  const Grid grid = walking.grid_of_reduction(kPlannedMultiprocessors * 3);
  const Walk& walk = walking.walk;
  const Scratch<float> partials(shape.groups * grid.x * 2 * walk.columns);
  first_launch(grid, partials.data());
  const Found found{partials.data(), walk.rows, walk.rows_per_block, static_cast<int>(grid.x), walk.fold()};
  Walking merging{
      {.groups = walk.groups, .rows = found.pieces, .columns = walk.channels, .channels = walk.channels}};
  const std::int64_t beside = merging.lay_threads(8);
  launch(norm_statistics_finish_kernel<T>, Grid(1, beside, grid.z), kRowsBlock, 0, stream, target, found,
         walking.rows_of(x), merging.walk);
}

template <class T>
void norm_rstd(Accum<T>* rstd, const Accum<T>* var, double eps, std::int64_t count, StreamHandle stream) {
  kernels::detail::check_flat("norm_rstd: rstd", rstd, count);
  kernels::detail::check_flat("norm_rstd: var", var, count);
  launch(norm_rstd_forward_kernel, stride_blocks(count, kRowsBlock), kRowsBlock, 0, stream, rstd, var,
         static_cast<float>(eps), count);
}

#define UPTAKE_INSTANTIATE(T)                                                                             \
  template void norm_batch_statistics<T>(float*, float*, float*, float*, View<const T>, const NormShape&, \
                                         double, double, StreamHandle);                                   \
  template void norm_rstd<T>(float*, const float*, double, std::int64_t, StreamHandle);
UPTAKE_INSTANTIATE(float)
UPTAKE_INSTANTIATE(BFloat16)
#undef UPTAKE_INSTANTIATE

}  // namespace uptake::kernels::cuda
