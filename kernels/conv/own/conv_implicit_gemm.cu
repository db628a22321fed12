// Convolution as a matrix product whose operands are found in the image when they are needed, with register tiles:
// a thread that holds 8 x 8 sums does 64 multiplications for 16 numbers it reads from shared memory. Float
// arithmetic; BFloat16 is widened on its way into shared memory.
//
//   forward            M = n p q       N = k       sum over r s c
//   backward data      M = n h w / t^2 N = c       sum over r s k / t^2, t^2 times (stride t)
//   backward filters   M = k           N = r s c   sum over n p q
#include "kernels/conv/own/conv_own.h"
#include "kernels/conv/own/conv_sources.cuh"
#include "kernels/conv/own/conv_split.h"
#include "kernels/conv/own/conv_store.cuh"
#include "kernels/conv/own/gemm_tiles.cuh"
#include "kernels/detail/launch.cuh"

namespace uptake::kernels::cuda::own::implicit_gemm {
namespace {

using namespace detail;

using Large = GemmTile<128, 128, 8, 8, 8>;
using Small = GemmTile<64, 64, 16, 4, 4>;
using Narrow = GemmTile<128, 16, 16, 4, 4>;  // few channels come out

template <class Tile, class Store, class Row>
__device__ void store_tile(const float (&sums)[Tile::kTM][Tile::kTN], const Store& store, int split,
                           const Row& row_of) {
  const int thread = static_cast<int>(threadIdx.x);
  const int first_m = static_cast<int>(blockIdx.x) * Tile::kM,
            first_n = static_cast<int>(blockIdx.y) * Tile::kN;
#pragma unroll
  for (int i = 0; i < Tile::kTM; ++i) {
    const int row = row_of(first_m + place_in_tile<Tile::kM, Tile::kTM>(thread / Tile::kThreadsN, i));
    if (row < 0) continue;
#pragma unroll
    for (int j = 0; j < Tile::kTN; j += 4) {
      const float quad[4] = {sums[i][j], sums[i][j + 1], sums[i][j + 2], sums[i][j + 3]};
      store(split, row, first_n + place_in_tile<Tile::kN, Tile::kTN>(thread % Tile::kThreadsN, j), quad);
    }
  }
}

// Forward (kBackward false) or backward data. VA, VB: elements of an access to the image and to the filters.
template <class T, class Tile, int VA, int VB, bool kBackward>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kResident)
    conv_implicit_gemm_data_kernel(Gather g, int splits, int piece, const T* from, const T* filters,
                                   DataStore<T> store) {
  const int split = static_cast<int>(blockIdx.z) % splits, begin = split * piece;
  const Pass pass = g.pass(static_cast<int>(blockIdx.z) / splits);
  const int first_m = static_cast<int>(blockIdx.x) * Tile::kM,
            first_n = static_cast<int>(blockIdx.y) * Tile::kN;
  const int end = begin + piece < pass.terms ? begin + piece : pass.terms;

  float sums[Tile::kTM][Tile::kTN] = {};
  Loader<T, Patches<T>, Tile::kM, Tile::kK, Tile::kThreads, VA, true> patches({g, pass, from}, first_m);
  Loader<T, FilterTaps<T, kBackward>, Tile::kN, Tile::kK, Tile::kThreads, VB, !kBackward> taps(
      {g, pass, filters}, first_n);
  multiply<Tile>(sums, patches, taps, begin, end);
  store_tile<Tile>(sums, store, split, [&](int m) { return g.pixel_of(pass, m); });
}

// dw[k, (i,j,c)] = sum over pixels m of dy[m,k] * patch(m)[(i,j,c)].
template <class T, class Tile, int VA, int VB>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kResident)
    conv_implicit_gemm_filters_kernel(Gather g, int piece, const T* x, const T* dy, FilterStore store) {
  const int split = static_cast<int>(blockIdx.z), begin = split * piece;
  const int end = begin + piece < g.m ? begin + piece : g.m;
  float sums[Tile::kTM][Tile::kTN] = {};
  Loader<T, Columns<T>, Tile::kM, Tile::kK, Tile::kThreads, VA, false> slopes(
      {dy, g.m, g.to_c}, static_cast<int>(blockIdx.x) * Tile::kM);
  Loader<T, Swapped<Patches<T>>, Tile::kN, Tile::kK, Tile::kThreads, VB, false> patches(
      {{g, g.whole_pass(), x}}, static_cast<int>(blockIdx.y) * Tile::kN);
  multiply<Tile>(sums, slopes, patches, begin, end);
  store_tile<Tile>(sums, store, split, [&](int k) { return k < g.to_c ? k : -1; });
}

