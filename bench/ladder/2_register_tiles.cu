// Rung 2: a tile of results a thread, in registers.
//
// What changed: a block computes 128 pixels x 128 channels, a thread 8 x 8 of them, as four quads of 4 x 4 spread
// over the tile. Global loads move 16 bytes. Shared memory has two buffers: while one is multiplied, the next tile
// travels into registers, and then into the other buffer, so one barrier a step is enough.
// Why it should help: 16 numbers from shared memory now serve 64 multiplications instead of 1 for 2, so shared
// memory is no longer what limits; the latency of global memory hides behind 512 multiplications a thread.
// What remains: the float units themselves, about 60 TFLOP/s.
// Prediction: 25 to 40 TFLOP/s on an H100. Gained over rung 1: not measured yet.
//
// Channels of x in multiples of 8: then the 8 terms of a step belong to one tap. Channels of y in multiples of 4.
#include "bench/ladder/ladder.h"
#include "kernels/detail/device.cuh"
#include "kernels/detail/launch.cuh"

namespace uptake::bench::ladder {
namespace {

using namespace kernels::cuda;
using Quad = Pack<float, 4>;

constexpr int kTile = 128, kTerms = 8, kBlock = 256, kPitch = kTile + 4;

// A thread's i-th row or column of its 8: quads lie half a tile apart, so a warp reads neighbouring quads.
__device__ int place(int thread, int i) { return i / 4 * (kTile / 2) + thread * 4 + i % 4; }

__device__ Quad load_quad(const float* p) { return p != nullptr ? load_pack<4>(p) : Quad{{0, 0, 0, 0}}; }

// Four terms of one line, into a tile where a term's elements are contiguous.
__device__ void put(float (&tile)[kTerms][kPitch], int line, int term, const Quad& quad) {
#pragma unroll
  for (int t = 0; t < 4; ++t) tile[term + t][line] = quad.value[t];
}

__global__ void __launch_bounds__(kBlock)
    ladder_register_tiles_kernel(Shape z, float* y, const float* x, const float* w) {
  UPTAKE_SHARED(patches, float[2][kTerms][kPitch]);
  UPTAKE_SHARED(filters, float[2][kTerms][kPitch]);
  const int thread = static_cast<int>(threadIdx.x), thread_m = thread / 16, thread_k = thread % 16;
  const int first_m = static_cast<int>(blockIdx.x) * kTile, first_k = static_cast<int>(blockIdx.y) * kTile;

  // What this thread loads: four of the eight terms of one line of each operand.
  const int line = thread / 2, term = thread % 2 * 4;
  const int m = first_m + line, q = m % z.q, p = m / z.q % z.p, n = m / z.q / z.p;
  const float* filter =
      first_k + line < z.k ? w + static_cast<std::int64_t>(first_k + line) * 16 * z.c : nullptr;
  const auto patch = [&](int tap, int c) -> const float* {
    const int row = 2 * p - 1 + tap / 4, column = 2 * q - 1 + tap % 4;
    if (m >= z.m || row < 0 || row >= z.h || column < 0 || column >= z.w) return nullptr;
    return x + ((static_cast<std::int64_t>(n) * z.h + row) * z.w + column) * z.c + c;
  };

  float sums[8][8] = {};
  Quad next_patch = load_quad(patch(0, term));
  Quad next_filter = load_quad(filter == nullptr ? nullptr : filter + term);
  put(patches[0], line, term, next_patch);
  put(filters[0], line, term, next_filter);
  __syncthreads();

  int now = 0, tap = 0, c0 = 0;
  const int steps = 2 * z.c;  // 16 c terms, 8 a step
  for (int step = 1; step <= steps; ++step) {
    c0 += kTerms;
    if (c0 == z.c) c0 = 0, ++tap;
    if (step < steps) {
      next_patch = load_quad(patch(tap, c0 + term));
      next_filter = load_quad(filter == nullptr ? nullptr : filter + step * kTerms + term);
    }
#pragma unroll
    for (int t = 0; t < kTerms; ++t) {
      float left[8], right[8];
#pragma unroll
      for (int i = 0; i < 8; i += 4) {
        const Quad a = load_pack<4>(&patches[now][t][place(thread_m, i)]);
        const Quad b = load_pack<4>(&filters[now][t][place(thread_k, i)]);
#pragma unroll
        for (int j = 0; j < 4; ++j) left[i + j] = a.value[j], right[i + j] = b.value[j];
      }
#pragma unroll
      for (int i = 0; i < 8; ++i)
#pragma unroll
        for (int j = 0; j < 8; ++j) sums[i][j] += left[i] * right[j];
    }
    if (step < steps) {
      put(patches[1 - now], line, term, next_patch);
      put(filters[1 - now], line, term, next_filter);
    }
    now = 1 - now;
    __syncthreads();
  }

#pragma unroll
  for (int i = 0; i < 8; ++i)
#pragma unroll
    for (int j = 0; j < 8; j += 4) {
      const int pixel = first_m + place(thread_m, i), k = first_k + place(thread_k, j);
      if (pixel < z.m && k < z.k)
        store_pack(y + static_cast<std::int64_t>(pixel) * z.k + k,
                   Quad{{sums[i][j], sums[i][j + 1], sums[i][j + 2], sums[i][j + 3]}});
    }
}

void forward(const Shape& z, float* y, const float* x, const float* w, StreamHandle stream) {
  launch(ladder_register_tiles_kernel, Grid(ceil_div(z.m, kTile), ceil_div(z.k, kTile)), kBlock, 0, stream, z,
         y, x, w);
}

}  // namespace

const Rung<float> kRegisterTiles{
    "2_register_tiles", [](const Shape& z) { return z.c > 0 && z.c % 8 == 0 && z.k % 4 == 0; }, forward};

}  // namespace uptake::bench::ladder
