// Convolution on the tensor cores: BFloat16 in, float sums. The products are those of conv_implicit_gemm.cu; here a
// warp multiplies 16 x 16 by 16 x 8 in one instruction, and all traffic moves in 16-byte chunks of 8 channels,
// which is why channels come in multiples of 8.
#include "kernels/conv/own/conv_own.h"
#include "kernels/conv/own/conv_sources.cuh"
#include "kernels/conv/own/conv_split.h"
#include "kernels/conv/own/conv_store.cuh"
#include "kernels/conv/own/mma_tiles.cuh"
#include "kernels/detail/launch.cuh"

namespace uptake::kernels::cuda::own::tensor_core {
namespace {

using namespace detail;

using Large = MmaTile<128, 128, 2, 4, 3>;
using Small = MmaTile<64, 64, 2, 2, 4>;
using Narrow = MmaTile<128, 16, 4, 1, 4>;  // few channels come out

template <class Tile, class Store, class Row>
__device__ void store_tile(const float (&sums)[Tile::kTilesM][Tile::kTilesN][4], const Store& store,
                           int split, const Row& row_of) {
  const int first_m = static_cast<int>(blockIdx.x) * Tile::kM,
            first_n = static_cast<int>(blockIdx.y) * Tile::kN;
  for_each_pair<Tile>(sums, [&](int tile_row, const auto& for_each_column) {
    const int row = row_of(first_m + tile_row);
    if (row >= 0)
      for_each_column([&](int column, const float(&pair)[2]) { store(split, row, first_n + column, pair); });
  });
}

// Forward (kBackward false) or backward data.
template <class Tile, bool kBackward>
__global__ void __launch_bounds__(Tile::kThreads)
    conv_tensor_core_data_kernel(Gather g, int splits, int piece, const BFloat16* from,
                                 const BFloat16* filters, DataStore<BFloat16> store) {
  const int split = static_cast<int>(blockIdx.z) % splits, begin = split * piece;
  const Pass pass = g.pass(static_cast<int>(blockIdx.z) / splits);
  const int first_m = static_cast<int>(blockIdx.x) * Tile::kM,
            first_n = static_cast<int>(blockIdx.y) * Tile::kN;
  const int end = begin + piece < pass.terms ? begin + piece : pass.terms;

  float sums[Tile::kTilesM][Tile::kTilesN][4] = {};
  AsyncLoader<Patches<BFloat16>, Tile::kM, Tile::kK, Tile::kThreads, true> patches({g, pass, from}, first_m);
  AsyncLoader<FilterTaps<BFloat16, kBackward>, Tile::kN, Tile::kK, Tile::kThreads, !kBackward> taps(
      {g, pass, filters}, first_n);
  multiply<Tile>(sums, patches, taps, begin, end);
  store_tile<Tile>(sums, store, split, [&](int m) { return g.pixel_of(pass, m); });
}

// dw[k, (i,j,c)] = sum over pixels m of dy[m,k] * patch(m)[(i,j,c)].
template <class Tile>
__global__ void __launch_bounds__(Tile::kThreads)
    conv_tensor_core_filters_kernel(Gather g, int piece, const BFloat16* x, const BFloat16* dy,
                                    FilterStore store) {
  const int split = static_cast<int>(blockIdx.z), begin = split * piece;
  const int end = begin + piece < g.m ? begin + piece : g.m;
  float sums[Tile::kTilesM][Tile::kTilesN][4] = {};
  AsyncLoader<Columns<BFloat16>, Tile::kM, Tile::kK, Tile::kThreads, false> slopes(
      {dy, g.m, g.to_c}, static_cast<int>(blockIdx.x) * Tile::kM);
  AsyncLoader<Swapped<Patches<BFloat16>>, Tile::kN, Tile::kK, Tile::kThreads, false> patches(
      {{g, g.whole_pass(), x}}, static_cast<int>(blockIdx.y) * Tile::kN);
  multiply<Tile>(sums, slopes, patches, begin, end);
  store_tile<Tile>(sums, store, split, [&](int k) { return k < g.to_c ? k : -1; });
}

template <class Tile, bool kBackward>
void run_data(const Gather& g, BFloat16* out, const BFloat16* from, const BFloat16* filters,
              const ConvEpilogue<BFloat16>& epilogue, std::int64_t size, StreamHandle stream) {
  const Tiling t = tile(g.m, g.to_c, most_terms(g), g.passes(), Tile::kM, Tile::kN, Tile::kK);
  const Partials partials(t.splits, size, is_straight(epilogue.act));
  const DataStore<BFloat16> store{out,    partials.data(),          size,
                                  g.to_c, packs_of(out, g.to_c, 2), make_epilogue(epilogue)};
  launch(conv_tensor_core_data_kernel<Tile, kBackward>, Grid(t.tiles_m, t.tiles_n, t.splits * g.passes()),
         Tile::kThreads, 0, stream, g, static_cast<int>(t.splits), static_cast<int>(t.piece), from, filters,
         store);
  partials.finish(out, g.to_c, epilogue, stream);
}

template <bool kBackward>
void data(const ConvCall<BFloat16>& call, StreamHandle stream) {
  const Gather g = make_gather(conv_sizes(call.geometry), kBackward);
  const auto run = [&]<class Tile>() {
    run_data<Tile, kBackward>(g, call.output(), kBackward ? call.result : call.image, call.filters.krsc,
                              call.epilogue, call.output_shape().size(), stream);
  };
  if (g.to_c <= Narrow::kN) return run.template operator()<Narrow>();
  if (g.m >= 4 * Large::kM && g.to_c > Small::kN) return run.template operator()<Large>();
  run.template operator()<Small>();
}

template <class Tile>
void run_filters(const Gather& g, float* dw, Write write, const BFloat16* x, const BFloat16* dy,
                 StreamHandle stream) {
  const std::int64_t size = std::int64_t{g.to_c} * g.filter_pitch;
  const Tiling t = tile(g.to_c, g.filter_pitch, g.m, 1, Tile::kM, Tile::kN, Tile::kK);
  const Partials partials(t.splits, size);
  const FilterStore store{dw, partials.data(), size, g.filter_pitch, packs_of(dw, g.filter_pitch, 2), write};
  launch(conv_tensor_core_filters_kernel<Tile>, Grid(t.tiles_m, t.tiles_n, t.splits), Tile::kThreads, 0,
         stream, g, static_cast<int>(t.piece), x, dy, store);
  partials.finish(dw, write, stream);
}

void filters(const ConvCall<BFloat16>& call, StreamHandle stream) {
  const Gather g = make_gather(conv_sizes(call.geometry), false);
  const auto run = [&]<class Tile>() {
    run_filters<Tile>(g, call.filter_gradient, call.write, call.image, call.result, stream);
  };
  if (g.to_c > Small::kM && g.filter_pitch > Small::kN) return run.template operator()<Large>();
  run.template operator()<Small>();
}

}  // namespace

// A chunk of 16 bytes is 8 channels: of whatever is summed over, and of what the filters' rows hold.
bool supports(const ConvCall<BFloat16>& call) {
  const bool forward = call.operation == ConvOperation::forward;
  return is_gather(call.operation, call.geometry) && call.geometry.filters.c % 8 == 0 &&
         (forward || call.geometry.filters.k % 8 == 0) &&
         (call.operation == ConvOperation::backward_data || is_aligned(call.image, 16)) &&
         (forward || is_aligned(call.result, 16)) && is_aligned(call.filters.krsc, 16);
}

void run(const ConvCall<BFloat16>& call, const ConvOptions&, StreamHandle stream) {
  switch (call.operation) {
    case ConvOperation::forward:
      return data<false>(call, stream);
    case ConvOperation::backward_data:
      return data<true>(call, stream);
    case ConvOperation::backward_filters:
      return filters(call, stream);
  }
}

}  // namespace uptake::kernels::cuda::own::tensor_core
