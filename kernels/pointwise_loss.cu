// Value and gradient of a loss in one pass over its inputs. The value is summed in a fixed order; few elements
// are one launch, many are two.
#include "kernels/pointwise_loss.h"

#include "kernels/detail/arguments.h"
#include "kernels/detail/launch.cuh"
#include "kernels/detail/loss.h"
#include "kernels/detail/sums.cuh"
#include "kernels/detail/sweep.cuh"

namespace uptake::kernels::cuda {
namespace {

using kernels::detail::check_flat;
using kernels::detail::check_view;
namespace formulas = kernels::detail;

/// dx of `factor` * slope; null dx.data: the value alone.
template <class T>
struct Gradient {
  View<T> dx;
  Write write = Write::assign;
  float factor = 0;
};

/// The target of every element is read from a tensor (kTensor) or is `label`.
template <class Loss, bool kTensor, int N, class T>
__global__ void __launch_bounds__(kSumBlock)
    loss_kernel(double* loss, float* partials, Gradient<T> gradient, View<const T> x, View<const T> target,
                float label, double count, Sweep s) {
  CompensatedSum sum;
  sweep<N, kSumBlock>(s, [&](std::int64_t row, std::int64_t k, auto width) {
    constexpr int kWidth = width.value;
    float xs[kWidth], ts[kWidth];
    load_array(xs, x.data + row * x.pitch + k);
    if constexpr (kTensor) {
      load_array(ts, target.data + row * target.pitch + k);
    } else {
#pragma unroll
      for (int i = 0; i < kWidth; ++i) ts[i] = label;
    }
#pragma unroll
    for (int i = 0; i < kWidth; ++i) sum.add(Loss::value(xs[i], ts[i]));
    if (gradient.dx.data == nullptr) return;
#pragma unroll
    for (int i = 0; i < kWidth; ++i) xs[i] = gradient.factor * Loss::slope(xs[i], ts[i]);
    write_array(gradient.dx.data + row * gradient.dx.pitch + k, gradient.write, xs);
  });
  finish_block(loss, partials, count, sum);
}

template <class Loss, bool kTensor, class T>
void mean_loss(const char* name, double* loss, View<T> dx, Write write, View<const T> x, View<const T> target,
               float label, std::int64_t pixels, std::int64_t c, double scale, StreamHandle stream) {
  check_view(name, x, pixels, c);
  if constexpr (kTensor) check_view(name, target, pixels, c);
  if (dx.data != nullptr) check_view(name, dx, pixels, c);
  check_flat(name, loss, 1);
  Sweep s = sweep_over(pixels, c, dx, x, target);
  if (s.total == 0) return set_bytes(loss, 0, sizeof(double), stream);  // a mean over nothing
  const auto count = static_cast<double>(s.total);
  const Gradient<T> gradient{dx, write, static_cast<float>(scale / count)};
  with_width<kVector<T>>(all_pack<kVector<T>>(dx, x, target), [&](auto width) {
    s.share(kSumBlock, width.value);
    launch_sum(loss, s, count, stream, [&](std::int64_t blocks, float* partials) {
      launch(loss_kernel<Loss, kTensor, width.value, T>, blocks, kSumBlock, 0, stream, loss, partials,
             gradient, x, target, label, count, s);
    });
  });
}

}  // namespace

template <class T>
void l1_loss(double* loss, View<T> dx, Write write, View<const T> x, View<const T> target,
             std::int64_t pixels, std::int64_t c, double scale, StreamHandle stream) {
  mean_loss<formulas::L1, true>("l1_loss", loss, dx, write, x, target, 0.0f, pixels, c, scale, stream);
}

template <class T>
void mse_loss(double* loss, View<T> dx, Write write, View<const T> x, View<const T> target,
              std::int64_t pixels, std::int64_t c, double scale, StreamHandle stream) {
  mean_loss<formulas::Mse, true>("mse_loss", loss, dx, write, x, target, 0.0f, pixels, c, scale, stream);
}

template <class T>
void bce_with_logits_loss(double* loss, View<T> dx, Write write, View<const T> x, View<const T> target,
                          std::int64_t pixels, std::int64_t c, double scale, StreamHandle stream) {
  mean_loss<formulas::Bce, true>("bce_with_logits_loss", loss, dx, write, x, target, 0.0f, pixels, c, scale,
                                 stream);
}

template <class T>
void gan_loss(double* loss, GanMode mode, GanTarget target, View<T> dx, Write write, View<const T> x,
              std::int64_t pixels, std::int64_t c, double scale, StreamHandle stream) {
  formulas::with_gan_loss(mode, target, [&]<class Loss>(Loss, float label) {
    mean_loss<Loss, false>("gan_loss", loss, dx, write, x, {}, label, pixels, c, scale, stream);
  });
}

#define UPTAKE_INSTANTIATE(T)                                                                                \
  template void l1_loss<T>(double*, View<T>, Write, View<const T>, View<const T>, std::int64_t,              \
                           std::int64_t, double, StreamHandle);                                              \
  template void mse_loss<T>(double*, View<T>, Write, View<const T>, View<const T>, std::int64_t,             \
                            std::int64_t, double, StreamHandle);                                             \
  template void bce_with_logits_loss<T>(double*, View<T>, Write, View<const T>, View<const T>, std::int64_t, \
                                        std::int64_t, double, StreamHandle);                                 \
  template void gan_loss<T>(double*, GanMode, GanTarget, View<T>, Write, View<const T>, std::int64_t,        \
                            std::int64_t, double, StreamHandle);
UPTAKE_INSTANTIATE(float)
UPTAKE_INSTANTIATE(BFloat16)
#undef UPTAKE_INSTANTIATE

}  // namespace uptake::kernels::cuda
