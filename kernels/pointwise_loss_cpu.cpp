#include "kernels/pointwise_loss.h"

#include "kernels/detail/loss.h"
#include "kernels/detail/pieces.h"

namespace uptake::kernels::cpu {
namespace {

/// Target of every element: read from a tensor, or the same everywhere.
template <class T>
struct Targets {
  View<const T> view;  // null: `label` everywhere
  T label = 0;
};

template <class Loss, bool kTensor, class T>
void values(double* terms, const T* x, const T* t, T label, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i)
    terms[i] = Loss::template value<double>(x[i], kTensor ? t[i] : label);
}

template <class Loss, bool kTensor, class T>
void slopes(T* dx, Write write, const T* x, const T* t, T label, T factor, std::int64_t count) {
  if (write == Write::assign) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) dx[i] = factor * Loss::slope(x[i], kTensor ? t[i] : label);
  } else {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) dx[i] += factor * Loss::slope(x[i], kTensor ? t[i] : label);
  }
}

template <class Loss, bool kTensor, class T>
double mean_loss(const char* name, View<T> dx, Write write, View<const T> x, const Targets<T>& targets,
                 std::int64_t pixels, std::int64_t c, double scale) {
  const View<const T> t = targets.view;
  detail::check_view(name, x, pixels, c);
  if constexpr (kTensor) detail::check_view(name, t, pixels, c);
  if (dx.data != nullptr) detail::check_view(name, dx, pixels, c);
  const std::int64_t total = pixels * c;
  if (total == 0) return 0;

  const bool packed = x.pitch == c && (!kTensor || t.pitch == c) && (dx.data == nullptr || dx.pitch == c);
  const T factor = static_cast<T>(scale / static_cast<double>(total));
  const double sum = detail::sum_elements(total, [&](std::int64_t first, std::int64_t last, double* terms) {
    detail::for_stretches(first, last, packed ? total : c,
                          [&](std::int64_t pixel, std::int64_t channel, std::int64_t length) {
                            const T* from = x.data + pixel * x.pitch + channel;
                            const T* to_reach = kTensor ? t.data + pixel * t.pitch + channel : nullptr;
                            values<Loss, kTensor>(terms, from, to_reach, targets.label, length);
                            terms += length;
                            if (dx.data != nullptr)
                              slopes<Loss, kTensor>(dx.data + pixel * dx.pitch + channel, write, from,
                                                    to_reach, targets.label, factor, length);
                          });
  });
  return sum / static_cast<double>(total);
}

}  // namespace

template <class T>
double l1_loss(View<T> dx, Write write, View<const T> x, View<const T> target, std::int64_t pixels,
               std::int64_t c, double scale) {
  return mean_loss<detail::L1, true>("l1_loss", dx, write, x, Targets<T>{target}, pixels, c, scale);
}

template <class T>
double mse_loss(View<T> dx, Write write, View<const T> x, View<const T> target, std::int64_t pixels,
                std::int64_t c, double scale) {
  return mean_loss<detail::Mse, true>("mse_loss", dx, write, x, Targets<T>{target}, pixels, c, scale);
}

template <class T>
double bce_with_logits_loss(View<T> dx, Write write, View<const T> x, View<const T> target,
                            std::int64_t pixels, std::int64_t c, double scale) {
  return mean_loss<detail::Bce, true>("bce_with_logits_loss", dx, write, x, Targets<T>{target}, pixels, c,
                                      scale);
}

template <class T>
double gan_loss(GanMode mode, GanTarget target, View<T> dx, Write write, View<const T> x, std::int64_t pixels,
                std::int64_t c, double scale) {
  return detail::with_gan_loss(mode, target, [&]<class Loss>(Loss, float label) {
    return mean_loss<Loss, false>("gan_loss", dx, write, x, Targets<T>{{}, label}, pixels, c, scale);
  });
}

template double l1_loss<float>(View<float>, Write, View<const float>, View<const float>, std::int64_t,
                               std::int64_t, double);
template double l1_loss<double>(View<double>, Write, View<const double>, View<const double>, std::int64_t,
                                std::int64_t, double);
template double mse_loss<float>(View<float>, Write, View<const float>, View<const float>, std::int64_t,
                                std::int64_t, double);
template double mse_loss<double>(View<double>, Write, View<const double>, View<const double>, std::int64_t,
                                 std::int64_t, double);
template double bce_with_logits_loss<float>(View<float>, Write, View<const float>, View<const float>,
                                            std::int64_t, std::int64_t, double);
template double bce_with_logits_loss<double>(View<double>, Write, View<const double>, View<const double>,
                                             std::int64_t, std::int64_t, double);
template double gan_loss<float>(GanMode, GanTarget, View<float>, Write, View<const float>, std::int64_t,
                                std::int64_t, double);
template double gan_loss<double>(GanMode, GanTarget, View<double>, Write, View<const double>, std::int64_t,
                                 std::int64_t, double);

}  // namespace uptake::kernels::cpu
