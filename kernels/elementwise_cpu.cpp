#include "kernels/elementwise.h"

#include "kernels/detail/pieces.h"

namespace uptake::kernels::cpu {

using detail::kPieceElements;

template <class T>
void fill(T* p, T value, std::int64_t count) {
  detail::check_flat("fill: p", p, count);
  detail::for_pieces(count, kPieceElements, count,
                     [=](std::int64_t first, std::int64_t last) { std::fill(p + first, p + last, value); });
}

template <class T>
void copy_channels(View<T> y, Write write, View<const T> x, std::int64_t pixels, std::int64_t c) {
  detail::check_view("copy_channels: y", y, pixels, c);
  detail::check_view("copy_channels: x", x, pixels, c);
  const std::int64_t total = pixels * c;
  if (total == 0) return;
  const std::int64_t stretch = y.pitch == c && x.pitch == c ? total : c;
  detail::for_pieces(total, kPieceElements, total, [=](std::int64_t first, std::int64_t last) {
    detail::for_stretches(first, last, stretch,
                          [=](std::int64_t pixel, std::int64_t channel, std::int64_t length) {
                            T* to = y.data + pixel * y.pitch + channel;
                            const T* from = x.data + pixel * x.pitch + channel;
                            if (write == Write::assign) {
                              std::copy(from, from + length, to);
                            } else {
#pragma omp simd
                              for (std::int64_t i = 0; i < length; ++i) to[i] += from[i];
                            }
                          });
  });
}

template <class T>
void add_bias(View<T> x, const T* bias, std::int64_t pixels, std::int64_t c) {
  detail::check_view("add_bias: x", x, pixels, c);
  if (pixels == 0 || c == 0) return;
  detail::check_flat("add_bias: bias", bias, c);
  const std::int64_t piece = std::max<std::int64_t>(1, kPieceElements / c);
  detail::for_pieces(pixels, piece, pixels * c, [=](std::int64_t first, std::int64_t last) {
    for (std::int64_t pixel = first; pixel < last; ++pixel) {
      T* to = x.data + pixel * x.pitch;
#pragma omp simd
      for (std::int64_t i = 0; i < c; ++i) to[i] += bias[i];
    }
  });
}

template void fill<float>(float*, float, std::int64_t);
template void fill<double>(double*, double, std::int64_t);
template void copy_channels<float>(View<float>, Write, View<const float>, std::int64_t, std::int64_t);
template void copy_channels<double>(View<double>, Write, View<const double>, std::int64_t, std::int64_t);
template void add_bias<float>(View<float>, const float*, std::int64_t, std::int64_t);
template void add_bias<double>(View<double>, const double*, std::int64_t, std::int64_t);

}  // namespace uptake::kernels::cpu
