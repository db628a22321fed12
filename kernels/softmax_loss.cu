// A pixel's classes are shared between up to 32 threads of one warp, which find its largest logit, then the sum of
// exponentials, then write the gradient. The mean is summed as in kernels/pointwise_loss.cu.
#include "kernels/softmax_loss.h"

#include <cmath>

#include "kernels/detail/arguments.h"
#include "kernels/detail/launch.cuh"
#include "kernels/detail/sums.cuh"
#include "kernels/detail/sweep.cuh"

namespace uptake::kernels::cuda {
namespace {

using kernels::detail::check_flat;
using kernels::detail::check_view;

/// body(k, Width<N>) for a thread's packs of a pixel and body(k, Width<1>) for what is left over.
template <int N, class Body>
__device__ void for_classes(int column, int columns, std::int64_t c, const Body& body) {
  const std::int64_t packed = c / N * N;
  for (std::int64_t k = std::int64_t{column} * N; k < packed; k += std::int64_t{columns} * N)
    body(k, Width<N>{});
  if constexpr (N > 1)
    for (std::int64_t k = packed + column; k < c; k += columns) body(k, Width<1>{});
}

template <int N, class T>
__global__ void __launch_bounds__(kSumBlock)
    softmax_loss_kernel(double* loss, float* partials, View<T> dx, Write write, View<const T> x,
                        const std::int32_t* labels, float factor, double count, Sweep s) {
  const int shift = static_cast<int>(s.log2_columns), columns = 1 << shift;
  const int column = static_cast<int>(threadIdx.x) & (columns - 1);
  const int own = static_cast<int>(threadIdx.x) >> shift, rows = kSumBlock >> shift;
  CompensatedSum sum;
  // All threads of a warp take part in every round, with a pixel or without: they exchange values.
  for (std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * rows; first < s.rows;
       first += static_cast<std::int64_t>(gridDim.x) * rows) {
    const std::int64_t row = first + own;
    const bool inside = row < s.rows;
    const std::int64_t c = inside ? s.length : 0;
    const T* const from = x.data + (inside ? row * x.pitch : 0);
    const int label = inside ? labels[row] : 0;

    float largest = -INFINITY;
    for_classes<N>(column, columns, c, [&](std::int64_t k, auto width) {
      float values[width.value];
      load_array(values, from + k);
#pragma unroll
      for (int i = 0; i < width.value; ++i) largest = values[i] > largest ? values[i] : largest;
    });
    for (int offset = columns / 2; offset > 0; offset /= 2) {
      const float other = __shfl_xor_sync(kAllLanes, largest, offset);
      largest = other > largest ? other : largest;
    }

    float total = 0, right = 0;  // `right` is found by one thread
    for_classes<N>(column, columns, c, [&](std::int64_t k, auto width) {
      float values[width.value];
      load_array(values, from + k);
#pragma unroll
      for (int i = 0; i < width.value; ++i) {
        total += expf(values[i] - largest);
        if (k + i == label) right = values[i] - largest;
      }
    });
    for (int offset = columns / 2; offset > 0; offset /= 2) {
      total += __shfl_xor_sync(kAllLanes, total, offset);
      right += __shfl_xor_sync(kAllLanes, right, offset);
    }
    if (label < 0 || label >= s.length) right = NAN;
    if (inside && column == 0) sum.add(logf(total) - right);

    if (dx.data == nullptr) continue;
    const float inverse = 1.0f / total;
    T* const to = dx.data + (inside ? row * dx.pitch : 0);
    for_classes<N>(column, columns, c, [&](std::int64_t k, auto width) {
      float values[width.value];
      load_array(values, from + k);
#pragma unroll
      for (int i = 0; i < width.value; ++i)
        values[i] = factor * (expf(values[i] - largest) * inverse - (k + i == label ? 1.0f : 0.0f));
      write_array(to + k, write, values);
    });
  }
  finish_block(loss, partials, count, sum);
}

}  // namespace

template <class T>
void softmax_cross_entropy(double* loss, View<T> dx, Write write, View<const T> x, const std::int32_t* labels,
                           std::int64_t pixels, std::int64_t c, double scale, StreamHandle stream) {
  check_view("softmax_cross_entropy: x", x, pixels, c);
  check_flat("softmax_cross_entropy: labels", labels, pixels);
  check_flat("softmax_cross_entropy: loss", loss, 1);
  if (dx.data != nullptr) check_view("softmax_cross_entropy: dx", dx, pixels, c);
  if (pixels == 0) return set_bytes(loss, 0, sizeof(double), stream);
  require(c > 0, "softmax_cross_entropy: there are no classes");
  const auto count = static_cast<double>(pixels);
  Sweep s{pixels * c, c, pixels, 0};
  with_width<kVector<T>>(all_pack<kVector<T>>(dx, x), [&](auto width) {
    s.share(kWarp, width.value);
    launch_sum(loss, s, count, stream, [&](std::int64_t blocks, float* partials) {
      launch(softmax_loss_kernel<width.value, T>, blocks, kSumBlock, 0, stream, loss, partials, dx, write, x,
             labels, static_cast<float>(scale / count), count, s);
    });
  });
}

#define UPTAKE_INSTANTIATE(T)                                                                         \
  template void softmax_cross_entropy<T>(double*, View<T>, Write, View<const T>, const std::int32_t*, \
                                         std::int64_t, std::int64_t, double, StreamHandle);
UPTAKE_INSTANTIATE(float)
UPTAKE_INSTANTIATE(BFloat16)
#undef UPTAKE_INSTANTIATE

}  // namespace uptake::kernels::cuda
