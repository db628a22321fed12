// Walking the elements of packed [n,h,w,c] tensors, N channels at a time. Every kernel gathers: a thread owns
// the elements it writes and adds what belongs there in a fixed order. Internal to kernels/.
#pragma once
#include "kernels/detail/arguments.h"
#include "kernels/detail/sweep.cuh"

namespace uptake::kernels::cuda {

inline constexpr int kSpatialBlock = 256;

/// A Shape4 as kernels take it.
struct Extent {
  int n = 0, h = 0, w = 0, c = 0;
};

/// N channels of one pixel.
struct Location {
  int n, h, w, channel;
};

template <class T>
__device__ T* at(T* data, const Extent& e, int n, int h, int w, int channel) {
  return data + ((static_cast<std::int64_t>(n) * e.h + h) * e.w + w) * e.c + channel;
}
template <class T>
__device__ T* at(T* data, const Extent& e, const Location& place) {
  return at(data, e, place.n, place.h, place.w, place.channel);
}

/// The remainder; what is left in `a` is the quotient. Nearly always a 32-bit division.
static __device__ inline int split(std::uint64_t& a, int size) {
  const auto divisor = static_cast<unsigned>(size);
  const std::uint64_t whole = a;
  a = (whole >> 32) == 0 ? static_cast<unsigned>(whole) / divisor : whole / divisor;
  return static_cast<int>(whole - a * divisor);
}

/// Calls body(place) for all packs of N channels of the tensor; c must be a multiple of N.
template <int N, class Body>
__device__ void for_locations(const Extent& e, const Body& body) {
  const int packs = e.c / N;
  const std::int64_t count = static_cast<std::int64_t>(e.n) * e.h * e.w * packs,
                     step = static_cast<std::int64_t>(gridDim.x) * kSpatialBlock;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kSpatialBlock + threadIdx.x; i < count;
       i += step) {
    auto rest = static_cast<std::uint64_t>(i);
    Location place;
    place.channel = split(rest, packs) * N;
    place.w = split(rest, e.w);
    place.h = split(rest, e.h);
    place.n = static_cast<int>(rest);
    body(place);
  }
}

/// sums += factor * N channels at `from`.
template <int N, class T>
__device__ void add_channels(float (&sums)[N], const T* from, float factor = 1.0f) {
  float values[N];
  load_array(values, from);
#pragma unroll
  for (int i = 0; i < N; ++i) sums[i] += factor * values[i];
}

// ---- on the host

/// Kernels hold places in 32 bits, with room for a factor of 8.
inline int small(const char* what, std::int64_t size) {
  constexpr std::int64_t kLimit = std::int64_t{1} << 28;
  if (size >= kLimit)
    throw ShapeError(std::string(what) + ": a size of " + std::to_string(size) + ", the limit on a GPU is " +
                     std::to_string(kLimit));
  return static_cast<int>(size);
}

inline Extent extent_of(const char* what, const Shape4& s) {
  return {small(what, s.n), small(what, s.h), small(what, s.w), small(what, s.c)};
}

/// Blocks of a kernel that walks this shape in packs of `width` channels.
inline std::int64_t location_blocks(const Shape4& shape, int width) {
  return stride_blocks(shape.size() / width, kSpatialBlock);
}

/// Whether packed tensors of c channels can be moved in packs of N.
template <int N, class... T>
bool channels_pack(std::int64_t c, T*... data) {
  return c % N == 0 && all_pack<N>(View<T>{data, c}...);
}

}  // namespace uptake::kernels::cuda
