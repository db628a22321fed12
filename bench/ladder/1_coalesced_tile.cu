// Rung 1: tiles in shared memory, filled by coalesced loads.
//
// What changed: a block computes 16 pixels x 16 channels. For 32 terms of the sum at a time it brings its 16 rows
// of patches and its 16 filters into shared memory; a warp reads 32 neighbouring floats, one line of the memory.
// Why it should help: what is read from memory once serves 16 threads, and no byte of a transaction is wasted.
// What remains: every multiplication reads two numbers from shared memory, which can give a warp one a cycle where
// the arithmetic could take four.
// Prediction: 5 to 10 TFLOP/s on an H100. Gained over rung 0: not measured yet.
#include "bench/ladder/ladder.h"
#include "kernels/detail/device.cuh"
#include "kernels/detail/launch.cuh"

namespace uptake::bench::ladder {
namespace {

constexpr int kTile = 16, kTerms = 32, kBlock = kTile * kTile;
constexpr int kLines = 2;  // a thread's share of an operand: one term of each of two lines

__global__ void __launch_bounds__(kBlock)
    ladder_coalesced_tile_kernel(Shape z, float* y, const float* x, const float* w) {
  UPTAKE_SHARED(patches, float[kTile][kTerms + 1]);  // one more: a column's elements lie in different banks
  UPTAKE_SHARED(filters, float[kTile][kTerms + 1]);
  const int thread = static_cast<int>(threadIdx.x), term = thread % kTerms, first_line = thread / kTerms;
  const int first_m = static_cast<int>(blockIdx.x) * kTile, first_k = static_cast<int>(blockIdx.y) * kTile;
  const int pixel = thread / kTile, channel = thread % kTile;
  const int terms = 16 * z.c;
  std::int64_t image[kLines];  // the first row of the line's image
  int top[kLines], left[kLines];
#pragma unroll
  for (int i = 0; i < kLines; ++i) {
    const int m = first_m + first_line + i * (kBlock / kTerms), q = m % z.q, p = m / z.q % z.p;
    image[i] = static_cast<std::int64_t>(m / z.q / z.p) * z.h;
    top[i] = m < z.m ? 2 * p - 1 : -4;  // above the image with every tap
    left[i] = 2 * q - 1;
  }
  float sum = 0;
  for (int k0 = 0; k0 < terms; k0 += kTerms) {
    const int kk = k0 + term, tap = kk / z.c, c = kk % z.c;
#pragma unroll
    for (int i = 0; i < kLines; ++i) {
      const int line = first_line + i * (kBlock / kTerms), k = first_k + line;
      const int row = top[i] + tap / 4, column = left[i] + tap % 4;
      const bool inside = kk < terms && row >= 0 && row < z.h && column >= 0 && column < z.w;
      patches[line][term] = inside ? x[((image[i] + row) * z.w + column) * z.c + c] : 0.0f;
      filters[line][term] = kk < terms && k < z.k ? w[static_cast<std::int64_t>(k) * terms + kk] : 0.0f;
    }
    __syncthreads();
#pragma unroll
    for (int t = 0; t < kTerms; ++t) sum += patches[pixel][t] * filters[channel][t];
    __syncthreads();  // nobody overwrites what another still reads
  }
  const int m = first_m + pixel, k = first_k + channel;
  if (m < z.m && k < z.k) y[static_cast<std::int64_t>(m) * z.k + k] = sum;
}

void forward(const Shape& z, float* y, const float* x, const float* w, StreamHandle stream) {
  using namespace kernels::cuda;
  launch(ladder_coalesced_tile_kernel, Grid(ceil_div(z.m, kTile), ceil_div(z.k, kTile)), kBlock, 0, stream, z,
         y, x, w);
}

}  // namespace

const Rung<float> kCoalescedTile{"1_coalesced_tile", [](const Shape&) { return true; }, forward};

}  // namespace uptake::bench::ladder