template <class T, class Tile, int VA, int VB, bool kBackward>
void run_data(const Gather& g, T* out, const T* from, const T* filters, const ConvEpilogue<T>& epilogue,
              std::int64_t size, StreamHandle stream) {
  const Tiling t = tile(g.m, g.to_c, most_terms(g), g.passes(), Tile::kM, Tile::kN, Tile::kK);
  const Partials partials(t.splits, size, is_straight(epilogue.act));
  const DataStore<T> store{out,    partials.data(),          size,
                           g.to_c, packs_of(out, g.to_c, 4), make_epilogue(epilogue)};
  launch(conv_implicit_gemm_data_kernel<T, Tile, VA, VB, kBackward>,
         Grid(t.tiles_m, t.tiles_n, t.splits * g.passes()), Tile::kThreads, 0, stream, g,
         static_cast<int>(t.splits), static_cast<int>(t.piece), from, filters, store);
  partials.finish(out, g.to_c, epilogue, stream);
}

// The widest accesses that addresses and channels allow, and a tile for the shape.
template <class T, bool kBackward>
void data(const ConvCall<T>& call, StreamHandle stream) {
  const Gather g = make_gather(conv_sizes(call.geometry), kBackward);
  const T *const from = kBackward ? call.result : call.image, *const filters = call.filters.krsc;
  const bool wide_from = packs_of(from, g.from_c, 4);
  const bool wide_filters = packs_of(filters, kBackward ? g.to_c : g.from_c, 4);
  const bool wide_a = wide_from && (kBackward || wide_filters),
             wide_b = wide_filters && (kBackward || wide_from);
  const auto run = [&]<class Tile, int VA, int VB>() {
    run_data<T, Tile, VA, VB, kBackward>(g, call.output(), from, filters, call.epilogue,
                                         call.output_shape().size(), stream);
  };
  const auto run_tile = [&]<class Tile>() {
    if (wide_a && wide_b) return run.template operator()<Tile, 4, 4>();
    if constexpr (kBackward) {
      if (wide_a) return run.template operator()<Tile, 4, 1>();
      if (wide_b) return run.template operator()<Tile, 1, 4>();
    }
    run.template operator()<Tile, 1, 1>();
  };
  if (g.to_c <= Narrow::kN) return run_tile.template operator()<Narrow>();
  if (wide_a && wide_b && g.m >= 4 * Large::kM && g.to_c > Small::kN)
    return run.template operator()<Large, 4, 4>();
  run_tile.template operator()<Small>();
}

template <class T, class Tile, int VA, int VB>
void run_filters(const Gather& g, float* dw, Write write, const T* x, const T* dy, StreamHandle stream) {
  const std::int64_t size = std::int64_t{g.to_c} * g.filter_pitch;
  const Tiling t = tile(g.to_c, g.filter_pitch, g.m, 1, Tile::kM, Tile::kN, Tile::kK);
  const Partials partials(t.splits, size);
  const FilterStore store{dw, partials.data(), size, g.filter_pitch, packs_of(dw, g.filter_pitch, 4), write};
  launch(conv_implicit_gemm_filters_kernel<T, Tile, VA, VB>, Grid(t.tiles_m, t.tiles_n, t.splits),
         Tile::kThreads, 0, stream, g, static_cast<int>(t.piece), x, dy, store);
  partials.finish(dw, write, stream);
}

template <class T>
void filters(const ConvCall<T>& call, StreamHandle stream) {
  const Gather g = make_gather(conv_sizes(call.geometry), false);
  const auto run = [&]<class Tile, int VA, int VB>() {
    run_filters<T, Tile, VA, VB>(g, call.filter_gradient, call.write, call.image, call.result, stream);
  };
  const bool wide_a = packs_of(call.result, g.to_c, 4), wide_b = packs_of(call.image, g.from_c, 4);
  if (wide_a && wide_b && g.to_c > Small::kM && g.filter_pitch > Small::kN)
    return run.template operator()<Large, 4, 4>();
  if (wide_a && wide_b) return run.template operator()<Small, 4, 4>();
  if (wide_a) return run.template operator()<Small, 4, 1>();
  if (wide_b) return run.template operator()<Small, 1, 4>();
  run.template operator()<Small, 1, 1>();
}

}  // namespace

template <class T>
bool supports(const ConvCall<T>& call) {
  return is_gather(call.operation, call.geometry);
}

template <class T>
void run(const ConvCall<T>& call, const ConvOptions&, StreamHandle stream) {
  switch (call.operation) {
    case ConvOperation::forward:
      return data<T, false>(call, stream);
    case ConvOperation::backward_data:
      return data<T, true>(call, stream);
    case ConvOperation::backward_filters:
      return filters(call, stream);
  }
}

template bool supports(const ConvCall<float>&);
template bool supports(const ConvCall<BFloat16>&);
template void run(const ConvCall<float>&, const ConvOptions&, StreamHandle);
template void run(const ConvCall<BFloat16>&, const ConvOptions&, StreamHandle);

}  // namespace uptake::kernels::cuda::own::implicit_gemm
