// Bugs of barriers.
#pragma once
#include "kernels/detail/device.cuh"

namespace uptake::zoo {

using kernels::cuda::warp_sum;

/// Turns 64 values around through shared memory: the barrier between writing and reading is missing.
template <bool kBug>
__global__ void missing_barrier_kernel(float* x) {
  UPTAKE_SHARED(tile, float[64]);
  tile[threadIdx.x] = x[threadIdx.x];
  if (!kBug) __syncthreads();
  x[threadIdx.x] = tile[63 - threadIdx.x];
}

/// block_sum without its second barrier: a fast warp writes its part of the next sum before a slow one has read the
/// parts of this one.
template <bool kBug>
__device__ float sum_of_block(float value) {
  UPTAKE_SHARED(partial, float[4]);
  const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  value = warp_sum(value);
  if (lane == 0) partial[warp] = value;
  __syncthreads();
  float total = 0;
  for (int i = 0; i < 4; ++i) total += partial[i];
  if (!kBug) __syncthreads();
  return total;
}
template <bool kBug>
__global__ void two_sums_kernel(float* y) {
  const float first = sum_of_block<kBug>(1), second = sum_of_block<kBug>(2);
  y[threadIdx.x] = first + 1000 * second;
}

/// Both branches have a barrier, but not the same one.
template <bool kBug>
__global__ void divergent_barrier_kernel(float* y) {
  if (kBug && threadIdx.x < 16) {
    y[threadIdx.x] = 1;
    __syncthreads();
  } else {
    y[threadIdx.x] = 2;
    __syncthreads();
  }
}

/// Threads beyond the end leave before the barrier.
template <bool kBug>
__global__ void early_return_kernel(float* y, unsigned n) {
  UPTAKE_SHARED(tile, float[64]);
  if (kBug && threadIdx.x >= n) return;
  tile[threadIdx.x] = static_cast<float>(threadIdx.x);
  __syncthreads();
  if (threadIdx.x < n) y[threadIdx.x] = tile[n - 1 - threadIdx.x];
}

/// One warp waits for the block, another for its own lanes, one of which waits for the block.
template <bool kBug>
__global__ void deadlock_kernel() {
  if (!kBug || threadIdx.x == 0)
    __syncthreads();
  else
    __syncwarp();
  if (kBug) __syncthreads();
}

}  // namespace uptake::zoo
