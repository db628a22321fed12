// Rung 4: a pipeline of asynchronous copies.
//
// What changed: three stages of shared memory. cp.async copies 16 bytes from global to shared memory without
// passing through registers and without anybody waiting; while one stage is multiplied, the next two are on their
// way. One barrier a step: it says that a stage has arrived for all and that the oldest is free.
// Why it should help: the tensor cores no longer wait for memory, nor the memory for them.
// What remains: mma.sync itself, which reaches about 60 % of the peak of a Hopper GPU; the rest needs wgmma.
// Prediction: 300 to 400 TFLOP/s on an H100 for shapes with enough tiles. Gained over rung 3: not measured yet.
//
// Channels of x in multiples of 32, of y in multiples of 2.
#include "bench/ladder/ladder.h"
#include "kernels/conv/own/mma_tiles.cuh"
#include "kernels/detail/launch.cuh"

namespace uptake::bench::ladder {
namespace {

using namespace kernels::cuda;
using namespace kernels::cuda::detail;
using Operand = OperandTile<128, 32, true>;

constexpr int kTile = 128, kTerms = 32, kBlock = 256, kStages = 3;
constexpr int kLines = 2;  // a thread's share of an operand: one chunk of each of two lines

__global__ void __launch_bounds__(kBlock)
    ladder_pipelined_kernel(Shape z, BFloat16* y, const BFloat16* x, const BFloat16* w) {
  UPTAKE_SHARED(stages, BFloat16[kStages][2][Operand::kSize]);  // patches, filters
  const int thread = static_cast<int>(threadIdx.x), lane = thread % kWarp, warp = thread / kWarp;
  const int warp_m = warp / 4 * 64, warp_k = warp % 4 * 32;
  const int first_m = static_cast<int>(blockIdx.x) * kTile, first_k = static_cast<int>(blockIdx.y) * kTile;

  const int chunk = thread % 4, first_line = thread / 4;
  const BFloat16 *corner[kLines], *filter[kLines];  // tap (0,0), which may lie outside
  int top[kLines], left_edge[kLines];
#pragma unroll
  for (int i = 0; i < kLines; ++i) {
    const int line = first_line + i * (kBlock / 4), m = first_m + line, k = first_k + line;
    const int q = m % z.q, p = m / z.q % z.p, n = m / z.q / z.p;
    top[i] = m < z.m ? 2 * p - 1 : -4;  // above the image with every tap
    left_edge[i] = 2 * q - 1;
    corner[i] = x + ((static_cast<std::int64_t>(n) * z.h + top[i]) * z.w + left_edge[i]) * z.c + chunk * 8;
    filter[i] = k < z.k ? w + static_cast<std::int64_t>(k) * 16 * z.c + chunk * 8 : nullptr;
  }

  AsyncCopies copies;
  const int steps_a_tap = z.c / kTerms, steps = 16 * steps_a_tap;
  int tap = 0, c0 = 0;  // of the step that is fetched next
  const auto fetch = [&](int step) {
    if (step < steps) {
#pragma unroll
      for (int i = 0; i < kLines; ++i) {
        const int row = tap / 4, column = tap % 4,
                  place = Operand::offset(first_line + i * (kBlock / 4), chunk);
        const bool inside = static_cast<unsigned>(top[i] + row) < static_cast<unsigned>(z.h) &&
                            static_cast<unsigned>(left_edge[i] + column) < static_cast<unsigned>(z.w);
        const std::int64_t offset = (static_cast<std::int64_t>(row) * z.w + column) * z.c + c0;
        copies.copy(&stages[step % kStages][0][place], inside ? corner[i] + offset : nullptr);
        copies.copy(&stages[step % kStages][1][place],
                    filter[i] != nullptr ? filter[i] + tap * z.c + c0 : nullptr);
      }
      c0 += kTerms;
      if (c0 == z.c) c0 = 0, ++tap;
    }
    copies.end_group();  // past the end an empty one: the count of groups stays the count of steps
  };

  float sums[4][4][4] = {};
#pragma unroll
  for (int step = 0; step < kStages - 1; ++step) fetch(step);
  for (int step = 0; step < steps; ++step) {
    copies.wait<kStages - 2>();
    __syncthreads();
    fetch(step + kStages - 1);
#pragma unroll
    for (int t = 0; t < kTerms; t += 16) {
      MmaLeft left[4];
      MmaRight right[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) left[i] = Operand::left(stages[step % kStages][0], warp_m + i * 16, t);
#pragma unroll
      for (int j = 0; j < 4; j += 2)
        Operand::right(right[j], right[j + 1], stages[step % kStages][1], warp_k + j * 8, t);
#pragma unroll
      for (int i = 0; i < 4; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) mma(sums[i][j], left[i], right[j]);
    }
  }
  copies.wait<0>();

#pragma unroll
  for (int i = 0; i < 4; ++i)
#pragma unroll
    for (int j = 0; j < 4; ++j)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int m = first_m + warp_m + i * 16 + lane / 4 + half * 8;
        const int k = first_k + warp_k + j * 8 + lane % 4 * 2;
        const Pack<BFloat16, 2> pair{{BFloat16(sums[i][j][half * 2]), BFloat16(sums[i][j][half * 2 + 1])}};
        if (m < z.m && k < z.k) store_pack(y + static_cast<std::int64_t>(m) * z.k + k, pair);
      }
}

void forward(const Shape& z, BFloat16* y, const BFloat16* x, const BFloat16* w, StreamHandle stream) {
  launch(ladder_pipelined_kernel, Grid(ceil_div(z.m, kTile), ceil_div(z.k, kTile)), kBlock, 0, stream, z, y,
         x, w);
}

}  // namespace

const Rung<BFloat16> kPipelined{
    "4_pipelined", [](const Shape& z) { return z.c > 0 && z.c % 32 == 0 && z.k % 2 == 0; }, forward};

}  // namespace uptake::bench::ladder
