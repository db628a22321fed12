// Convolution with tiles of both operands in shared memory: a block computes 16 x 16 results, and what one thread
// reads from memory serves sixteen. One sum a thread, whose every multiplication still reads two numbers from
// shared memory: that is what conv_implicit_gemm.cu improves.
#include "kernels/conv/own/conv_own.h"
#include "kernels/conv/own/conv_sources.cuh"
#include "kernels/conv/own/conv_store.cuh"
#include "kernels/detail/launch.cuh"

namespace uptake::kernels::cuda::own::tiled {
namespace {

using namespace detail;

constexpr int kTile = 16, kBlock = kTile * kTile;

template <class T>
__device__ float value_at(const T* p) {
  return p == nullptr ? 0.0f : static_cast<float>(*p);
}

/// 16 lines of a source, terms k0.. of each, as [line][term]. The lower half of a thread's number runs along what
/// is contiguous in memory: the terms (kAlongSum) or the lines.
template <bool kAlongSum, class Source>
struct TileLoader {
  using Tile = float[kTile][kTile + 1];  // the padding spreads a column over the banks
  static __device__ int line() { return static_cast<int>(threadIdx.x) / (kAlongSum ? kTile : 1) % kTile; }
  static __device__ int term() { return static_cast<int>(threadIdx.x) / (kAlongSum ? 1 : kTile) % kTile; }

  Source source;
  typename Source::Fixed fixed;

  __device__ TileLoader(const Source& from, int first) : source(from), fixed(from.fixed(first + line())) {}
  __device__ void load(Tile& tile, int k0) const {
    tile[line()][term()] = value_at(source.at(fixed, source.step(k0 + term())));
  }
};

/// The sum over the terms [0, end) of line thread / 16 of one source times line thread % 16 of the other. All
/// threads of the block call.
template <class LoaderA, class LoaderB>
__device__ float multiply(const LoaderA& a, const LoaderB& b, int end) {
  UPTAKE_SHARED(tile_a, typename LoaderA::Tile);
  UPTAKE_SHARED(tile_b, typename LoaderB::Tile);
  const int high = static_cast<int>(threadIdx.x) / kTile, low = static_cast<int>(threadIdx.x) % kTile;
  float sum = 0;
  for (int k0 = 0; k0 < end; k0 += kTile) {
    a.load(tile_a, k0);
    b.load(tile_b, k0);
    __syncthreads();
#pragma unroll
    for (int k = 0; k < kTile; ++k) sum += tile_a[high][k] * tile_b[low][k];
    __syncthreads();  // nobody overwrites what another still reads
  }
  return sum;
}

__device__ int row_of_thread() {
  return static_cast<int>(blockIdx.x) * kTile + static_cast<int>(threadIdx.x) / kTile;
}
__device__ int column_of_thread() {
  return static_cast<int>(blockIdx.y) * kTile + static_cast<int>(threadIdx.x) % kTile;
}

template <class T, bool kBackward>
__global__ void __launch_bounds__(kBlock)
    conv_tiled_data_kernel(Gather g, const T* from, const T* filters, DataStore<T, true> store) {
  const Pass pass = g.pass(static_cast<int>(blockIdx.z));
  const TileLoader<true, Patches<T>> patches({g, pass, from}, static_cast<int>(blockIdx.x) * kTile);
  const TileLoader<!kBackward, FilterTaps<T, kBackward>> taps({g, pass, filters},
                                                              static_cast<int>(blockIdx.y) * kTile);
  const float sum[1] = {multiply(patches, taps, pass.terms)};
  const int pixel = g.pixel_of(pass, row_of_thread());
  if (pixel >= 0) store(0, pixel, column_of_thread(), sum);
}

template <class T>
__global__ void __launch_bounds__(kBlock)
    conv_tiled_filters_kernel(Gather g, const T* x, const T* dy, FilterStore store) {
  const TileLoader<false, Columns<T>> slopes({dy, g.m, g.to_c}, static_cast<int>(blockIdx.x) * kTile);
  const TileLoader<false, Swapped<Patches<T>>> patches({{g, g.whole_pass(), x}},
                                                       static_cast<int>(blockIdx.y) * kTile);
  const float sum[1] = {multiply(slopes, patches, g.m)};
  if (row_of_thread() < g.to_c) store(0, row_of_thread(), column_of_thread(), sum);
}

template <class T, bool kBackward>
void data(const Gather& g, T* out, const T* from, const T* filters, const ConvEpilogue<T>& epilogue,
          std::int64_t size, StreamHandle stream) {
  const DataStore<T, true> store{out, nullptr, size, g.to_c, false, make_epilogue(epilogue)};
  launch(conv_tiled_data_kernel<T, kBackward>,
         Grid(ceil_div(g.m, kTile), ceil_div(g.to_c, kTile), g.passes()), kBlock, 0, stream, g, from, filters,
         store);
}

}  // namespace

template <class T>
void forward(const ConvGeometry& geometry, T* y, const T* x, const T* krsc, const ConvEpilogue<T>& epilogue,
             StreamHandle stream) {
  data<T, false>(make_gather(conv_sizes(geometry), false), y, x, krsc, epilogue, geometry.y().size(), stream);
}

template <class T>
void backward_data(const ConvGeometry& geometry, T* dx, const T* dy, const T* krsc,
                   const ConvEpilogue<T>& epilogue, StreamHandle stream) {
  data<T, true>(make_gather(conv_sizes(geometry), true), dx, dy, krsc, epilogue, geometry.x.size(), stream);
}

template <class T>
void backward_filters(const ConvGeometry& geometry, Accum<T>* dkrsc, Write write, const T* x, const T* dy,
                      StreamHandle stream) {
  const Gather g = make_gather(conv_sizes(geometry), false);
  const FilterStore store{dkrsc, nullptr, geometry.filters.size(), g.filter_pitch, false, write};
  launch(conv_tiled_filters_kernel<T>, Grid(ceil_div(g.to_c, kTile), ceil_div(g.filter_pitch, kTile)), kBlock,
         0, stream, g, x, dy, store);
}

#define UPTAKE_INSTANTIATE(T)                                                                         \
  template void forward<T>(const ConvGeometry&, T*, const T*, const T*, const ConvEpilogue<T>&,       \
                           StreamHandle);                                                             \
  template void backward_data<T>(const ConvGeometry&, T*, const T*, const T*, const ConvEpilogue<T>&, \
                                 StreamHandle);                                                       \
  template void backward_filters<T>(const ConvGeometry&, float*, Write, const T*, const T*, StreamHandle);
UPTAKE_INSTANTIATE(float)
UPTAKE_INSTANTIATE(BFloat16)
#undef UPTAKE_INSTANTIATE

}  // namespace uptake::kernels::cuda::own::tiled
