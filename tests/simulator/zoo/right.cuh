// Correct kernels that use what the simulator offers.
#pragma once
#include "kernels/detail/device.cuh"

namespace uptake::zoo {

using kernels::cuda::block_sum;

/// y[block] = the sum of the block's part of x, twice over.
template <int kBlock>
__global__ void sum_kernel(float* y, const float* x, int n) {
  float sum = 0;
  for (int i = static_cast<int>(blockIdx.x * kBlock + threadIdx.x); i < n;
       i += static_cast<int>(gridDim.x) * kBlock)
    sum += x[i];
  sum = block_sum<kBlock>(sum);
  sum += block_sum<kBlock>(threadIdx.x == 0 ? sum : 0);
  if (threadIdx.x == 0) y[blockIdx.x] = sum;
}

/// What each lane gets from each kind of shuffle: y[kind * 32 + lane].
inline __global__ void shuffles_kernel(int* y) {
  const auto lane = static_cast<int>(threadIdx.x);
  const unsigned all = 0xffffffffu;
  const int value = 100 + lane;
  y[0 * 32 + lane] = __shfl_sync(all, value, 5);
  y[1 * 32 + lane] = __shfl_sync(all, value, 3, 8);
  y[2 * 32 + lane] = __shfl_xor_sync(all, value, 1);
  y[3 * 32 + lane] = __shfl_xor_sync(all, value, 12, 8);  // beyond the segment of 8 upwards: the own value
  y[4 * 32 + lane] = __shfl_down_sync(all, value, 4);
  y[5 * 32 + lane] = __shfl_down_sync(all, value, 4, 16);
  y[6 * 32 + lane] = __shfl_up_sync(all, value, 4);
  y[7 * 32 + lane] = __shfl_up_sync(all, value, 4, 16);
  y[8 * 32 + lane] = __shfl_sync(all, value, 35);  // the lane number is taken modulo the width
}

/// Votes, of the whole warp and of its halves, which meet separately.
inline __global__ void votes_kernel(unsigned* y) {
  const unsigned lane = threadIdx.x;
  y[lane] = __ballot_sync(0xffffffffu, lane % 3 == 0);
  if (lane < 16) {
    y[32 + lane] = __ballot_sync(0x0000ffffu, lane % 2 == 0);
    y[64 + lane] = static_cast<unsigned>(__any_sync(0x0000ffffu, lane == 7));
  } else {
    y[32 + lane] = __ballot_sync(0xffff0000u, lane % 2 == 0);
    y[64 + lane] = static_cast<unsigned>(__any_sync(0xffff0000u, lane == 7));
  }
  y[96 + lane] = static_cast<unsigned>(__all_sync(0xffffffffu, lane < 32)) +
                 2 * static_cast<unsigned>(__all_sync(0xffffffffu, lane < 31));
}

/// Lane 0 meets lane 2, then lane 1, who may have to wait for it.
__device__ inline int from_lane(int source, unsigned mask, int value) {
  return __shfl_sync(mask, value, source);
}
inline __global__ void overlapping_masks_kernel(int* y) {
  const unsigned lane = threadIdx.x;
  if (lane == 0) y[2] = from_lane(2, 0x5u, 10);
  if (lane == 2) from_lane(2, 0x5u, 12);
  if (lane == 0) y[1] = from_lane(1, 0x3u, 20);
  if (lane == 1) y[0] = from_lane(0, 0x3u, 21);
}

/// 8-byte shuffles, and the exchange that emulates tensor-core instructions.
inline __global__ void exchange_kernel(double* sums, double* shuffled) {
  const auto lane = static_cast<int>(threadIdx.x);
  struct Two {
    double a, b;
  } all[32];
  const Two mine{static_cast<double>(lane), 0.5};
  sim::warp_exchange(&mine, sizeof mine, all);
  double sum = 0;
  for (const Two& two : all) sum += two.a + two.b;
  sums[lane] = sum;
  shuffled[lane] = __shfl_xor_sync(0xffffffffu, mine.a / 3, 31);
}

/// Where every thread is: y[thread] = its position written as one number.
inline __global__ void positions_kernel(unsigned* y) {
  const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  const unsigned threads = blockDim.x * blockDim.y * blockDim.z;
  y[block * threads + thread] += 100000 * blockIdx.z + 10000 * blockIdx.y + 1000 * blockIdx.x +
                                 100 * threadIdx.z + 10 * threadIdx.y + threadIdx.x;
}

/// Each block must find its shared memory as new; y counts the numbers that are not NaN, and bytes that are not 0xff.
template <class T>
__global__ void fresh_shared_kernel(int* y) {
  UPTAKE_SHARED(first, T[40]);
  UPTAKE_SHARED(
      second, struct { T value; });
  UPTAKE_SHARED_DYNAMIC(third, T);
  if (threadIdx.x == 0) {
    for (int i = 0; i < 40; ++i) *y += first[i] == first[i];
    const auto* bytes = reinterpret_cast<const unsigned char*>(first);
    for (std::size_t i = 0; i < sizeof first; ++i) *y += bytes[i] != 0xff;
    *y += second.value == second.value;
    for (int i = 0; i < 10; ++i) *y += third[i] == third[i];
  }
  __syncthreads();
  first[threadIdx.x % 40] = 1;
  second.value = 1;
  third[threadIdx.x % 10] = 1;
}

/// Takes a number each; the last block to finish adds up what the others wrote.
inline __global__ void last_block_kernel(int* parts, unsigned* finished, int* total) {
  UPTAKE_SHARED(last, int[1]);
  if (threadIdx.x == 0) {
    parts[blockIdx.x] = static_cast<int>(blockIdx.x) + 1;
    __threadfence();
    last[0] = atomicInc(finished, gridDim.x - 1) == gridDim.x - 1;
  }
  __syncthreads();
  if (last[0] == 0 || threadIdx.x != 0) return;
  *total = 0;
  for (unsigned i = 0; i < gridDim.x; ++i) *total += parts[i];
}

/// Numbers of which some look like addresses in part.
struct Numbers {
  int a, b;
  float c, d;
  long long e;
  int* pointer;
};
inline __global__ void numbers_kernel(Numbers numbers, float, long long, unsigned) {
  *numbers.pointer = numbers.a;
}

/// Every thread signs up twice; between, the lanes of its warp meet.
inline __global__ void arrivals_kernel(unsigned* next, unsigned* y) {
  const unsigned id = 1000 * blockIdx.x + 2 * threadIdx.x,
                 lanes = min(32u, blockDim.x - threadIdx.x / 32 * 32);
  y[atomicAdd(next, 1u)] = id;
  __syncwarp(lanes == 32 ? 0xffffffffu : (1u << lanes) - 1);
  y[atomicAdd(next, 1u)] = id + 1;
}

/// Says which thread ran last.
inline __global__ void last_thread_kernel(int* y) { *y = static_cast<int>(threadIdx.x); }

/// Adds 1 to x.
inline __global__ void increment_kernel(float* x) { *x += 1; }

/// Threads beyond n leave before a barrier: allowed on a GPU, and here when asked for.
inline __global__ void leaving_kernel(int* y, unsigned n) {
  if (threadIdx.x >= n) return;
  __syncthreads();
  y[threadIdx.x] = 1;
}

/// One thread ends with an exception of its own while the others wait, holding on to something.
struct Counted {
  explicit Counted(int* counter) : counter_(counter) { ++*counter_; }
  ~Counted() { --*counter_; }
  int* counter_;
};
struct Refusal {};
inline __global__ void throwing_kernel(int* alive) {
  const Counted counted(alive);
  if (threadIdx.x == 40) throw Refusal();
  __syncthreads();
}

}  // namespace uptake::zoo
