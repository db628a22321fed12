// Convolution and its two gradients, on [n,h,w,c] images with filters [k,r,s,c]: one contract for CPU and GPU.
//
//   y[n,p,q,k] = bias[k] + sum_{c,i,j} x[n, p*stride - pad + i, q*stride - pad + j, c] * w[k,i,j,c]
//
// One geometry, three operations. A transposed convolution is the data gradient of a convolution, so it needs
// no operation of its own: its input is dy, its output is dx, and its filters are this w unchanged (k = in, c = out);
// its own data gradient is the forward operation, its filter gradient backward_filters with the roles of x and dy
// exchanged.
//
// A backend computes them with one of several algorithms, the rows of a table (conv_algorithm.h): the first one that
// supports the case, from the one that ConvOptions names on. Images are packed. The same bits every time, on the CPU
// for a given number of threads.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "kernels/base/device.h"
#include "kernels/base/types.h"
#include "kernels/pointwise.h"

namespace uptake::kernels {

/// The filters' side of a convolution. Padding and stride are the same in both directions.
struct FilterShape {
  std::int64_t k = 0, c = 0, r = 1, s = 1;  // [k,c,r,s]
  std::int64_t stride = 1, pad = 0;
  std::int64_t size() const { return k * c * r * s; }
  bool operator==(const FilterShape&) const = default;
};

struct ConvGeometry {
  Shape4 x;  // [n,h,w,c]
  FilterShape filters;

  /// [n, (h + 2 pad - r) / stride + 1, (w + 2 pad - s) / stride + 1, k].
  Shape4 y() const;

  /// The geometry whose conv_backward_data maps `input` [n,h,w,k] to the output of the transposed
  /// convolution, [n, (h-1) stride - 2 pad + r + output_pad, ..., c]. Throws ShapeError unless 0 <=
  /// output_pad < stride.
  static ConvGeometry transposed(const Shape4& input, const FilterShape& filters, std::int64_t output_pad);

  /// Throws ShapeError: channels of x and filters differ, the kernel is larger than the padded image, or a
  /// size is not positive.
  void check() const;

  bool operator==(const ConvGeometry&) const = default;
};

/// Filters [k,r,s,c] <-> [k,c,r,s], on the host.
template <class T>
void krsc_to_kcrs(T* kcrs, const T* krsc, const FilterShape& shape);
template <class T>
void kcrs_to_krsc(T* krsc, const T* kcrs, const FilterShape& shape);

enum class ConvOperation { forward, backward_data, backward_filters };

/// What a convolution does to its result before it is stored: act(sum + bias), one bias a channel of the result.
template <class T>
struct ConvEpilogue {
  const Accum<T>* bias = nullptr;
  Act act;
};

/// Filters [k,r,s,c], and which values they have: a number that stands for these values at this address only, so that
/// a copy in another layout may be kept (ParameterStore::version). 0: not known, no copy is kept.
template <class T>
struct ConvFilters {
  ConvFilters(const T* values, std::uint64_t version_of_values = 0)
      : krsc(values), version(version_of_values) {}
  const T* krsc;
  std::uint64_t version;
};

/// One operation and its memory. T is float or double on the CPU, float or BFloat16 on the GPU; products are summed
/// up in Accum<T>. Inputs are not written to, though image and result are input of one operation and output of another.
template <class T>
struct ConvCall {
  ConvOperation operation;
  ConvGeometry geometry;
  T* image;                     // x, or dx of backward_data
  ConvFilters<T> filters;       // not of backward_filters
  Accum<T>* filter_gradient;    // of backward_filters
  T* result;                    // y of forward, else dy
  ConvEpilogue<T> epilogue{};   // of what forward and backward_data assign
  Write write = Write::assign;  // of the filters' gradient

  /// y assigned.
  static ConvCall forward(const ConvGeometry& g, T* y, const T* x, const ConvFilters<T>& filters,
                          const ConvEpilogue<T>& epilogue = {}) {
    return {ConvOperation::forward, g, const_cast<T*>(x), filters, nullptr, y, epilogue};
  }
  /// dx assigned. The epilogue serves the transposed convolution, whose result dx is.
  static ConvCall backward_data(const ConvGeometry& g, T* dx, const T* dy, const ConvFilters<T>& filters,
                                const ConvEpilogue<T>& epilogue = {}) {
    return {ConvOperation::backward_data, g, dx, filters, nullptr, const_cast<T*>(dy), epilogue};
  }
  /// dfilters [k,r,s,c] assigned or added.
  static ConvCall backward_filters(const ConvGeometry& g, Accum<T>* dfilters, Write write, const T* x,
                                   const T* dy) {
    return {ConvOperation::backward_filters,
            g,
            const_cast<T*>(x),
            nullptr,
            dfilters,
            const_cast<T*>(dy),
            {},
            write};
  }

  /// What forward and backward_data assign, and its shape.
  T* output() const { return operation == ConvOperation::forward ? result : image; }
  Shape4 output_shape() const { return operation == ConvOperation::forward ? geometry.y() : geometry.x; }
  /// Whether an image has no elements: no product is computed, what is left is act(bias), or a gradient of zeros.
  bool is_empty() const { return geometry.x.size() == 0 || geometry.y().size() == 0; }
};

/// How a network's convolutions are computed.
struct ConvOptions {
  /// A name of conv_algorithms(): the fastest that may be taken. auto: the first of the list.
  std::string algorithm = "auto";
  bool tf32 = false;          // cuDNN, float32: round inputs to 10 bits of mantissa for the tensor cores
  bool deterministic = true;  // cuDNN: only plans that give the same bits every time
  bool autotune = false;      // cuDNN: time the candidate plans of each new geometry once
  std::int64_t workspace_cap_bytes = std::int64_t{160} << 20;
  std::filesystem::path plan_cache = {};  // file of plans chosen before; empty: none
};

namespace cpu {

/// Throws ShapeError for an impossible geometry and std::invalid_argument for an algorithm that is not in the list.
/// Any thread may call.
template <class T>
void conv(const ConvCall<T>& call, const ConvOptions& options = {});

/// The CPU's algorithms in this build, the fastest first.
std::vector<std::string> conv_algorithms();

/// Copies that were kept for filters in [begin, end) are not needed any more: to be called when their memory is freed.
void forget_filters(const void* begin, const void* end);

}  // namespace cpu

namespace cuda {

/// The same on the GPU, in the order of the stream.
template <class T>
void conv(const ConvCall<T>& call, const ConvOptions& options, StreamHandle stream);
/// Empty in a build without CUDA.
std::vector<std::string> conv_algorithms();

}  // namespace cuda
}  // namespace uptake::kernels
