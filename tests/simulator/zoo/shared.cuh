// Bugs of shared memory, and of sums.
#pragma once
#include "kernels/detail/device.cuh"

namespace uptake::zoo {

/// One element too few.
template <bool kBug>
__global__ void undersized_kernel(float* y) {
  UPTAKE_SHARED(tile, float[kBug ? 63 : 64]);
  tile[threadIdx.x] = static_cast<float>(threadIdx.x);
  __syncthreads();
  y[threadIdx.x] = tile[threadIdx.x];
}

/// As many floats as there are threads; the launch may ask for fewer bytes.
inline __global__ void dynamic_kernel(float* y) {
  UPTAKE_SHARED_DYNAMIC(tile, float);
  tile[threadIdx.x] = static_cast<float>(threadIdx.x);
  __syncthreads();
  y[threadIdx.x] = tile[threadIdx.x];
}

/// Adds to counters that nobody has set to zero.
template <bool kBug>
__global__ void uninitialised_kernel(float* y) {
  UPTAKE_SHARED(sums, float[32]);
  if (!kBug) sums[threadIdx.x] = 0;
  sums[threadIdx.x] += 1;
  y[threadIdx.x] = sums[threadIdx.x];
}

/// 64 KiB, where 48 are the limit.
template <bool kBug>
__global__ void too_much_shared_kernel(float* y) {
  UPTAKE_SHARED(large, float[(kBug ? 16 : 8) * 1024]);
  large[threadIdx.x] = 1;
  y[threadIdx.x] = large[threadIdx.x];
}

/// A sum of floats in the order in which the threads arrive; right is the order of their numbers.
template <bool kBug>
__global__ void arrival_order_kernel(float* y, const float* x) {
  UPTAKE_SHARED(slots, float[64]);
  UPTAKE_SHARED(next, unsigned[1]);
  if (threadIdx.x == 0) next[0] = 0;
  __syncthreads();
  slots[kBug ? atomicAdd(&next[0], 1u) : threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  if (threadIdx.x != 0) return;
  float sum = 0;
  for (int i = 0; i < 64; ++i) sum += slots[i];
  *y = sum;
}

}  // namespace uptake::zoo
