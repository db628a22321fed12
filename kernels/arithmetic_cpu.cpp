#include "kernels/arithmetic.h"

#include "kernels/detail/functions.h"
#include "kernels/detail/pieces.h"

namespace uptake::kernels::cpu {
namespace {

/// stretch(offset...) for every stretch of elements, with its place in each of the views.
template <class Stretch, class... Views>
void for_places(std::int64_t pixels, std::int64_t c, const Stretch& stretch, const Views&... views) {
  const std::int64_t total = pixels * c;
  if (total == 0) return;
  const bool packed = ((views.data == nullptr || views.pitch == c) && ...);
  detail::for_pieces(total, detail::kPieceElements, total, [&](std::int64_t first, std::int64_t last) {
    detail::for_stretches(
        first, last, packed ? total : c, [&](std::int64_t pixel, std::int64_t channel, std::int64_t length) {
          stretch(length, (views.data == nullptr ? nullptr : views.data + pixel * views.pitch + channel)...);
        });
  });
}

/// y[i] (+)= value(i). Element i of the result depends on element i of the inputs alone, so lanes never meet, not
/// even when y is an input's own memory.
template <class T, class Value>
void write_stretch(T* y, Write write, std::int64_t length, const Value& value) {
  if (write == Write::assign) {
#pragma omp simd
    for (std::int64_t i = 0; i < length; ++i) y[i] = value(i);
  } else {
#pragma omp simd
    for (std::int64_t i = 0; i < length; ++i) y[i] += value(i);
  }
}

}  // namespace

template <class T>
void binary(View<T> y, Write write, Binary operation, View<const T> a, View<const T> b, std::int64_t pixels,
            std::int64_t c) {
  detail::check_view("binary: y", y, pixels, c);
  detail::check_view("binary: a", a, pixels, c);
  detail::check_view("binary: b", b, pixels, c);
  detail::with_operation(operation, [&](auto op) {
    for_places(
        pixels, c,
        [&](std::int64_t length, T* to, const T* left, const T* right) {
          write_stretch(to, write, length, [=](std::int64_t i) { return op.value(left[i], right[i]); });
        },
        y, a, b);
  });
}

template <class T>
void function_forward(View<T> y, Write write, const Function& f, View<const T> x, std::int64_t pixels,
                      std::int64_t c) {
  detail::check_view("function_forward: y", y, pixels, c);
  detail::check_view("function_forward: x", x, pixels, c);
  detail::with_function(detail::FunctionOf<T>(f), [&](auto function) {
    for_places(
        pixels, c,
        [&](std::int64_t length, T* to, const T* from) {
          write_stretch(to, write, length, [=](std::int64_t i) { return function.value(from[i]); });
        },
        y, x);
  });
}

template <class T>
void function_backward(View<T> dx, Write write, const Function& f, View<const T> dy, View<const T> x,
                       std::int64_t pixels, std::int64_t c) {
  detail::check_view("function_backward: dx", dx, pixels, c);
  detail::check_view("function_backward: dy", dy, pixels, c);
  detail::check_view("function_backward: x", x, pixels, c);
  detail::with_function(detail::FunctionOf<T>(f), [&](auto function) {
    for_places(
        pixels, c,
        [&](std::int64_t length, T* to, const T* gradient, const T* at) {
          write_stretch(to, write, length,
                        [=](std::int64_t i) { return gradient[i] * function.slope(at[i]); });
        },
        dx, dy, x);
  });
}

template <class T>
void scale(View<T> y, Write write, const T* scalar, double factor, View<const T> x, std::int64_t pixels,
           std::int64_t c) {
  detail::check_view("scale: y", y, pixels, c);
  if (x.data != nullptr) detail::check_view("scale: x", x, pixels, c);
  detail::check_flat("scale: scalar", scalar, 1);
  const T by = static_cast<T>(factor) * *scalar;
  for_places(
      pixels, c,
      [&](std::int64_t length, T* to, const T* from) {
        if (from == nullptr)
          write_stretch(to, write, length, [=](std::int64_t) { return by; });
        else
          write_stretch(to, write, length, [=](std::int64_t i) { return by * from[i]; });
      },
      y, x);
}

#define UPTAKE_INSTANTIATE(T)                                                                                \
  template void binary<T>(View<T>, Write, Binary, View<const T>, View<const T>, std::int64_t, std::int64_t); \
  template void function_forward<T>(View<T>, Write, const Function&, View<const T>, std::int64_t,            \
                                    std::int64_t);                                                           \
  template void function_backward<T>(View<T>, Write, const Function&, View<const T>, View<const T>,          \
                                     std::int64_t, std::int64_t);                                            \
  template void scale<T>(View<T>, Write, const T*, double, View<const T>, std::int64_t, std::int64_t);
UPTAKE_INSTANTIATE(float)
UPTAKE_INSTANTIATE(double)
#undef UPTAKE_INSTANTIATE

}  // namespace uptake::kernels::cpu
