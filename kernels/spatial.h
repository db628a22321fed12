// Reflection padding, up-sampling and pooling. x is packed [n,h,w,c], y packed with the shape stated. Each
// backward is the transpose of its forward; dx is assigned or added. No buffers may overlap.
#pragma once
#include "kernels/base/device.h"
#include "kernels/base/types.h"

namespace uptake::kernels {

/// Average pooling divides by kernel^2 (include) or by the number of real pixels (exclude).
enum class CountPadding { include, exclude };

struct Pool {
  std::int64_t kernel = 2, stride = 2, pad = 0;  // requires pad <= kernel/2
  CountPadding count_padding = CountPadding::include;
  /// floor((in + 2 pad - kernel) / stride) + 1, and 0 for in = 0; throws ShapeError if the kernel does not
  /// fit.
  std::int64_t output_size(std::int64_t in) const;
};

// Shapes of y. An axis of x without elements has none in y. `what` begins the text of the ShapeError that negative
// sizes and what is required below throw.

/// [n, h+2p, w+2p, c]; requires 0 <= pad < h and pad < w (as PyTorch), of an empty x only 0 <= pad.
Shape4 padded_shape(const char* what, const Shape4& x, std::int64_t pad);
/// [n, h*factor, w*factor, c]; requires factor >= 1.
Shape4 enlarged_shape(const char* what, const Shape4& x, std::int64_t factor);
/// [n, ho, wo, c] of Pool::output_size.
Shape4 pooled_shape(const char* what, const Shape4& x, const Pool& pool);

namespace detail {

/// max_pool's argmax has memory and room for an image's index.
void check_winners(const char* what, const std::int32_t* argmax, const Shape4& x_shape,
                   const Shape4& y_shape);

}  // namespace detail

namespace cpu {

/// y: padded_shape.
template <class T>
void reflection_pad_forward(T* y, const T* x, const Shape4& x_shape, std::int64_t pad);
template <class T>
void reflection_pad_backward(T* dx, Write write, const T* dy, const Shape4& x_shape, std::int64_t pad);

/// y: enlarged_shape.
template <class T>
void upsample_nearest_forward(T* y, const T* x, const Shape4& x_shape, std::int64_t factor);
template <class T>
void upsample_nearest_backward(T* dx, Write write, const T* dy, const Shape4& x_shape, std::int64_t factor);

/// Bilinear with pixel centres at (i + 0.5) (PyTorch's align_corners = False), edges clamped.
template <class T>
void upsample_bilinear_forward(T* y, const T* x, const Shape4& x_shape, std::int64_t factor);
template <class T>
void upsample_bilinear_backward(T* dx, Write write, const T* dy, const Shape4& x_shape, std::int64_t factor);

/// y: pooled_shape. argmax, of the same shape: index h*w_size + w of the winning pixel, saved for backward; the first of equals wins
/// and NaN wins over numbers. Padding never wins.
template <class T>
void max_pool_forward(T* y, std::int32_t* argmax, const T* x, const Shape4& x_shape, const Pool& pool);
template <class T>
void max_pool_backward(T* dx, Write write, const T* dy, const std::int32_t* argmax, const Shape4& x_shape,
                       const Pool& pool);

template <class T>
void avg_pool_forward(T* y, const T* x, const Shape4& x_shape, const Pool& pool);
template <class T>
void avg_pool_backward(T* dx, Write write, const T* dy, const Shape4& x_shape, const Pool& pool);

}  // namespace cpu

namespace cuda {

template <class T>
void reflection_pad_forward(T* y, const T* x, const Shape4& x_shape, std::int64_t pad, StreamHandle stream);
template <class T>
void reflection_pad_backward(T* dx, Write write, const T* dy, const Shape4& x_shape, std::int64_t pad,
                             StreamHandle stream);

template <class T>
void upsample_nearest_forward(T* y, const T* x, const Shape4& x_shape, std::int64_t factor,
                              StreamHandle stream);
template <class T>
void upsample_nearest_backward(T* dx, Write write, const T* dy, const Shape4& x_shape, std::int64_t factor,
                               StreamHandle stream);

template <class T>
void upsample_bilinear_forward(T* y, const T* x, const Shape4& x_shape, std::int64_t factor,
                               StreamHandle stream);
template <class T>
void upsample_bilinear_backward(T* dx, Write write, const T* dy, const Shape4& x_shape, std::int64_t factor,
                                StreamHandle stream);

template <class T>
void max_pool_forward(T* y, std::int32_t* argmax, const T* x, const Shape4& x_shape, const Pool& pool,
                      StreamHandle stream);
template <class T>
void max_pool_backward(T* dx, Write write, const T* dy, const std::int32_t* argmax, const Shape4& x_shape,
                       const Pool& pool, StreamHandle stream);

template <class T>
void avg_pool_forward(T* y, const T* x, const Shape4& x_shape, const Pool& pool, StreamHandle stream);
template <class T>
void avg_pool_backward(T* dx, Write write, const T* dy, const Shape4& x_shape, const Pool& pool,
                       StreamHandle stream);

}  // namespace cuda
}  // namespace uptake::kernels
