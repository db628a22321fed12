// Bugs of indices and pointers. Every kernel of the zoo is right with kBug = false and wrong with kBug = true.
#pragma once
#include "kernels/detail/device.cuh"

namespace uptake::zoo {

using kernels::cuda::load_pack;
using kernels::cuda::store_pack;

__device__ inline int global_index() { return static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); }

/// The guard lets one thread too many through: > where >= is needed.
template <bool kBug>
__global__ void guard_kernel(float* y, int n) {
  const int i = global_index();
  if (kBug ? i > n : i >= n) return;
  y[i] = static_cast<float>(i);
}

/// The last element is forgotten.
template <bool kBug>
__global__ void unwritten_kernel(float* y, int n) {
  const int i = global_index();
  if (i < (kBug ? n - 1 : n)) y[i] = static_cast<float>(i);
}

/// The neighbour on the left of element 0.
template <bool kBug>
__global__ void left_neighbour_kernel(float* y, int n) {
  const int i = global_index();
  if (i < n && (kBug || i > 0)) y[i - 1] = 1;
}

/// The neighbour on the right of the last element, read only.
template <bool kBug>
__global__ void right_neighbour_kernel(float* y, const float* x, int n) {
  const int i = global_index();
  if (i < n) y[i] = x[kBug || i + 1 < n ? i + 1 : i];
}

/// 16 bytes at once from an address that is a multiple of 4 only.
template <bool kBug>
__global__ void misaligned_kernel(float* y, const float* x) {
  store_pack(y, load_pack<4>(x + (kBug ? 1 : 4)));
}

/// Pointers inside a structure.
struct Structure {
  int n;
  float* pointers[2];
};
inline __global__ void structure_kernel(Structure s) { *s.pointers[0] = *s.pointers[1]; }

/// A pointer that is found in device memory, where no check of arguments sees it.
inline __global__ void pointer_table_kernel(float* y, const float* const* table) { *y = *table[0]; }

}  // namespace uptake::zoo
