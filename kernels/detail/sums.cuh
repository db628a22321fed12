// Sums of many numbers to one: every thread keeps a compensated float sum, a block adds its threads' sums in a
// fixed order, one small block adds the blocks' sums in double. Internal to kernels/.
#pragma once
#include "kernels/detail/device.cuh"
#include "kernels/detail/launch.cuh"
#include "kernels/detail/sweep.cuh"

namespace uptake::kernels::cuda {

/// A float sum that remembers what rounding took away (Knuth's two-sum), as exact as one rounding for as many
/// terms as a thread can meet.
struct CompensatedSum {
  float sum = 0, lost = 0;

  __device__ void add(float term) {
    const float next = sum + term, taken = next - sum;
    lost += (sum - (next - taken)) + (term - taken);
    sum = next;
  }
  /// A sum that is infinite stays so: what it lost is then not a number.
  __device__ float value() const { return lost == lost ? sum + lost : sum; }
};

inline constexpr int kSumBlock = 512;
/// Up to this many elements one block is quicker than a second launch.
inline constexpr std::int64_t kOneBlockElements = 16384;
inline constexpr std::int64_t kSumBlocks = kPlannedMultiprocessors * 4;

/// Blocks of a kernel that sums over this sweep; share(kSumBlock, ...) comes first.
inline std::int64_t sum_blocks(const Sweep& s) {
  if (s.total <= kOneBlockElements) return 1;
  return stride_blocks(s.rows, s.rows_at_once(kSumBlock), kSumBlocks);
}

/// The end of a summing kernel: all threads of a block of kSumBlock come with their own sums. The only block
/// of a grid writes the result, sum / divisor; otherwise each writes its partial sum.
static __device__ inline void finish_block(double* result, float* partials, double divisor,
                                           const CompensatedSum& sum) {
  const float total = block_sum<kSumBlock>(sum.value());
  if (threadIdx.x != 0) return;
  if (gridDim.x == 1)
    *result = static_cast<double>(total) / divisor;
  else
    partials[blockIdx.x] = total;
}

/// *result = sum of partials / divisor, by one block.
template <int kBlock>
__global__ void __launch_bounds__(kBlock)
    sum_partials_kernel(double* result, const float* partials, int count, double divisor) {
  double sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kBlock) sum += static_cast<double>(partials[i]);
  sum = block_sum<kBlock>(sum);
  if (threadIdx.x == 0) *result = sum / divisor;
}

/// Launches a summing kernel through launch_kernel(blocks, partials) and what adds its partial sums.
template <class LaunchKernel>
void launch_sum(double* result, const Sweep& s, double divisor, StreamHandle stream,
                const LaunchKernel& launch_kernel) {
  const std::int64_t blocks = sum_blocks(s);
  if (blocks == 1) return launch_kernel(blocks, static_cast<float*>(nullptr));
  const Scratch<float> partials(blocks);
  launch_kernel(blocks, partials.data());
  launch(sum_partials_kernel<256>, 1, 256, 0, stream, result, partials.data(), static_cast<int>(blocks),
         divisor);
}

}  // namespace uptake::kernels::cuda
