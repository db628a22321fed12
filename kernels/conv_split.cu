// Adds up the pieces of sums, in a fixed order. Moves (splits + 1) floats an element.
#include "kernels/conv_split.h"

#include "kernels/detail/conv_epilogue.cuh"
#include "kernels/detail/launch.cuh"

namespace uptake::kernels::cuda::detail {
namespace {

constexpr int kBlock = 128;

__device__ float sum_pieces(const float* partial, int splits, std::int64_t size, std::int64_t index) {
  float sum = 0;
  for (int s = 0; s < splits; ++s) sum += partial[s * size + index];
  return sum;
}

template <class T>
__global__ void __launch_bounds__(kBlock)
    conv_finish_kernel(T* out, const float* partial, int splits, std::int64_t size, int channels,
                       Epilogue epilogue) {
  const std::int64_t index = static_cast<std::int64_t>(blockIdx.x) * kBlock + threadIdx.x;
  if (index < size)
    out[index] =
        T(epilogue.value(sum_pieces(partial, splits, size, index), static_cast<int>(index % channels)));
}

__global__ void __launch_bounds__(kBlock)
    conv_finish_filters_kernel(float* out, const float* partial, int splits, std::int64_t size, Write write) {
  const std::int64_t index = static_cast<std::int64_t>(blockIdx.x) * kBlock + threadIdx.x;
  if (index >= size) return;
  const float sum = sum_pieces(partial, splits, size, index);
  out[index] = write == Write::add ? out[index] + sum : sum;
}

}  // namespace

template <class T>
void Partials::finish(T* out, std::int64_t channels, const ConvEpilogue<T>& epilogue,
                      StreamHandle stream) const {
  if (memory_)
    launch(conv_finish_kernel<T>, Grid(ceil_div(size_, kBlock)), kBlock, 0, stream, out, data(),
           static_cast<int>(splits_), size_, static_cast<int>(channels), make_epilogue(epilogue));
}

void Partials::finish(float* out, Write write, StreamHandle stream) const {
  if (memory_)
    launch(conv_finish_filters_kernel, Grid(ceil_div(size_, kBlock)), kBlock, 0, stream, out, data(),
           static_cast<int>(splits_), size_, write);
}

template void Partials::finish<float>(float*, std::int64_t, const ConvEpilogue<float>&, StreamHandle) const;
template void Partials::finish<BFloat16>(BFloat16*, std::int64_t, const ConvEpilogue<BFloat16>&,
                                         StreamHandle) const;

}  // namespace uptake::kernels::cuda::detail
