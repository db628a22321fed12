// Convolution straight from its definition: one thread an output element, nothing shared, nothing reused. Every
// product reads both operands from memory. The oracle of the other kernels, and their stand-in for empty operands.
#include "kernels/conv/own/conv_epilogue.cuh"
#include "kernels/conv/own/conv_own.h"
#include "kernels/conv/own/conv_sizes.h"
#include "kernels/detail/launch.cuh"

namespace uptake::kernels::cuda::own::naive {
namespace {

using detail::ConvSizes;
using detail::Epilogue;

constexpr int kBlock = 128;

__device__ std::int64_t thread_index() {
  return static_cast<std::int64_t>(blockIdx.x) * kBlock + static_cast<std::int64_t>(threadIdx.x);
}

// Offset of a pixel's first channel.
__device__ std::int64_t at(std::int64_t n, int rows, int row, int columns, int column, int channels) {
  return ((n * rows + row) * columns + column) * channels;
}

template <class T>
__global__ void __launch_bounds__(kBlock)
    conv_naive_forward_kernel(ConvSizes z, T* y, const T* x, const T* w, Epilogue epilogue) {
  const std::int64_t index = thread_index();
  if (index >= static_cast<std::int64_t>(z.n) * z.p * z.q * z.k) return;
  const int k = static_cast<int>(index % z.k);
  const std::int64_t pixel = index / z.k;
  const int q = static_cast<int>(pixel % z.q), p = static_cast<int>(pixel / z.q % z.p);
  const std::int64_t n = pixel / z.q / z.p;
  float sum = 0;
  for (int i = 0; i < z.r; ++i) {
    const int row = p * z.stride - z.pad + i;
    if (row < 0 || row >= z.h) continue;
    for (int j = 0; j < z.s; ++j) {
      const int column = q * z.stride - z.pad + j;
      if (column < 0 || column >= z.w) continue;
      const T* from = x + at(n, z.h, row, z.w, column, z.c);
      const T* tap = w + at(k, z.r, i, z.s, j, z.c);
      for (int c = 0; c < z.c; ++c) sum += static_cast<float>(from[c]) * static_cast<float>(tap[c]);
    }
  }
  y[index] = T(epilogue.value(sum, k));
}

template <class T>
__global__ void __launch_bounds__(kBlock)
    conv_naive_backward_data_kernel(ConvSizes z, T* dx, const T* dy, const T* w, Epilogue epilogue) {
  const std::int64_t index = thread_index();
  if (index >= static_cast<std::int64_t>(z.n) * z.h * z.w * z.c) return;
  const int c = static_cast<int>(index % z.c);
  const std::int64_t pixel = index / z.c;
  const int column = static_cast<int>(pixel % z.w), row = static_cast<int>(pixel / z.w % z.h);
  const std::int64_t n = pixel / z.w / z.h;
  float sum = 0;
  for (int i = 0; i < z.r; ++i) {
    const int above = row + z.pad - i;  // stride * p, if this tap of any p meets the row
    if (above < 0 || above % z.stride != 0 || above / z.stride >= z.p) continue;
    for (int j = 0; j < z.s; ++j) {
      const int left = column + z.pad - j;
      if (left < 0 || left % z.stride != 0 || left / z.stride >= z.q) continue;
      const T* from = dy + at(n, z.p, above / z.stride, z.q, left / z.stride, z.k);
      for (int k = 0; k < z.k; ++k)
        sum += static_cast<float>(from[k]) * static_cast<float>(w[at(k, z.r, i, z.s, j, z.c) + c]);
    }
  }
  dx[index] = T(epilogue.value(sum, c));
}

template <class T>
__global__ void __launch_bounds__(kBlock)
    conv_naive_backward_filters_kernel(ConvSizes z, float* dw, Write write, const T* x, const T* dy) {
  const std::int64_t index = thread_index();
  if (index >= static_cast<std::int64_t>(z.k) * z.r * z.s * z.c) return;
  const int c = static_cast<int>(index % z.c), j = static_cast<int>(index / z.c % z.s);
  const int i = static_cast<int>(index / z.c / z.s % z.r), k = static_cast<int>(index / z.c / z.s / z.r);
  float sum = 0;
  for (std::int64_t n = 0; n < z.n; ++n)
    for (int p = 0; p < z.p; ++p) {
      const int row = p * z.stride - z.pad + i;
      if (row < 0 || row >= z.h) continue;
      for (int q = 0; q < z.q; ++q) {
        const int column = q * z.stride - z.pad + j;
        if (column < 0 || column >= z.w) continue;
        sum += static_cast<float>(dy[at(n, z.p, p, z.q, q, z.k) + k]) *
               static_cast<float>(x[at(n, z.h, row, z.w, column, z.c) + c]);
      }
    }
  dw[index] = write == Write::add ? dw[index] + sum : sum;
}

}  // namespace

template <class T>
bool supports(const ConvCall<T>&) {
  return true;
}

template <class T>
void run(const ConvCall<T>& call, const ConvOptions&, StreamHandle stream) {
  const ConvSizes sizes = detail::conv_sizes(call.geometry);
  const Epilogue epilogue = detail::make_epilogue(call.epilogue);
  const auto blocks = [](std::int64_t count) { return Grid(ceil_div(count, kBlock)); };
  switch (call.operation) {
    case ConvOperation::forward:
      return launch(conv_naive_forward_kernel<T>, blocks(call.geometry.y().size()), kBlock, 0, stream, sizes,
                    call.result, call.image, call.filters.krsc, epilogue);
    case ConvOperation::backward_data:
      return launch(conv_naive_backward_data_kernel<T>, blocks(call.geometry.x.size()), kBlock, 0, stream,
                    sizes, call.image, call.result, call.filters.krsc, epilogue);
    case ConvOperation::backward_filters:
      return launch(conv_naive_backward_filters_kernel<T>, blocks(call.geometry.filters.size()), kBlock, 0,
                    stream, sizes, call.filter_gradient, call.write, call.image, call.result);
  }
}

template bool supports(const ConvCall<float>&);
template bool supports(const ConvCall<BFloat16>&);
template void run(const ConvCall<float>&, const ConvOptions&, StreamHandle);
template void run(const ConvCall<BFloat16>&, const ConvOptions&, StreamHandle);

}  // namespace uptake::kernels::cuda::own::naive
