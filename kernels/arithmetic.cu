// One sweep over the elements each, bound by memory. Which operation it is is the same for all threads and looked up
// once a pack.
#include "kernels/arithmetic.h"

#include "kernels/detail/arguments.h"
#include "kernels/detail/functions.h"
#include "kernels/detail/launch.cuh"
#include "kernels/detail/sweep.cuh"

namespace uptake::kernels::cuda {
namespace {

using kernels::detail::check_flat;
using kernels::detail::check_view;
using kernels::detail::FunctionOf;

constexpr int kBlock = 256;

template <int N, class T>
__global__ void __launch_bounds__(kBlock)
    binary_kernel(View<T> y, Write write, Binary operation, View<const T> a, View<const T> b, Sweep s) {
  sweep<N, kBlock>(s, [&](std::int64_t row, std::int64_t k, auto width) {
    float left[width.value], right[width.value];
    load_array(left, a.data + row * a.pitch + k);
    load_array(right, b.data + row * b.pitch + k);
    kernels::detail::with_operation(operation, [&](auto op) {
#pragma unroll
      for (int i = 0; i < width.value; ++i) left[i] = op.value(left[i], right[i]);
    });
    write_array(y.data + row * y.pitch + k, write, left);
  });
}

template <int N, class T>
__global__ void __launch_bounds__(kBlock)
    function_forward_kernel(View<T> y, Write write, FunctionOf<float> f, View<const T> x, Sweep s) {
  sweep<N, kBlock>(s, [&](std::int64_t row, std::int64_t k, auto width) {
    float values[width.value];
    load_array(values, x.data + row * x.pitch + k);
    kernels::detail::with_function(f, [&](auto function) {
#pragma unroll
      for (int i = 0; i < width.value; ++i) values[i] = function.value(values[i]);
    });
    write_array(y.data + row * y.pitch + k, write, values);
  });
}

template <int N, class T>
__global__ void __launch_bounds__(kBlock)
    function_backward_kernel(View<T> dx, Write write, FunctionOf<float> f, View<const T> dy, View<const T> x,
                             Sweep s) {
  sweep<N, kBlock>(s, [&](std::int64_t row, std::int64_t k, auto width) {
    float values[width.value], gradient[width.value];
    load_array(values, x.data + row * x.pitch + k);
    load_array(gradient, dy.data + row * dy.pitch + k);
    kernels::detail::with_function(f, [&](auto function) {
#pragma unroll
      for (int i = 0; i < width.value; ++i) gradient[i] *= function.slope(values[i]);
    });
    write_array(dx.data + row * dx.pitch + k, write, gradient);
  });
}

template <int N, class T>
__global__ void __launch_bounds__(kBlock)
    scale_kernel(View<T> y, Write write, const float* scalar, float factor, View<const T> x, Sweep s) {
  factor *= *scalar;
  sweep<N, kBlock>(s, [&](std::int64_t row, std::int64_t k, auto width) {
    float values[width.value];
    if (x.data != nullptr) load_array(values, x.data + row * x.pitch + k);
#pragma unroll
    for (int i = 0; i < width.value; ++i) values[i] = x.data != nullptr ? factor * values[i] : factor;
    write_array(y.data + row * y.pitch + k, write, values);
  });
}

/// pass(width, blocks, sweep) over views of [pixels,c], whose pitch becomes the distance between rows.
template <class T, class Pass, class... Views>
void in_a_sweep(std::int64_t pixels, std::int64_t c, const Pass& pass, Views&... views) {
  Sweep s = sweep_over(pixels, c, views...);
  if (s.total == 0) return;
  with_width<kVector<T>>(all_pack<kVector<T>>(views...), [&](auto width) {
    s.share(kBlock, width.value);
    pass(width, stride_blocks(s.rows, s.rows_at_once(kBlock)), s);
  });
}

}  // namespace

template <class T>
void binary(View<T> y, Write write, Binary operation, View<const T> a, View<const T> b, std::int64_t pixels,
            std::int64_t c, StreamHandle stream) {
  check_view("binary: y", y, pixels, c);
  check_view("binary: a", a, pixels, c);
  check_view("binary: b", b, pixels, c);
  in_a_sweep<T>(
      pixels, c,
      [&](auto width, std::int64_t blocks, const Sweep& s) {
        launch(binary_kernel<width.value, T>, blocks, kBlock, 0, stream, y, write, operation, a, b, s);
      },
      y, a, b);
}

template <class T>
void function_forward(View<T> y, Write write, const Function& f, View<const T> x, std::int64_t pixels,
                      std::int64_t c, StreamHandle stream) {
  check_view("function_forward: y", y, pixels, c);
  check_view("function_forward: x", x, pixels, c);
  in_a_sweep<T>(
      pixels, c,
      [&](auto width, std::int64_t blocks, const Sweep& s) {
        launch(function_forward_kernel<width.value, T>, blocks, kBlock, 0, stream, y, write,
               FunctionOf<float>(f), x, s);
      },
      y, x);
}

template <class T>
void function_backward(View<T> dx, Write write, const Function& f, View<const T> dy, View<const T> x,
                       std::int64_t pixels, std::int64_t c, StreamHandle stream) {
  check_view("function_backward: dx", dx, pixels, c);
  check_view("function_backward: dy", dy, pixels, c);
  check_view("function_backward: x", x, pixels, c);
  in_a_sweep<T>(
      pixels, c,
      [&](auto width, std::int64_t blocks, const Sweep& s) {
        launch(function_backward_kernel<width.value, T>, blocks, kBlock, 0, stream, dx, write,
               FunctionOf<float>(f), dy, x, s);
      },
      dx, dy, x);
}

template <class T>
void scale(View<T> y, Write write, const Accum<T>* scalar, double factor, View<const T> x,
           std::int64_t pixels, std::int64_t c, StreamHandle stream) {
  check_view("scale: y", y, pixels, c);
  if (x.data != nullptr) check_view("scale: x", x, pixels, c);
  check_flat("scale: scalar", scalar, 1);
  in_a_sweep<T>(
      pixels, c,
      [&](auto width, std::int64_t blocks, const Sweep& s) {
        launch(scale_kernel<width.value, T>, blocks, kBlock, 0, stream, y, write, scalar,
               static_cast<float>(factor), x, s);
      },
      y, x);
}

#define UPTAKE_INSTANTIATE(T)                                                                                \
  template void binary<T>(View<T>, Write, Binary, View<const T>, View<const T>, std::int64_t, std::int64_t,  \
                          StreamHandle);                                                                     \
  template void function_forward<T>(View<T>, Write, const Function&, View<const T>, std::int64_t,            \
                                    std::int64_t, StreamHandle);                                             \
  template void function_backward<T>(View<T>, Write, const Function&, View<const T>, View<const T>,          \
                                     std::int64_t, std::int64_t, StreamHandle);                              \
  template void scale<T>(View<T>, Write, const Accum<T>*, double, View<const T>, std::int64_t, std::int64_t, \
                         StreamHandle);
UPTAKE_INSTANTIATE(float)
UPTAKE_INSTANTIATE(BFloat16)
#undef UPTAKE_INSTANTIATE

}  // namespace uptake::kernels::cuda
