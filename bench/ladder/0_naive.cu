// Rung 0: the definition. One thread a result, all operands from memory.
//
// What it costs: every multiplication reads two numbers. Neighbouring threads compute neighbouring channels of one
// pixel: they read the same x, which the cache serves once a warp, but filters 16 c elements apart, so each lane of
// a load touches a sector of its own and uses 4 of its 32 bytes.
// Prediction: 0.5 to 3 TFLOP/s on an H100, bound by the cache's bandwidth. Gained: the starting point; not measured
// yet.
#include "bench/ladder/ladder.h"
#include "kernels/detail/launch.cuh"

namespace uptake::bench::ladder {
namespace {

constexpr int kBlock = 256;

__global__ void __launch_bounds__(kBlock)
    ladder_naive_kernel(Shape z, float* y, const float* x, const float* w) {
  const std::int64_t index = static_cast<std::int64_t>(blockIdx.x) * kBlock + threadIdx.x;
  if (index >= static_cast<std::int64_t>(z.m) * z.k) return;
  const int k = static_cast<int>(index % z.k), m = static_cast<int>(index / z.k);
  const int q = m % z.q, p = m / z.q % z.p, n = m / z.q / z.p;
  float sum = 0;
  for (int i = 0; i < 4; ++i) {
    const int row = 2 * p - 1 + i;
    if (row < 0 || row >= z.h) continue;
    for (int j = 0; j < 4; ++j) {
      const int column = 2 * q - 1 + j;
      if (column < 0 || column >= z.w) continue;
      const float* from = x + ((static_cast<std::int64_t>(n) * z.h + row) * z.w + column) * z.c;
      const float* tap = w + ((static_cast<std::int64_t>(k) * 4 + i) * 4 + j) * z.c;
      for (int c = 0; c < z.c; ++c) sum += from[c] * tap[c];
    }
  }
  y[index] = sum;
}

void forward(const Shape& z, float* y, const float* x, const float* w, StreamHandle stream) {
  using namespace kernels::cuda;
  launch(ladder_naive_kernel, Grid(ceil_div(static_cast<std::int64_t>(z.m) * z.k, kBlock)), kBlock, 0, stream,
         z, y, x, w);
}

}  // namespace

const Rung<float> kNaive{"0_naive", [](const Shape&) { return true; }, forward};

}  // namespace uptake::bench::ladder
