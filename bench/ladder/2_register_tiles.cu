// Rung 2: a tile of results a thread, in registers.
//
// What changed: a thread computes 8 x 8 results instead of one, as four quads of 4 x 4 spread over the tile of its
// block, which so becomes 128 pixels x 128 channels. For 8 terms of the sum at a time, a thread brings four of one
// line of each operand, in one load of 16 bytes, and shared memory holds them term by term: a quad is one access.
// Why it should help: 16 numbers from shared memory now serve 64 multiplications instead of 2 for 1, so shared memory
// is no longer what limits.
// What remains: loading and multiplying take turns, with two barriers a step; and the float units themselves, about
// 60 TFLOP/s.
// Prediction: 15 to 30 TFLOP/s on an H100. Gained over rung 1: not measured yet.
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
  UPTAKE_SHARED(patches, float[kTerms][kPitch]);
  UPTAKE_SHARED(filters, float[kTerms][kPitch]);
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
  int tap = 0, c0 = 0;
  const int steps = 2 * z.c;  // 16 c terms, 8 a step
  for (int step = 0; step < steps; ++step) {
    put(patches, line, term, load_quad(patch(tap, c0 + term)));
    put(filters, line, term, load_quad(filter == nullptr ? nullptr : filter + step * kTerms + term));
    __syncthreads();
#pragma unroll
    for (int t = 0; t < kTerms; ++t) {
      float left[8], right[8];
#pragma unroll
      for (int i = 0; i < 8; i += 4) {
        const Quad a = load_pack<4>(&patches[t][place(thread_m, i)]);
        const Quad b = load_pack<4>(&filters[t][place(thread_k, i)]);
#pragma unroll
        for (int j = 0; j < 4; ++j) left[i + j] = a.value[j], right[i + j] = b.value[j];
      }
#pragma unroll
      for (int i = 0; i < 8; ++i)
#pragma unroll
        for (int j = 0; j < 8; ++j) sums[i][j] += left[i] * right[j];
    }
    __syncthreads();  // nobody overwrites what another still reads
    c0 += kTerms;
    if (c0 == z.c) c0 = 0, ++tap;
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
