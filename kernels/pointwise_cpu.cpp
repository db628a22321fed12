#include "kernels/detail/activation.h"
#include "kernels/detail/dropout_mask.h"
#include "kernels/detail/pieces.h"
#include "kernels/pointwise.h"

namespace uptake::kernels::cpu {
namespace {

using detail::Scratch;

// Element i of every output is a function of element i of the input alone, so vector lanes never meet, not
// even when an output is the input's own memory: what `omp simd` states.
template <bool kDropout, class T, class A, class B>
void forward_stretch(T* y0, T* y1, const T* x, const T* mask, A a, B b, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    const T z = x[i];
    const T factor = kDropout ? mask[i] : T(1);
    y0[i] = a.value(z) * factor;
    if constexpr (B::kPresent) y1[i] = b.value(z) * factor;
  }
}

template <bool kDropout, bool kAdd, class T, class A, class B>
void backward_stretch(T* dx, const T* dy0, const T* dy1, const T* x, const T* mask, A a, B b,
                      std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    T d = dy0[i] * a.derivative(x[i]);
    if constexpr (B::kPresent) d += dy1[i] * b.derivative(x[i]);
    if constexpr (kDropout) d *= mask[i];
    dx[i] = kAdd ? dx[i] + d : d;
  }
}

/// Calls stretch(pixel, channel, length, mask) for all elements; mask is null without dropout.
template <class T, class Stretch>
void for_masked_stretches(std::int64_t total, std::int64_t c, const Dropout& dropout,
                          const Stretch& stretch) {
  detail::for_pieces(total, detail::kPieceElements, total, [&](std::int64_t first, std::int64_t last) {
    T* mask = nullptr;
    if (dropout.p > 0) {
      mask = detail::scratch<T, Scratch::mask>(detail::kPieceElements);
      detail::fill_dropout_mask(mask, dropout, first, last - first);
    }
    const T* next = mask;
    detail::for_stretches(first, last, c, [&](std::int64_t pixel, std::int64_t channel, std::int64_t length) {
      stretch(pixel, channel, length, next);
      if (next != nullptr) next += length;
    });
  });
}

}  // namespace

template <class T>
void pointwise_forward(std::span<const Output<T>> outputs, View<const T> x, std::int64_t pixels,
                       std::int64_t c, const Dropout& dropout) {
  detail::check_output_count(outputs, "pointwise_forward");
  check_dropout(dropout);
  detail::check_view("pointwise_forward: x", x, pixels, c);
  bool packed = x.pitch == c;
  for (const Output<T>& output : outputs) {
    detail::check_view("pointwise_forward: y", output.y, pixels, c);
    packed = packed && output.y.pitch == c;
  }
  const std::int64_t total = pixels * c;
  if (total == 0) return;

  const Output<T>* second = outputs.size() == 2 ? &outputs[1] : nullptr;
  const View<T> y0 = outputs[0].y, y1 = second != nullptr ? second->y : View<T>{};
  detail::with_acts<T>(outputs[0].act, second != nullptr ? &second->act : nullptr, [&](auto a, auto b) {
    // A packed tensor is one long pixel.
    for_masked_stretches<T>(
        total, packed ? total : c, dropout,
        [&](std::int64_t pixel, std::int64_t channel, std::int64_t length, const T* mask) {
          T* to0 = y0.data + pixel * y0.pitch + channel;
          T* to1 = second != nullptr ? y1.data + pixel * y1.pitch + channel : nullptr;
          const T* from = x.data + pixel * x.pitch + channel;
          if (mask != nullptr)
            forward_stretch<true>(to0, to1, from, mask, a, b, length);
          else
            forward_stretch<false>(to0, to1, from, mask, a, b, length);
        });
  });
}

template <class T>
void pointwise_backward(View<T> dx, Write write, std::span<const OutputGradient<T>> gradients,
                        View<const T> x, std::int64_t pixels, std::int64_t c, const Dropout& dropout) {
  detail::check_output_count(gradients, "pointwise_backward");
  check_dropout(dropout);
  detail::check_view("pointwise_backward: x", x, pixels, c);
  detail::check_view("pointwise_backward: dx", dx, pixels, c);
  bool packed = x.pitch == c && dx.pitch == c;
  for (const OutputGradient<T>& gradient : gradients) {
    detail::check_view("pointwise_backward: dy", gradient.dy, pixels, c);
    packed = packed && gradient.dy.pitch == c;
  }
  const std::int64_t total = pixels * c;
  if (total == 0) return;

  const OutputGradient<T>* second = gradients.size() == 2 ? &gradients[1] : nullptr;
  const View<const T> dy0 = gradients[0].dy, dy1 = second != nullptr ? second->dy : View<const T>{};
  detail::with_acts<T>(gradients[0].act, second != nullptr ? &second->act : nullptr, [&](auto a, auto b) {
    for_masked_stretches<T>(
        total, packed ? total : c, dropout,
        [&](std::int64_t pixel, std::int64_t channel, std::int64_t length, const T* mask) {
          T* to = dx.data + pixel * dx.pitch + channel;
          const T* from0 = dy0.data + pixel * dy0.pitch + channel;
          const T* from1 = second != nullptr ? dy1.data + pixel * dy1.pitch + channel : nullptr;
          const T* at = x.data + pixel * x.pitch + channel;
          if (mask != nullptr && write == Write::add)
            backward_stretch<true, true>(to, from0, from1, at, mask, a, b, length);
          else if (mask != nullptr)
            backward_stretch<true, false>(to, from0, from1, at, mask, a, b, length);
          else if (write == Write::add)
            backward_stretch<false, true>(to, from0, from1, at, mask, a, b, length);
          else
            backward_stretch<false, false>(to, from0, from1, at, mask, a, b, length);
        });
  });
}

template void pointwise_forward<float>(std::span<const Output<float>>, View<const float>, std::int64_t,
                                       std::int64_t, const Dropout&);
template void pointwise_forward<double>(std::span<const Output<double>>, View<const double>, std::int64_t,
                                        std::int64_t, const Dropout&);
template void pointwise_backward<float>(View<float>, Write, std::span<const OutputGradient<float>>,
                                        View<const float>, std::int64_t, std::int64_t, const Dropout&);
template void pointwise_backward<double>(View<double>, Write, std::span<const OutputGradient<double>>,
                                         View<const double>, std::int64_t, std::int64_t, const Dropout&);

}  // namespace uptake::kernels::cpu
