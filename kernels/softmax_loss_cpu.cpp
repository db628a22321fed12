#include "kernels/softmax_loss.h"

#include <cmath>
#include <limits>

#include "kernels/detail/pieces.h"

namespace uptake::kernels::cpu {
namespace {

/// -log p of one pixel; its gradient times `factor` to dx unless that is null.
template <class T>
double pixel_loss(T* dx, Write write, const T* x, std::int32_t label, std::int64_t c, T factor) {
  T largest = -std::numeric_limits<T>::infinity();
#pragma omp simd reduction(max : largest)
  for (std::int64_t k = 0; k < c; ++k) largest = x[k] > largest ? x[k] : largest;
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t k = 0; k < c; ++k) sum += static_cast<double>(std::exp(x[k] - largest));
  const double loss = std::log(sum) - (static_cast<double>(x[label]) - static_cast<double>(largest));
  if (dx == nullptr) return loss;

  const T inverse = static_cast<T>(1 / sum);
  const auto gradient = [=](std::int64_t k) {
    return factor * (std::exp(x[k] - largest) * inverse - (k == label ? T(1) : T(0)));
  };
  if (write == Write::assign) {
#pragma omp simd
    for (std::int64_t k = 0; k < c; ++k) dx[k] = gradient(k);
  } else {
#pragma omp simd
    for (std::int64_t k = 0; k < c; ++k) dx[k] += gradient(k);
  }
  return loss;
}

}  // namespace

template <class T>
double softmax_cross_entropy(View<T> dx, Write write, View<const T> x, const std::int32_t* labels,
                             std::int64_t pixels, std::int64_t c, double scale) {
  detail::check_view("softmax_cross_entropy: x", x, pixels, c);
  detail::check_flat("softmax_cross_entropy: labels", labels, pixels);
  if (dx.data != nullptr) detail::check_view("softmax_cross_entropy: dx", dx, pixels, c);
  for (std::int64_t i = 0; i < pixels; ++i)
    if (labels[i] < 0 || labels[i] >= c)
      throw ShapeError("softmax_cross_entropy: label " + std::to_string(labels[i]) + " of pixel " +
                       std::to_string(i) + " is none of " + std::to_string(c) + " classes");
  if (pixels == 0) return 0;

  const T factor = static_cast<T>(scale / static_cast<double>(pixels));
  const std::int64_t piece = std::max<std::int64_t>(1, detail::kPieceElements / c);
  double* partials = detail::scratch<double, detail::Scratch::partials>(detail::ceil_div(pixels, piece));
  detail::for_pieces(pixels, piece, pixels * c, [=](std::int64_t first, std::int64_t last) {
    double sum = 0;
    for (std::int64_t i = first; i < last; ++i)
      sum += pixel_loss(dx.data == nullptr ? nullptr : dx.data + i * dx.pitch, write, x.data + i * x.pitch,
                        labels[i], c, factor);
    partials[first / piece] = sum;
  });
  double sum = 0;
  for (std::int64_t i = 0; i < detail::ceil_div(pixels, piece); ++i) sum += partials[i];
  return sum / static_cast<double>(pixels);
}

template double softmax_cross_entropy<float>(View<float>, Write, View<const float>, const std::int32_t*,
                                             std::int64_t, std::int64_t, double);
template double softmax_cross_entropy<double>(View<double>, Write, View<const double>, const std::int32_t*,
                                              std::int64_t, std::int64_t, double);

}  // namespace uptake::kernels::cpu
