// Bugs of warp operations.
#pragma once
#include "kernels/detail/device.cuh"

namespace uptake::zoo {

/// The mask leaves out lanes that call.
template <bool kBug>
__global__ void mask_without_caller_kernel(int* y) {
  y[threadIdx.x] = __shfl_xor_sync(kBug ? 0x0000ffffu : 0xffffffffu, static_cast<int>(threadIdx.x), 1);
}

/// The mask names lanes that went another way.
template <bool kBug>
__global__ void mask_of_all_in_a_branch_kernel(int* y) {
  if (threadIdx.x < 16)
    y[threadIdx.x] = __shfl_xor_sync(kBug ? 0xffffffffu : 0x0000ffffu, static_cast<int>(threadIdx.x), 1);
  else
    y[threadIdx.x] = -1;
}

/// A lane outside the mask is read.
template <bool kBug>
__global__ void inactive_source_kernel(int* y) {
  if (threadIdx.x < 16)
    y[threadIdx.x] = __shfl_sync(0x0000ffffu, static_cast<int>(threadIdx.x), kBug ? 20 : 3);
}

/// Both halves call, with the same mask of all lanes, but at two places.
template <bool kBug>
__global__ void diverged_shuffle_kernel(int* y) {
  const auto value = static_cast<int>(threadIdx.x);
  if (!kBug || value < 16)
    y[value] = __shfl_down_sync(0xffffffffu, value, 1);
  else
    y[value] = __shfl_down_sync(0xffffffffu, value, 1);
}

/// A warp operation where one lane reads what another has just written, without __syncwarp() in between.
template <bool kBug>
__global__ void missing_syncwarp_kernel(int* y) {
  UPTAKE_SHARED(values, int[32]);
  const auto lane = static_cast<int>(threadIdx.x);
  values[lane] = lane;
  if (!kBug) __syncwarp();
  y[lane] = values[31 - lane];
}

}  // namespace uptake::zoo
