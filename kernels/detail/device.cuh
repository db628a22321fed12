// What every kernel needs: shared memory through one macro, warp and block reductions in a fixed order, and
// 16-byte packs. Compiled by nvcc for the GPU and by g++ for the simulator. Internal to kernels/.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/base/types.h"

// UPTAKE_SHARED(name, type): a block's shared array, e.g. UPTAKE_SHARED(tile, float[16][17]). The simulator
// brings its own version, which fills the memory with NaN and watches its borders. The type must not need
// construction. UPTAKE_SHARED_DYNAMIC(name, T): T* to the launch's shared_bytes, 16-byte aligned.
#ifndef UPTAKE_SHARED
#define UPTAKE_SHARED(name, ...)   \
  using name##_type = __VA_ARGS__; \
  __shared__ __align__(16) name##_type name
#define UPTAKE_SHARED_DYNAMIC(name, T)                                   \
  extern __shared__ __align__(16) unsigned char uptake_dynamic_shared[]; \
  T* const name = reinterpret_cast<T*>(uptake_dynamic_shared)
#endif

namespace uptake::kernels::cuda {

inline constexpr int kWarp = 32;
inline constexpr unsigned kAllLanes = 0xffffffffu;

/// Sum over the warp, in a fixed order; every lane gets it. All 32 lanes must call.
template <class A>
__device__ A warp_sum(A value) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2) value += __shfl_xor_sync(kAllLanes, value, offset);
  return value;
}

/// Sum over a block of kBlock threads (a multiple of 32), in a fixed order; every thread gets it. All threads
/// must call; may be called again at once.
template <int kBlock, class A>
__device__ A block_sum(A value) {
  static_assert(kBlock % kWarp == 0 && kBlock <= 1024);
  constexpr int kWarps = kBlock / kWarp;
  UPTAKE_SHARED(partial, A[kWarps]);
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  value = warp_sum(value);
  if (lane == 0) partial[warp] = value;
  __syncthreads();
  A total = 0;
  for (int i = 0; i < kWarps; ++i) total += partial[i];
  __syncthreads();  // nobody writes the next sum's partials before everybody has read these
  return total;
}

/// N neighbours moved as one access: 16 bytes when N = kVector<T>.
template <class T, int N>
struct alignas(sizeof(T) * N) Pack {
  T value[N];
};
template <class T>
inline constexpr int kVector = static_cast<int>(16 / sizeof(T));

template <int N, class T>
__device__ Pack<T, N> load_pack(const T* p) {
  return *reinterpret_cast<const Pack<T, N>*>(p);
}
template <int N, class T>
__device__ void store_pack(T* p, const Pack<T, N>& pack) {
  *reinterpret_cast<Pack<T, N>*>(p) = pack;
}

/// Whether rows of a view can be moved in packs of N: base and pitch are multiples of N elements.
template <int N, class T>
bool packs(View<T> view) {
  return is_aligned(view.data, sizeof(T) * N) && view.pitch % N == 0;
}

}  // namespace uptake::kernels::cuda
