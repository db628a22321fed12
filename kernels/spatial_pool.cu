// Maximum and average pooling.
#include "kernels/detail/spatial.cuh"
#include "kernels/spatial.h"

namespace uptake::kernels::cuda {
namespace {

using kernels::detail::check_tensors;
using kernels::detail::check_winners;

/// A Pool as kernels take it.
struct Windows {
  int kernel, stride, pad, count_padding;
};

/// The inputs of output o along one axis, clipped to the image.
struct Window {
  int first, last;
  __device__ Window(int o, int size, const Windows& windows) {
    const int start = o * windows.stride - windows.pad, end = start + windows.kernel;
    first = start > 0 ? start : 0;
    last = end < size ? end : size;
  }
  __device__ int length() const { return last - first; }
};

/// The outputs whose window holds input i.
struct Holders {
  int first, last;
  __device__ Holders(int i, int outputs, const Windows& windows) {
    const int beyond = i + windows.pad - windows.kernel;  // the last place that a window may not start at
    first = beyond < 0 ? 0 : beyond / windows.stride + 1;
    last = (i + windows.pad) / windows.stride + 1;
    if (last > outputs) last = outputs;
  }
};

__device__ float window_factor(const Window& rows, const Window& columns, const Windows& windows) {
  const float count = windows.count_padding == 1
                          ? static_cast<float>(windows.kernel) * static_cast<float>(windows.kernel)
                          : static_cast<float>(rows.length()) * static_cast<float>(columns.length());
  return 1.0f / count;
}

template <int N, class T>
__global__ void __launch_bounds__(kSpatialBlock)
    max_pool_forward_kernel(T* y, std::int32_t* argmax, const T* x, Extent to, Extent from, Windows windows) {
  for_locations<N>(to, [&](const Location& p) {
    const Window rows(p.h, from.h, windows), columns(p.w, from.w, windows);
    float best[N];
    std::int32_t winner[N];
    load_array(best, at(x, from, p.n, rows.first, columns.first, p.channel));
#pragma unroll
    for (int i = 0; i < N; ++i) winner[i] = rows.first * from.w + columns.first;
    for (int h = rows.first; h < rows.last; ++h)
      for (int w = columns.first; w < columns.last; ++w) {
        float values[N];
        load_array(values, at(x, from, p.n, h, w, p.channel));
#pragma unroll
        for (int i = 0; i < N; ++i) {
          const bool wins =
              values[i] > best[i] || (values[i] != values[i] && best[i] == best[i]);  // NaN wins
          winner[i] = wins ? h * from.w + w : winner[i];
          best[i] = wins ? values[i] : best[i];
        }
      }
    store_array(at(y, to, p), best);
    store_array(at(argmax, to, p), winner);
  });
}

template <int N, class T>
__global__ void __launch_bounds__(kSpatialBlock)
    max_pool_backward_kernel(T* dx, Write write, const T* dy, const std::int32_t* argmax, Extent to,
                             Extent from, Windows windows) {
  for_locations<N>(to, [&](const Location& p) {
    const Holders rows(p.h, from.h, windows), columns(p.w, from.w, windows);
    const std::int32_t index = p.h * to.w + p.w;
    float sums[N] = {};
    for (int h = rows.first; h < rows.last; ++h)
      for (int w = columns.first; w < columns.last; ++w) {
        float values[N];
        std::int32_t winner[N];
        load_array(values, at(dy, from, p.n, h, w, p.channel));
        load_array(winner, at(argmax, from, p.n, h, w, p.channel));
#pragma unroll
        for (int i = 0; i < N; ++i) sums[i] += winner[i] == index ? values[i] : 0.0f;
      }
    write_array(at(dx, to, p), write, sums);
  });
}

template <int N, class T>
__global__ void __launch_bounds__(kSpatialBlock)
    avg_pool_forward_kernel(T* y, const T* x, Extent to, Extent from, Windows windows) {
  for_locations<N>(to, [&](const Location& p) {
    const Window rows(p.h, from.h, windows), columns(p.w, from.w, windows);
    float sums[N] = {};
    for (int h = rows.first; h < rows.last; ++h)
      for (int w = columns.first; w < columns.last; ++w)
        add_channels(sums, at(x, from, p.n, h, w, p.channel));
    const float factor = window_factor(rows, columns, windows);
#pragma unroll
    for (int i = 0; i < N; ++i) sums[i] *= factor;
    store_array(at(y, to, p), sums);
  });
}

template <int N, class T>
__global__ void __launch_bounds__(kSpatialBlock)
    avg_pool_backward_kernel(T* dx, Write write, const T* dy, Extent to, Extent from, Windows windows) {
  for_locations<N>(to, [&](const Location& p) {
    const Holders rows(p.h, from.h, windows), columns(p.w, from.w, windows);
    float sums[N] = {};
    for (int h = rows.first; h < rows.last; ++h)
      for (int w = columns.first; w < columns.last; ++w)
        add_channels(sums, at(dy, from, p.n, h, w, p.channel),
                     window_factor(Window(h, to.h, windows), Window(w, to.w, windows), windows));
    write_array(at(dx, to, p), write, sums);
  });
}

/// A stride beyond every image is as good as any other.
Windows windows_of(const char* what, const Pool& pool) {
  constexpr std::int64_t kFar = 1 << 28;
  return {small(what, pool.kernel), static_cast<int>(std::min(pool.stride, kFar)), small(what, pool.pad),
          pool.count_padding == CountPadding::include ? 1 : 0};
}

}  // namespace

template <class T>
void max_pool_forward(T* y, std::int32_t* argmax, const T* x, const Shape4& x_shape, const Pool& pool,
                      StreamHandle stream) {
  const char* what = "max_pool_forward";
  const Shape4 y_shape = pooled_shape(what, x_shape, pool);
  check_tensors(what, x_shape, x, y_shape, y);
  check_winners(what, argmax, x_shape, y_shape);
  if (y_shape.size() == 0) return;
  with_width<kVector<T>>(channels_pack<kVector<T>>(x_shape.c, y, argmax, x), [&](auto width) {
    launch(max_pool_forward_kernel<width.value, T>, location_blocks(y_shape, width.value), kSpatialBlock, 0,
           stream, y, argmax, x, extent_of(what, y_shape), extent_of(what, x_shape), windows_of(what, pool));
  });
}

template <class T>
void max_pool_backward(T* dx, Write write, const T* dy, const std::int32_t* argmax, const Shape4& x_shape,
                       const Pool& pool, StreamHandle stream) {
  const char* what = "max_pool_backward";
  const Shape4 y_shape = pooled_shape(what, x_shape, pool);
  check_tensors(what, x_shape, dx, y_shape, dy);
  check_winners(what, argmax, x_shape, y_shape);
  if (x_shape.size() == 0) return;
  with_width<kVector<T>>(channels_pack<kVector<T>>(x_shape.c, dx, dy, argmax), [&](auto width) {
    launch(max_pool_backward_kernel<width.value, T>, location_blocks(x_shape, width.value), kSpatialBlock, 0,
           stream, dx, write, dy, argmax, extent_of(what, x_shape), extent_of(what, y_shape),
           windows_of(what, pool));
  });
}

template <class T>
void avg_pool_forward(T* y, const T* x, const Shape4& x_shape, const Pool& pool, StreamHandle stream) {
  const char* what = "avg_pool_forward";
  const Shape4 y_shape = pooled_shape(what, x_shape, pool);
  check_tensors(what, x_shape, x, y_shape, y);
  if (y_shape.size() == 0) return;
  with_width<kVector<T>>(channels_pack<kVector<T>>(x_shape.c, y, x), [&](auto width) {
    launch(avg_pool_forward_kernel<width.value, T>, location_blocks(y_shape, width.value), kSpatialBlock, 0,
           stream, y, x, extent_of(what, y_shape), extent_of(what, x_shape), windows_of(what, pool));
  });
}

template <class T>
void avg_pool_backward(T* dx, Write write, const T* dy, const Shape4& x_shape, const Pool& pool,
                       StreamHandle stream) {
  const char* what = "avg_pool_backward";
  const Shape4 y_shape = pooled_shape(what, x_shape, pool);
  check_tensors(what, x_shape, dx, y_shape, dy);
  if (x_shape.size() == 0) return;
  with_width<kVector<T>>(channels_pack<kVector<T>>(x_shape.c, dx, dy), [&](auto width) {
    launch(avg_pool_backward_kernel<width.value, T>, location_blocks(x_shape, width.value), kSpatialBlock, 0,
           stream, dx, write, dy, extent_of(what, x_shape), extent_of(what, y_shape), windows_of(what, pool));
  });
}

#define UPTAKE_INSTANTIATE(T)                                                                               \
  template void max_pool_forward<T>(T*, std::int32_t*, const T*, const Shape4&, const Pool&, StreamHandle); \
  template void max_pool_backward<T>(T*, Write, const T*, const std::int32_t*, const Shape4&, const Pool&,  \
                                     StreamHandle);                                                         \
  template void avg_pool_forward<T>(T*, const T*, const Shape4&, const Pool&, StreamHandle);                \
  template void avg_pool_backward<T>(T*, Write, const T*, const Shape4&, const Pool&, StreamHandle);
UPTAKE_INSTANTIATE(float)
UPTAKE_INSTANTIATE(BFloat16)
#undef UPTAKE_INSTANTIATE

}  // namespace uptake::kernels::cuda
