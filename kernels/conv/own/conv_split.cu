// Adds up the pieces of sums, in a fixed order. Moves (splits + 1) floats an element, in packs of 4 where the
// result's sizes and address allow it; the pieces are in memory of their own, which is aligned.
#include "kernels/conv/own/conv_split.h"

#include "kernels/conv/own/conv_epilogue.cuh"
#include "kernels/conv/own/conv_store.cuh"
#include "kernels/detail/launch.cuh"
#include "kernels/detail/sweep.cuh"

namespace uptake::kernels::cuda::detail {
namespace {

constexpr int kBlock = 128;
constexpr int kBlocks = 8;  // of a multiprocessor: leaves the registers for kAhead packs
/// Pieces on their way at a time: small results in many pieces are a matter of latency.
template <int V>
constexpr int kAhead = V == 1 ? 16 : 8;

/// Adds pieces of V neighbours, N at a time, as long as there are N; returns how many pieces are done then.
template <int N, int V>
__device__ int add_pieces(float (&sums)[V], const float* partial, int done, int splits, std::int64_t size) {
#pragma unroll 1  // else the loads would not stay together
  for (; done + N <= splits; done += N) {
    const float* from = partial + done * size;
    Pack<float, V> pieces[N];
#pragma unroll
    for (int s = 0; s < N; ++s) pieces[s] = load_pack<V>(from + s * size);
#pragma unroll
    for (int s = 0; s < N; ++s)
#pragma unroll
      for (int j = 0; j < V; ++j) sums[j] += pieces[s].value[j];
  }
  return done;
}

/// Sums of V neighbours' pieces, the first piece first.
template <int V>
__device__ void sum_pieces(float (&sums)[V], const float* partial, int splits, std::int64_t size) {
  constexpr int kN = kAhead<V>;
  int done = add_pieces<kN>(sums, partial, 0, splits, size);
  done = add_pieces<kN / 2>(sums, partial, done, splits, size);
  done = add_pieces<kN / 4>(sums, partial, done, splits, size);
  add_pieces<1>(sums, partial, done, splits, size);
}

/// V neighbours a thread, channels of one pixel: V divides `channels`.
template <int V, class T>
__global__ void __launch_bounds__(kBlock, kBlocks)
    conv_finish_kernel(T* out, const float* partial, int splits, std::int64_t size, int channels,
                       Epilogue epilogue) {
  const std::int64_t index = (static_cast<std::int64_t>(blockIdx.x) * kBlock + threadIdx.x) * V;
  if (index >= size) return;
  float sums[V] = {};
  sum_pieces(sums, partial + index, splits, size);
  const int channel = static_cast<int>(index % channels);
  Pack<T, V> values;
#pragma unroll
  for (int j = 0; j < V; ++j) values.value[j] = T(epilogue.value(sums[j], channel + j));
  store_pack(out + index, values);
}

/// V neighbours a thread: V divides `size`.
template <int V>
__global__ void __launch_bounds__(kBlock, kBlocks)
    conv_finish_filters_kernel(float* out, const float* partial, int splits, std::int64_t size, Write write) {
  const std::int64_t index = (static_cast<std::int64_t>(blockIdx.x) * kBlock + threadIdx.x) * V;
  if (index >= size) return;
  float sums[V] = {};
  sum_pieces(sums, partial + index, splits, size);
  Pack<float, V> values = {};
  if (write == Write::add) values = load_pack<V>(out + index);
#pragma unroll
  for (int j = 0; j < V; ++j) values.value[j] = write == Write::add ? values.value[j] + sums[j] : sums[j];
  store_pack(out + index, values);
}

}  // namespace

template <class T>
void Partials::finish(T* out, std::int64_t channels, const ConvEpilogue<T>& epilogue,
                      StreamHandle stream) const {
  if (!memory_) return;
  with_width<kVector<float>>(packs_of(out, channels, kVector<float>), [&](auto width) {
    constexpr int kV = decltype(width)::value;
    launch(conv_finish_kernel<kV, T>, Grid(ceil_div(size_, kBlock * kV)), kBlock, 0, stream, out, data(),
           static_cast<int>(splits_), size_, static_cast<int>(channels), make_epilogue(epilogue));
  });
}

void Partials::finish(float* out, Write write, StreamHandle stream) const {
  if (!memory_) return;
  with_width<kVector<float>>(packs_of(out, size_, kVector<float>), [&](auto width) {
    constexpr int kV = decltype(width)::value;
    launch(conv_finish_filters_kernel<kV>, Grid(ceil_div(size_, kBlock * kV)), kBlock, 0, stream, out, data(),
           static_cast<int>(splits_), size_, write);
  });
}

template void Partials::finish<float>(float*, std::int64_t, const ConvEpilogue<float>&, StreamHandle) const;
template void Partials::finish<BFloat16>(BFloat16*, std::int64_t, const ConvEpilogue<BFloat16>&,
                                         StreamHandle) const;

}  // namespace uptake::kernels::cuda::detail
