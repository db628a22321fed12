// Convolution as plain loops: what double and builds without oneDNN run. Empty operands need no care: what is left is
// bias and activation, or a gradient of zeros.
#pragma once
#include <algorithm>

#include "kernels/base/host.h"
#include "kernels/conv/cpu/conv_epilogue.h"

namespace uptake::kernels::cpu::plain {

// The range of output positions p in [0,out) for which p*stride - pad + tap lies inside [0,in).
struct Range {
  std::int64_t begin, end;
};
inline Range valid(std::int64_t tap, std::int64_t in, std::int64_t out, const FilterShape& f) {
  const std::int64_t low = f.pad - tap, high = in - 1 + f.pad - tap;
  return {low <= 0 ? 0 : (low + f.stride - 1) / f.stride, high < 0 ? 0 : std::min(out, high / f.stride + 1)};
}

template <class T>
void forward(const ConvGeometry& g, T* y, const T* x, const T* w, const T* bias) {
  const FilterShape& f = g.filters;
  const Shape4 out = g.y();
#pragma omp parallel for collapse(2) schedule(static) num_threads(threads())
  for (std::int64_t n = 0; n < out.n; ++n) {
    for (std::int64_t p = 0; p < out.h; ++p) {
      for (std::int64_t q = 0; q < out.w; ++q) {
        T* to = y + ((n * out.h + p) * out.w + q) * f.k;
        for (std::int64_t k = 0; k < f.k; ++k) {
          T total = bias ? bias[k] : T(0);
          for (std::int64_t i = 0; i < f.r; ++i) {
            const std::int64_t h = p * f.stride - f.pad + i;
            if (h < 0 || h >= g.x.h) continue;
            for (std::int64_t j = 0; j < f.s; ++j) {
              const std::int64_t column = q * f.stride - f.pad + j;
              if (column < 0 || column >= g.x.w) continue;
              const T* from = x + ((n * g.x.h + h) * g.x.w + column) * f.c;
              const T* tap = w + ((k * f.r + i) * f.s + j) * f.c;
              for (std::int64_t c = 0; c < f.c; ++c) total += from[c] * tap[c];
            }
          }
          to[k] = total;
        }
      }
    }
  }
}

template <class T>
void backward_data(const ConvGeometry& g, T* dx, const T* dy, const T* w) {
  const FilterShape& f = g.filters;
  const Shape4 out = g.y();
  // One thread owns one image of the batch: its pixels are scattered to in a fixed order.
#pragma omp parallel for schedule(static) num_threads(threads())
  for (std::int64_t n = 0; n < g.x.n; ++n) {
    T* image = dx + n * g.x.h * g.x.w * f.c;
    std::fill(image, image + g.x.h * g.x.w * f.c, T(0));
    for (std::int64_t i = 0; i < f.r; ++i) {
      const Range rows = valid(i, g.x.h, out.h, f);
      for (std::int64_t j = 0; j < f.s; ++j) {
        const Range columns = valid(j, g.x.w, out.w, f);
        for (std::int64_t p = rows.begin; p < rows.end; ++p) {
          for (std::int64_t q = columns.begin; q < columns.end; ++q) {
            T* to = image + ((p * f.stride - f.pad + i) * g.x.w + q * f.stride - f.pad + j) * f.c;
            const T* from = dy + ((n * out.h + p) * out.w + q) * f.k;
            for (std::int64_t k = 0; k < f.k; ++k) {
              const T* tap = w + ((k * f.r + i) * f.s + j) * f.c;
              for (std::int64_t c = 0; c < f.c; ++c) to[c] += from[k] * tap[c];
            }
          }
        }
      }
    }
  }
}

template <class T>
void backward_filters(const ConvGeometry& g, T* dw, Write write, const T* x, const T* dy) {
  const FilterShape& f = g.filters;
  const Shape4 out = g.y();
#pragma omp parallel for schedule(static) num_threads(threads())
  for (std::int64_t k = 0; k < f.k; ++k) {
    T* to = dw + k * f.r * f.s * f.c;
    if (write == Write::assign) std::fill(to, to + f.r * f.s * f.c, T(0));
    for (std::int64_t i = 0; i < f.r; ++i) {
      const Range rows = valid(i, g.x.h, out.h, f);
      for (std::int64_t j = 0; j < f.s; ++j) {
        const Range columns = valid(j, g.x.w, out.w, f);
        T* tap = to + (i * f.s + j) * f.c;
        for (std::int64_t n = 0; n < out.n; ++n) {
          for (std::int64_t p = rows.begin; p < rows.end; ++p) {
            for (std::int64_t q = columns.begin; q < columns.end; ++q) {
              const T slope = dy[((n * out.h + p) * out.w + q) * f.k + k];
              const T* from =
                  x + ((n * g.x.h + p * f.stride - f.pad + i) * g.x.w + q * f.stride - f.pad + j) * f.c;
              for (std::int64_t c = 0; c < f.c; ++c) tap[c] += slope * from[c];
            }
          }
        }
      }
    }
  }
}

template <class T>
bool supports(const ConvCall<T>&) {
  return true;
}

template <class T>
void run(const ConvCall<T>& call, const ConvOptions&, cuda::StreamHandle) {
  switch (call.operation) {
    case ConvOperation::forward:
      forward(call.geometry, call.result, call.image, call.filters.krsc, call.epilogue.bias);
      return activate(call);
    case ConvOperation::backward_data:
      backward_data(call.geometry, call.image, call.result, call.filters.krsc);
      cpu::add_bias(call);
      return activate(call);
    case ConvOperation::backward_filters:
      return backward_filters(call.geometry, call.filter_gradient, call.write, call.image, call.result);
  }
}

}  // namespace uptake::kernels::cpu::plain
