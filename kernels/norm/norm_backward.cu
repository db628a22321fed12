// Backward of a normalisation with what follows it:
//   dz = mask * (dy0 * a'(z) + dy1 * b'(z))          from x and the dys: nothing else was saved
//   dbeta = sum dz      dgamma = sum dz * xhat       xhat = (x - mean) * rstd
//   dx = gamma * rstd * (dz - mean of dz - xhat * mean of dz * xhat)
// Two passes: sums of each channel of a group, then dx. Where a block can have all rows of its channels, it
// does both in one launch; else blocks sum pieces of rows, which a small second launch merges, in an order
// that sizes alone decide.
#include "kernels/detail/arguments.h"
#include "kernels/detail/launch.cuh"
#include "kernels/norm/norm_affine.cuh"

namespace uptake::kernels::cuda {
namespace {

/// What backward starts from.
template <class T>
struct Arriving {
  View<const T> dy0, dy1, x;
  DropoutMask mask;
};

template <class T, int V>
struct Loaded {
  Pack<T, V> x, dy0, dy1, dx;
};

/// A thread's view of a piece: loads a row's packs and finds dz.
template <int V, bool kDropout, class T, class A, class B>
class Gradient {
 public:
  __device__ Gradient(const Arriving<T>& arriving, A a, B b, const Affine<V>& affine, const Walk& walk,
                      const Piece& piece, const Place& place)
      : mask_(arriving.mask),
        a_(a),
        b_(b),
        affine_(affine),
        x_(arriving.x, piece, place),
        dy0_(arriving.dy0, piece, place),
        dy1_(arriving.dy1, piece, place),
        columns_(walk.columns),
        first_(static_cast<std::uint64_t>(piece.first * walk.columns + place.column)) {}

  __device__ Loaded<T, V> load(int row) const {
    Loaded<T, V> loaded{};
    loaded.x = x_.template load<V>(row);
    loaded.dy0 = dy0_.template load<V>(row);
    if constexpr (B::kPresent) loaded.dy1 = dy1_.template load<V>(row);
    return loaded;
  }

  /// use(j, x - mean, dz) for every channel j of the pack.
  template <class Use>
  __device__ void for_channels(int row, const Loaded<T, V>& loaded, const Use& use) const {
    float factor[V];
    if constexpr (kDropout) mask_.factors(factor, first_ + static_cast<unsigned>(row * columns_));
#pragma unroll
    for (int j = 0; j < V; ++j) {
      const float off_mean = static_cast<float>(loaded.x.value[j]) - affine_.mean[j];
      const float z = affine_.z(off_mean, j);
      float dz = static_cast<float>(loaded.dy0.value[j]) * a_.derivative(z);
      if constexpr (B::kPresent) dz += static_cast<float>(loaded.dy1.value[j]) * b_.derivative(z);
      if constexpr (kDropout) dz *= factor[j];
      use(j, off_mean, dz);
    }
  }

