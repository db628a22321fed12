// Where a convolution's sums go: finished into the result, or, when the sum was cut into pieces, as they are into
// scratch memory [splits, size], which a second kernel adds up in a fixed order. Internal to kernels/.
#pragma once
#include "kernels/conv/own/conv_epilogue.cuh"
#include "kernels/detail/device.cuh"

namespace uptake::kernels::cuda::detail {

/// N sums to neighbouring elements, of which those below `end` exist. `packs`: all or none of them do, and
/// they are aligned.
template <class T, int N>
__device__ void put(T* to, const float (&values)[N], int first, int end, bool packs) {
  if (packs && first < end) {
    Pack<T, N> pack;
#pragma unroll
    for (int j = 0; j < N; ++j) pack.value[j] = T(values[j]);
    store_pack(to, pack);
  } else {
#pragma unroll
    for (int j = 0; j < N; ++j)
      if (first + j < end) to[j] = T(values[j]);
  }
}

/// The result of forward or backward data. Activations other than straight ones must leave the sums in `partial`, or
/// their code would be in the kernel for each sum of a tile.
template <class T>
struct DataStore {
  T* out;
  float* partial;  // null: not cut
  std::int64_t size;
  int channels;
  bool packs;  // groups of up to 4 channels are whole and aligned
  Epilogue epilogue;

  template <int N>
  __device__ void operator()(int split, std::int64_t pixel, int channel, const float (&sums)[N]) const {
    const std::int64_t offset = pixel * channels + channel;
    if (partial != nullptr) return put(partial + split * size + offset, sums, channel, channels, packs);
    float values[N];
#pragma unroll
    for (int j = 0; j < N; ++j)
      values[j] = channel + j < channels ? epilogue.straight_value(sums[j], channel + j) : 0.0f;
    put(out + offset, values, channel, channels, packs);
  }
};

/// The gradient of the filters, [k, r s c].
struct FilterStore {
  float* out;
  float* partial;
  std::int64_t size;
  int columns;  // r s c
  bool packs;
  Write write;

  template <int N>
  __device__ void operator()(int split, std::int64_t row, int column, const float (&sums)[N]) const {
    const std::int64_t offset = row * columns + column;
    if (partial != nullptr) return put(partial + split * size + offset, sums, column, columns, packs);
    float values[N];
#pragma unroll
    for (int j = 0; j < N; ++j)
      values[j] = sums[j] + (write == Write::add && column + j < columns ? out[offset + j] : 0.0f);
    put(out + offset, values, column, columns, packs);
  }
};

/// Whether packs of N reach everything: channels in multiples of N, from an aligned start.
template <class T>
bool packs_of(const T* p, std::int64_t channels, std::int64_t n) {
  return channels % n == 0 && is_aligned(p, static_cast<std::size_t>(n) * sizeof(T));
}

}  // namespace uptake::kernels::cuda::detail
