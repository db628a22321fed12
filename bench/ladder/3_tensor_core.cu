// Rung 3: tensor cores.
//
// What changed: who multiplies. Images and filters are BFloat16, and a warp multiplies 16 x 16 by 16 x 8 in one instruction
// (mma.sync.m16n8k16, float sums). A block is 8 warps, a warp computes 64 pixels x 32 channels. Operands lie in
// shared memory as they lie in memory, 32 terms of 128 lines, in chunks of 16 bytes; ldmatrix brings them into the
// registers the instruction wants, and swapping the chunks of a line by an exclusive or with the line's number
// keeps it free of bank conflicts (kernels/conv/own/mma_tiles.cuh).
// Why it should help: the tensor cores do 16 times the float units' multiplications, and half the bytes move.
// What remains: loading and multiplying still take turns, with two barriers a step; now that multiplying is so much
// quicker, it is the waiting that counts.
// Prediction: 100 to 250 TFLOP/s on an H100. Gained over rung 2: not measured yet.
//
// Channels of x in multiples of 32: then the terms of a step belong to one tap. Channels of y in multiples of 2.
#include "bench/ladder/ladder.h"
#include "kernels/conv/own/mma_tiles.cuh"
#include "kernels/detail/launch.cuh"

namespace uptake::bench::ladder {
namespace {

using namespace kernels::cuda;
using namespace kernels::cuda::detail;
using Chunk = Pack<BFloat16, 8>;
using Operand = OperandTile<128, 32, true>;

constexpr int kTile = 128, kTerms = 32, kBlock = 256;
constexpr int kLines = 2;  // a thread's share of an operand: one chunk of each of two lines

__global__ void __launch_bounds__(kBlock)
    ladder_tensor_core_kernel(Shape z, BFloat16* y, const BFloat16* x, const BFloat16* w) {
  UPTAKE_SHARED(patches, BFloat16[Operand::kSize]);
  UPTAKE_SHARED(filters, BFloat16[Operand::kSize]);
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

  float sums[4][4][4] = {};
  for (int tap = 0; tap < 16; ++tap)
    for (int c0 = 0; c0 < z.c; c0 += kTerms) {
#pragma unroll
      for (int i = 0; i < kLines; ++i) {
        const int row = tap / 4, column = tap % 4,
                  place = Operand::offset(first_line + i * (kBlock / 4), chunk);
        const bool inside = static_cast<unsigned>(top[i] + row) < static_cast<unsigned>(z.h) &&
                            static_cast<unsigned>(left_edge[i] + column) < static_cast<unsigned>(z.w);
        Chunk patch_chunk{}, filter_chunk{};
        if (inside)
          patch_chunk = load_pack<8>(corner[i] + (static_cast<std::int64_t>(row) * z.w + column) * z.c + c0);
        if (filter[i] != nullptr) filter_chunk = load_pack<8>(filter[i] + tap * z.c + c0);
        store_pack(patches + place, patch_chunk);
        store_pack(filters + place, filter_chunk);
      }
      __syncthreads();
#pragma unroll
      for (int t = 0; t < kTerms; t += 16) {
        MmaLeft left[4];
        MmaRight right[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) left[i] = Operand::left(patches, warp_m + i * 16, t);
#pragma unroll
        for (int j = 0; j < 4; j += 2) Operand::right(right[j], right[j + 1], filters, warp_k + j * 8, t);
#pragma unroll
        for (int i = 0; i < 4; ++i)
#pragma unroll
          for (int j = 0; j < 4; ++j) mma(sums[i][j], left[i], right[j]);
      }
      __syncthreads();  // nobody overwrites what another still reads
    }

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
  launch(ladder_tensor_core_kernel, Grid(ceil_div(z.m, kTile), ceil_div(z.k, kTile)), kBlock, 0, stream, z, y,
         x, w);
}

}  // namespace

const Rung<BFloat16> kTensorCore{
    "3_tensor_core", [](const Shape& z) { return z.c > 0 && z.c % 32 == 0 && z.k % 2 == 0; }, forward};

}  // namespace uptake::bench::ladder
