// Reflection padding and up-sampling. Pooling is in spatial_pool.cu.
#include "kernels/spatial.h"

#include "kernels/detail/spatial.cuh"

namespace uptake::kernels::cuda {
namespace {

using kernels::detail::check_tensors;

// ---- reflection padding

__device__ int reflect(int i, int size) {
  if (i < 0) i = -i;
  return i < size ? i : 2 * (size - 1) - i;
}

/// The three places of a padded axis that can show element i: beyond its start, itself, beyond its end; -1
/// where there is none.
__device__ int mirror(int which, int i, int size, int pad) {
  if (which == 0) return i > 0 && i <= pad ? pad - i : -1;
  if (which == 1) return i + pad;
  const int image = 2 * (size - 1) - i;
  return i < size - 1 && image < size + pad ? image + pad : -1;
}

template <int N, class T>
__global__ void __launch_bounds__(kSpatialBlock)
    reflection_pad_forward_kernel(T* y, const T* x, Extent to, Extent from, int pad) {
  for_locations<N>(to, [&](const Location& p) {
    const int h = reflect(p.h - pad, from.h), w = reflect(p.w - pad, from.w);
    store_pack(at(y, to, p), load_pack<N>(at(x, from, p.n, h, w, p.channel)));
  });
}

template <int N, class T>
__global__ void __launch_bounds__(kSpatialBlock)
    reflection_pad_backward_kernel(T* dx, Write write, const T* dy, Extent to, Extent from, int pad) {
  for_locations<N>(to, [&](const Location& p) {
    float sums[N] = {};
#pragma unroll
    for (int i = 0; i < 3; ++i) {
      const int h = mirror(i, p.h, to.h, pad);
      if (h < 0) continue;
#pragma unroll
      for (int j = 0; j < 3; ++j) {
        const int w = mirror(j, p.w, to.w, pad);
        if (w >= 0) add_channels(sums, at(dy, from, p.n, h, w, p.channel));
      }
    }
    write_array(at(dx, to, p), write, sums);
  });
}

// ---- up-sampling

template <int N, class T>
__global__ void __launch_bounds__(kSpatialBlock)
    upsample_nearest_forward_kernel(T* y, const T* x, Extent to, Extent from, int factor) {
  for_locations<N>(to, [&](const Location& p) {
    store_pack(at(y, to, p), load_pack<N>(at(x, from, p.n, p.h / factor, p.w / factor, p.channel)));
  });
}

template <int N, class T>
__global__ void __launch_bounds__(kSpatialBlock)
    upsample_nearest_backward_kernel(T* dx, Write write, const T* dy, Extent to, Extent from, int factor) {
  for_locations<N>(to, [&](const Location& p) {
    float sums[N] = {};
    for (int i = 0; i < factor; ++i)
      for (int j = 0; j < factor; ++j)
        add_channels(sums, at(dy, from, p.n, p.h * factor + i, p.w * factor + j, p.channel));
    write_array(at(dx, to, p), write, sums);
  });
}

/// Output place `o` is first * (1 - share) + second * share: o lies at (o + 1/2) / factor - 1/2 input pixels,
/// worked out in units of 1 / (2 factor).
struct Between {
  int first, second;
  float share;
  __device__ Between(int o, int size, int factor) {
    const int unit = 2 * factor, place = 2 * o + 1 - factor, inside = place > 0 ? place : 0;
    first = inside / unit;
    second = first + 1 < size ? first + 1 : first;
    share = static_cast<float>(inside - first * unit) / static_cast<float>(unit);
  }
  /// Weight with which input place i enters.
  __device__ float weight(int i) const {
    return (i == first ? 1.0f - share : 0.0f) + (i == second ? share : 0.0f);
  }
};

/// The output places whose distance from input i is less than one input pixel, and those beyond the border.
struct Reach {
  int first, last;
  __device__ Reach(int i, int size, int factor) {
    first = i == 0 ? 0 : ((2 * i - 1) * factor + 1) / 2;
    last = i == size - 1 ? size * factor : (2 * i + 3) * factor / 2;
  }
};

template <int N, class T>
__global__ void __launch_bounds__(kSpatialBlock)
    upsample_bilinear_forward_kernel(T* y, const T* x, Extent to, Extent from, int factor) {
  for_locations<N>(to, [&](const Location& p) {
    const Between row(p.h, from.h, factor), column(p.w, from.w, factor);
    const auto between = [&](float(&line)[N], int h) {
#pragma unroll
      for (int i = 0; i < N; ++i) line[i] = 0;
      add_channels(line, at(x, from, p.n, h, column.first, p.channel), 1.0f - column.share);
      add_channels(line, at(x, from, p.n, h, column.second, p.channel), column.share);
    };
    float above[N], below[N];
    between(above, row.first);
    between(below, row.second);
#pragma unroll
    for (int i = 0; i < N; ++i) above[i] = (1.0f - row.share) * above[i] + row.share * below[i];
    store_array(at(y, to, p), above);
  });
}

template <int N, class T>
__global__ void __launch_bounds__(kSpatialBlock)
    upsample_bilinear_backward_kernel(T* dx, Write write, const T* dy, Extent to, Extent from, int factor) {
  for_locations<N>(to, [&](const Location& p) {
    const Reach rows(p.h, to.h, factor), columns(p.w, to.w, factor);
    float sums[N] = {};
    for (int h = rows.first; h < rows.last; ++h) {
      const float row = Between(h, to.h, factor).weight(p.h);
      for (int w = columns.first; w < columns.last; ++w)
        add_channels(sums, at(dy, from, p.n, h, w, p.channel), row * Between(w, to.w, factor).weight(p.w));
    }
    write_array(at(dx, to, p), write, sums);
  });
}

}  // namespace

template <class T>
void reflection_pad_forward(T* y, const T* x, const Shape4& x_shape, std::int64_t pad, StreamHandle stream) {
  const char* what = "reflection_pad_forward";
  const Shape4 y_shape = padded_shape(what, x_shape, pad);
  check_tensors(what, x_shape, x, y_shape, y);
  if (y_shape.size() == 0) return;
  with_width<kVector<T>>(channels_pack<kVector<T>>(x_shape.c, y, x), [&](auto width) {
    launch(reflection_pad_forward_kernel<width.value, T>, location_blocks(y_shape, width.value),
           kSpatialBlock, 0, stream, y, x, extent_of(what, y_shape), extent_of(what, x_shape),
           small(what, pad));
  });
}

template <class T>
void reflection_pad_backward(T* dx, Write write, const T* dy, const Shape4& x_shape, std::int64_t pad,
                             StreamHandle stream) {
  const char* what = "reflection_pad_backward";
  const Shape4 y_shape = padded_shape(what, x_shape, pad);
  check_tensors(what, x_shape, dx, y_shape, dy);
  if (x_shape.size() == 0) return;
  with_width<kVector<T>>(channels_pack<kVector<T>>(x_shape.c, dx, dy), [&](auto width) {
    launch(reflection_pad_backward_kernel<width.value, T>, location_blocks(x_shape, width.value),
           kSpatialBlock, 0, stream, dx, write, dy, extent_of(what, x_shape), extent_of(what, y_shape),
           small(what, pad));
  });
}

template <class T>
void upsample_nearest_forward(T* y, const T* x, const Shape4& x_shape, std::int64_t factor,
                              StreamHandle stream) {
  const char* what = "upsample_nearest_forward";
  const Shape4 y_shape = enlarged_shape(what, x_shape, factor);
  check_tensors(what, x_shape, x, y_shape, y);
  if (y_shape.size() == 0) return;
  with_width<kVector<T>>(channels_pack<kVector<T>>(x_shape.c, y, x), [&](auto width) {
    launch(upsample_nearest_forward_kernel<width.value, T>, location_blocks(y_shape, width.value),
           kSpatialBlock, 0, stream, y, x, extent_of(what, y_shape), extent_of(what, x_shape),
           small(what, factor));
  });
}

template <class T>
void upsample_nearest_backward(T* dx, Write write, const T* dy, const Shape4& x_shape, std::int64_t factor,
                               StreamHandle stream) {
  const char* what = "upsample_nearest_backward";
  const Shape4 y_shape = enlarged_shape(what, x_shape, factor);
  check_tensors(what, x_shape, dx, y_shape, dy);
  if (x_shape.size() == 0) return;
  with_width<kVector<T>>(channels_pack<kVector<T>>(x_shape.c, dx, dy), [&](auto width) {
    launch(upsample_nearest_backward_kernel<width.value, T>, location_blocks(x_shape, width.value),
           kSpatialBlock, 0, stream, dx, write, dy, extent_of(what, x_shape), extent_of(what, y_shape),
           small(what, factor));
  });
}

template <class T>
void upsample_bilinear_forward(T* y, const T* x, const Shape4& x_shape, std::int64_t factor,
                               StreamHandle stream) {
  const char* what = "upsample_bilinear_forward";
  const Shape4 y_shape = enlarged_shape(what, x_shape, factor);
  check_tensors(what, x_shape, x, y_shape, y);
  if (y_shape.size() == 0) return;
  with_width<kVector<T>>(channels_pack<kVector<T>>(x_shape.c, y, x), [&](auto width) {
    launch(upsample_bilinear_forward_kernel<width.value, T>, location_blocks(y_shape, width.value),
           kSpatialBlock, 0, stream, y, x, extent_of(what, y_shape), extent_of(what, x_shape),
           small(what, factor));
  });
}

template <class T>
void upsample_bilinear_backward(T* dx, Write write, const T* dy, const Shape4& x_shape, std::int64_t factor,
                                StreamHandle stream) {
  const char* what = "upsample_bilinear_backward";
  const Shape4 y_shape = enlarged_shape(what, x_shape, factor);
  check_tensors(what, x_shape, dx, y_shape, dy);
  if (x_shape.size() == 0) return;
  with_width<kVector<T>>(channels_pack<kVector<T>>(x_shape.c, dx, dy), [&](auto width) {
    launch(upsample_bilinear_backward_kernel<width.value, T>, location_blocks(x_shape, width.value),
           kSpatialBlock, 0, stream, dx, write, dy, extent_of(what, x_shape), extent_of(what, y_shape),
           small(what, factor));
  });
}

#define UPTAKE_INSTANTIATE(T)                                                                               \
  template void reflection_pad_forward<T>(T*, const T*, const Shape4&, std::int64_t, StreamHandle);         \
  template void reflection_pad_backward<T>(T*, Write, const T*, const Shape4&, std::int64_t, StreamHandle); \
  template void upsample_nearest_forward<T>(T*, const T*, const Shape4&, std::int64_t, StreamHandle);       \
  template void upsample_nearest_backward<T>(T*, Write, const T*, const Shape4&, std::int64_t,              \
                                             StreamHandle);                                                 \
  template void upsample_bilinear_forward<T>(T*, const T*, const Shape4&, std::int64_t, StreamHandle);      \
  template void upsample_bilinear_backward<T>(T*, Write, const T*, const Shape4&, std::int64_t, StreamHandle);
UPTAKE_INSTANTIATE(float)
UPTAKE_INSTANTIATE(BFloat16)
#undef UPTAKE_INSTANTIATE

}  // namespace uptake::kernels::cuda