 private:
  const DropoutMask& mask_;
  A a_;
  B b_;
  const Affine<V>& affine_;
  Column<const T> x_, dy0_, dy1_;
  int columns_;
  std::uint64_t first_;
};

template <int N>
struct AddAll {
  __device__ void operator()(float (&own)[N], const float (&other)[N]) const {
#pragma unroll
    for (int j = 0; j < N; ++j) own[j] += other[j];
  }
};

/// Sums of dz and, after those, of dz * (x - mean) over the thread's rows.
template <int V, bool kDropout, class T, class A, class B>
__device__ void sum_rows(float (&sums)[2 * V], const Gradient<V, kDropout, T, A, B>& gradient,
                         const Walk& walk, const Piece& piece, const Place& place) {
  for_rows<kRowsAhead<A, false>>(
      walk, piece, place, [&](int row) { return gradient.load(row); },
      [&](int row, const Loaded<T, V>& loaded) {
        gradient.for_channels(row, loaded, [&](int j, float off_mean, float dz) {
          sums[j] += dz;
          sums[V + j] += dz * off_mean;
        });
      });
}

/// dx of the thread's rows: scale * (dz - constant - (x - mean) * slope).
template <int V, bool kDropout, bool kAdd, class T, class A, class B>
__device__ void write_rows(const Column<T>& dx, const float (&constant)[V], const float (&slope)[V],
                           const Affine<V>& affine, const Gradient<V, kDropout, T, A, B>& gradient,
                           const Walk& walk, const Piece& piece, const Place& place) {
  const auto load = [&](int row) {
    Loaded<T, V> loaded = gradient.load(row);
    if constexpr (kAdd) loaded.dx = dx.template load<V>(row);
    return loaded;
  };
  for_rows<kRowsAhead<A, false>>(walk, piece, place, load, [&](int row, const Loaded<T, V>& loaded) {
    Pack<T, V> out;
    gradient.for_channels(row, loaded, [&](int j, float off_mean, float dz) {
      const float value = affine.scale[j] * (dz - constant[j] - off_mean * slope[j]);
      out.value[j] = T(kAdd ? static_cast<float>(loaded.dx.value[j]) + value : value);
    });
    dx.store(row, out);
  });
}

/// Gradients of gamma and beta; either may be null.
struct ParameterTarget {
  float *dgamma, *dbeta;
  std::int64_t add;  // as wide as its neighbours: a kernel's argument without padding
  __device__ void put(int channel, float dz, float dz_xhat) const {
    if (dgamma != nullptr) dgamma[channel] = add != 0 ? dgamma[channel] + dz_xhat : dz_xhat;
    if (dbeta != nullptr) dbeta[channel] = add != 0 ? dbeta[channel] + dz : dz;
  }
};

/// Where the sums of a group's channels go: sums [groups,2,c] of dz and dz * xhat, and their totals over groups
/// to the parameters' gradients if one block has all groups. All may be null.
struct SumTarget {
  float* sums;
  ParameterTarget parameters;
};

/// Both passes, for blocks that have all rows of their columns. one_over_count: 0 where mean and rstd do not
/// depend on x.
template <int V, bool kDropout, bool kAdd, class T, class A, class B>
__global__ void __launch_bounds__(kRowsBlock, 1)
    norm_columns_backward_kernel(View<T> dx, SumTarget target, Arriving<T> arriving, A a, B b, Walk walk,
                                 NormParameters parameters, float one_over_count) {
  if constexpr (kDropout) arriving.mask.read_step();
  const Place place = place_of<V>(walk);
  float totals[2 * V] = {};
  for (std::int64_t group = blockIdx.z; group < walk.groups; group += gridDim.z) {
    const Affine<V> affine(parameters, walk, group, place.inside ? place.column : 0);
    const Piece piece = piece_of(walk, group);
    const Gradient<V, kDropout, T, A, B> gradient(arriving, a, b, affine, walk, piece, place);
    float sums[2 * V] = {}, rstd[V];
    if (place.inside) sum_rows(sums, gradient, walk, piece, place);
    reduce_rows(sums, walk, AddAll<2 * V>());
    if (!place.inside) continue;
    load_channels(rstd, parameters.rstd + group * walk.channels, walk, place.column, 0);
    float constant[V], slope[V];
#pragma unroll
    for (int j = 0; j < V; ++j) {
      sums[V + j] *= rstd[j];
      totals[j] += sums[j];
      totals[V + j] += sums[V + j];
      constant[j] = one_over_count == 0 ? 0.0f : sums[j] * one_over_count;
      slope[j] = one_over_count == 0 ? 0.0f : sums[V + j] * one_over_count * rstd[j];
      if (target.sums != nullptr && place.row == 0) {
        float* to = target.sums + 2 * group * walk.channels + place.column + j;
        to[0] = sums[j];
        to[walk.channels] = sums[V + j];
      }
    }
    if (dx.data != nullptr)
      write_rows<V, kDropout, kAdd>(Column<T>(dx, piece, place), constant, slope, affine, gradient, walk,
                                    piece, place);
  }
  if (place.inside && place.row == 0)
#pragma unroll
    for (int j = 0; j < V; ++j) target.parameters.put(place.column + j, totals[j], totals[V + j]);
}

/// partials [group, piece, 2, columns]: sums of dz and dz * (x - mean).
template <int V, bool kDropout, class T, class A, class B>
__global__ void __launch_bounds__(kRowsBlock, 2)
    norm_sums_backward_kernel(float* partials, Arriving<T> arriving, A a, B b, Walk walk,
                              NormParameters parameters) {
  if constexpr (kDropout) arriving.mask.read_step();
  const Place place = place_of<V>(walk);
  for (std::int64_t group = blockIdx.z; group < walk.groups; group += gridDim.z) {
    float sums[2 * V] = {};
    if (place.inside) {
      const Affine<V> affine(parameters, walk, group, place.column);
      const Piece piece = piece_of(walk, group);
      const Gradient<V, kDropout, T, A, B> gradient(arriving, a, b, affine, walk, piece, place);
      sum_rows(sums, gradient, walk, piece, place);
    }
    reduce_rows(sums, walk, AddAll<2 * V>());
    if (!place.inside || place.row != 0) continue;
    float* to = partials + 2 * walk.columns * (group * gridDim.x + blockIdx.x) + place.column;
#pragma unroll
    for (int j = 0; j < V; ++j) {
      to[j] = sums[j];
      to[walk.columns + j] = sums[V + j];
    }
  }
}

/// Merges partials of `pieces` pieces with `fold` sets of channels beside each other.
__global__ void __launch_bounds__(kRowsBlock)
    norm_finish_backward_kernel(SumTarget target, const float* partials, int pieces, int fold,
                                const float* rstd, Walk walk) {
  const Place place = place_of<1>(walk);
  const std::int64_t distance = std::int64_t{fold} * walk.channels;  // from sums of dz to those after
  float totals[2] = {};
  for (std::int64_t group = blockIdx.z; group < walk.groups; group += gridDim.z) {
    float sums[2] = {};
    if (place.inside)
      for (int piece = place.row; piece < pieces; piece += walk.down) {
        const float* from = partials + 2 * distance * (group * pieces + piece) + place.column;
        for (int k = 0; k < fold; ++k) {
          sums[0] += from[k * walk.channels];
          sums[1] += from[distance + k * walk.channels];
        }
      }
    reduce_rows(sums, walk, AddAll<2>());
    if (!place.inside || place.row != 0) continue;
    sums[1] *= rstd[group * walk.channels + place.column];
    totals[0] += sums[0];
    totals[1] += sums[1];
    float* to = target.sums + 2 * group * walk.channels + place.column;
    to[0] = sums[0];
    to[walk.channels] = sums[1];
  }
  if (place.inside && place.row == 0) target.parameters.put(place.column, totals[0], totals[1]);
}

/// dx from the sums of dz and dz * xhat (null: zero, where mean and rstd do not depend on x).
template <int V, bool kDropout, bool kAdd, class T, class A, class B>
__global__ void __launch_bounds__(kRowsBlock, 2)
    norm_backward_kernel(View<T> dx, const float* sums, float one_over_count, Arriving<T> arriving, A a, B b,
                         Walk walk, NormParameters parameters) {
  const Place place = place_of<V>(walk);
  if (!place.inside) return;
  if constexpr (kDropout) arriving.mask.read_step();
  for (std::int64_t group = blockIdx.z; group < walk.groups; group += gridDim.z) {
    const Affine<V> affine(parameters, walk, group, place.column);
    float constant[V] = {}, slope[V] = {};
    if (sums != nullptr) {
      float rstd[V];
      const float* from = sums + 2 * group * walk.channels;
      load_channels(rstd, parameters.rstd + group * walk.channels, walk, place.column, 0);
      load_channels(constant, from, walk, place.column, 0);
      load_channels(slope, from + walk.channels, walk, place.column, 0);
#pragma unroll
      for (int j = 0; j < V; ++j) {
        constant[j] *= one_over_count;
        slope[j] *= one_over_count * rstd[j];
      }
    }
    const Piece piece = piece_of(walk, group);
    const Gradient<V, kDropout, T, A, B> gradient(arriving, a, b, affine, walk, piece, place);
    write_rows<V, kDropout, kAdd>(Column<T>(dx, piece, place), constant, slope, affine, gradient, walk, piece,
                                  place);
  }
}

/// Totals of sums [groups,2,c] over groups.
__global__ void __launch_bounds__(kRowsBlock)
    norm_parameters_backward_kernel(ParameterTarget target, const float* sums, std::int64_t groups, int c) {
  const int channel = static_cast<int>(blockIdx.x) * kRowsBlock + static_cast<int>(threadIdx.x);
  if (channel >= c) return;
  float dz = 0, dz_xhat = 0;
  for (std::int64_t group = 0; group < groups; ++group) {
    dz += sums[2 * group * c + channel];
    dz_xhat += sums[(2 * group + 1) * c + channel];
  }
  target.put(channel, dz, dz_xhat);
}

/// One block goes through up to this many groups one after the other; more groups share out blocks, and
/// their sums are added up by a launch of its own.
constexpr std::int64_t kGroupsOfBlock = 4;

}  // namespace

template <class T>
void norm_backward(View<T> dx, Write write_dx, Accum<T>* dgamma, Accum<T>* dbeta, Write write_parameters,
                   std::span<const OutputGradient<T>> gradients, View<const T> x, const Accum<T>* mean,
                   const Accum<T>* rstd, const Accum<T>* gamma, const Accum<T>* beta, const NormShape& shape,
                   Statistics statistics, const Dropout& dropout, StreamHandle stream) {
  using kernels::detail::check_view;
  kernels::detail::check_norm_shape("norm_backward", shape);
  kernels::detail::check_output_count(gradients, "norm_backward");
  check_dropout(dropout);
  check_view("norm_backward: x", x, shape.pixels(), shape.c);
  if (dx.data != nullptr) check_view("norm_backward: dx", dx, shape.pixels(), shape.c);
  for (const OutputGradient<T>& gradient : gradients)
    check_view("norm_backward: dy", gradient.dy, shape.pixels(), shape.c);
  if (shape.pixels() * shape.c == 0) {
    if (write_parameters == Write::assign)
      for (float* parameter : {dgamma, dbeta})
        if (parameter != nullptr && shape.c > 0)
          set_bytes(parameter, 0, static_cast<std::size_t>(shape.c) * sizeof(float), stream);
    return;
  }
  kernels::detail::check_flat("norm_backward: mean", mean, shape.groups * shape.c);
  kernels::detail::check_flat("norm_backward: rstd", rstd, shape.groups * shape.c);

  const OutputGradient<T>* second = gradients.size() == 2 ? &gradients[1] : nullptr;
  const View<const T> dy0 = gradients[0].dy, dy1 = second != nullptr ? second->dy : View<const T>{};
  const bool of_this_batch = statistics == Statistics::of_this_batch, add = write_dx == Write::add;
  const bool want_parameters = dgamma != nullptr || dbeta != nullptr;
  const bool want_sums = want_parameters || (of_this_batch && dx.data != nullptr);
  const bool one_block = want_parameters && shape.groups <= kGroupsOfBlock;
  const std::int64_t beside = one_block ? 1 : std::min<std::int64_t>(shape.groups, 65535);
  const float one_over_count =
      of_this_batch ? static_cast<float>(1.0 / static_cast<double>(shape.pixels_per_group)) : 0.0f;
  const NormParameters parameters{mean, rstd, gamma, beta};
  const ParameterTarget wanted{dgamma, dbeta, write_parameters == Write::add ? 1 : 0}, none{};

  const Act* second_act = second != nullptr ? &second->act : nullptr;
  Walking walking = walk_over<T>(shape, gradients[0].act, second_act, {x, dx, dy0, dy1});
  const Walk& walk = walking.walk;
  // A pass over the rows as `walking` has laid them out.
  const auto pass = [&](const auto& launch_it) {
    const Arriving<T> arriving{walking.rows_of(dy0), walking.rows_of(dy1), walking.rows_of(x),
                               DropoutMask(dropout)};
    with_pass<T, InPacks::straight_only>(
        walking.vector, dropout.p > 0, gradients[0].act, second_act,
        [&](auto vector, auto drop, auto a, auto b) { launch_it(vector, drop, arriving, a, b); });
  };

  const bool whole_columns = want_sums && walking.lay_whole_columns();
  const bool keep_sums = want_sums && (!whole_columns || (want_parameters && !one_block));
  const Scratch<float> sums(keep_sums ? 2 * shape.groups * shape.c : 0);
  const SumTarget target{keep_sums ? sums.data() : nullptr, one_block ? wanted : none};
  if (whole_columns) {
    const Grid grid = walking.grid_of_columns(beside);
    pass([&]<class A, class B>(auto v, auto drop, const Arriving<T>& arriving, A a, B b) {
      launch(add ? norm_columns_backward_kernel<v(), drop(), true, T, A, B>
                 : norm_columns_backward_kernel<v(), drop(), false, T, A, B>,
             grid, kRowsBlock, 0, stream, walking.rows_of(dx), target, arriving, a, b, walk, parameters,
             one_over_count);
    });
  } else if (want_sums) {
    const Grid grid = walking.grid_of_reduction(kPlannedMultiprocessors * 2);
    const Scratch<float> partials(shape.groups * grid.x * 2 * walk.columns);
    pass([&]<class A, class B>(auto v, auto drop, const Arriving<T>& arriving, A a, B b) {
      launch(norm_sums_backward_kernel<v(), drop(), T, A, B>, grid, kRowsBlock, 0, stream, partials.data(),
             arriving, a, b, walk, parameters);
    });
    Walking merging{
        {.groups = walk.groups, .rows = grid.x, .columns = walk.channels, .channels = walk.channels}};
    const std::int64_t blocks = merging.lay_threads(8);
    launch(norm_finish_backward_kernel, Grid(1, blocks, beside), kRowsBlock, 0, stream, target,
           static_cast<const float*>(partials.data()), static_cast<int>(grid.x), walk.fold(), rstd,
           merging.walk);
  }
  if (want_parameters && !one_block)
    launch(norm_parameters_backward_kernel, ceil_div(shape.c, kRowsBlock), kRowsBlock, 0, stream, wanted,
           static_cast<const float*>(sums.data()), shape.groups, walk.channels);
  if (whole_columns || dx.data == nullptr) return;

  const Grid grid = walking.grid_of_pass();
  pass([&]<class A, class B>(auto v, auto drop, const Arriving<T>& arriving, A a, B b) {
    launch(add ? norm_backward_kernel<v(), drop(), true, T, A, B>
               : norm_backward_kernel<v(), drop(), false, T, A, B>,
           grid, kRowsBlock, 0, stream, walking.rows_of(dx),
           of_this_batch ? static_cast<const float*>(sums.data()) : nullptr, one_over_count, arriving, a, b,
           walk, parameters);
  });
}

#define UPTAKE_INSTANTIATE(T)                                                                               \
  template void norm_backward<T>(View<T>, Write, float*, float*, Write, std::span<const OutputGradient<T>>, \
                                 View<const T>, const float*, const float*, const float*, const float*,     \
                                 const NormShape&, Statistics, const Dropout&, StreamHandle);
UPTAKE_INSTANTIATE(float)
UPTAKE_INSTANTIATE(BFloat16)
#undef UPTAKE_INSTANTIATE

}  // namespace uptake::kernels::cuda
