// Convolution and its two gradients, on [n,h,w,c] images with filters [k,c,r,s] (PyTorch's OIHW).
//
//   y[n,p,q,k] = bias[k] + sum_{c,i,j} x[n, p*stride - pad + i, q*stride - pad + j, c] * w[k,c,i,j]
//
// One geometry, three operations. A transposed convolution is the data gradient of a convolution, so it needs
// no operation of its own: its input is dy, its output is dx, and its [in,out,r,s] weight is this w unchanged
// (k = in, c = out); its own data gradient is conv_forward, its weight gradient conv_backward_filters with
// the roles of x and dy exchanged.
//
// On the CPU float runs on oneDNN, with primitives created once per geometry and thread count and kept; double, and
// builds without oneDNN, run plain loops. Images are packed. Deterministic for a given number of threads.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
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

/// CPU: filters in the memory layout the convolution library prefers, in storage owned by the caller (a part of
/// one flat buffer of all parameters), with repacked copies for whichever primitive wants another layout.
///
/// The layout is an elementwise permutation of [k,c,r,s], possibly with zero padding: elementwise optimizers
/// may work on the storage, and gradients and moments share it. Whoever writes the storage calls changed().
template <class T>
class Filters {
 public:
  explicit Filters(const FilterShape& shape);
  ~Filters();
  Filters(const Filters&) = delete;
  Filters& operator=(const Filters&) = delete;

  const FilterShape& shape() const;
  /// Elements of storage, padding included: at least shape().size().
  std::int64_t storage_size() const;

  /// Uses storage_size() elements at `storage`, which must outlive this object and start as zeros.
  void bind(T* storage);
  /// The values in the storage are new: repacked copies are stale.
  void changed();

  /// From and to plain [k,c,r,s], for any buffer in this layout (values, gradients, moments).
  void to_plain(T* kcrs, const T* stored) const;
  void from_plain(T* stored, const T* kcrs) const;

  struct Implementation;
  Implementation& implementation() { return *implementation_; }

 private:
  std::unique_ptr<Implementation> implementation_;
};

namespace cpu {

/// y assigned. bias [k] or null.
template <class T>
void conv_forward(const ConvGeometry& geometry, T* y, const T* x, Filters<T>& filters, const T* bias);

/// dx assigned.
template <class T>
void conv_backward_data(const ConvGeometry& geometry, T* dx, const T* dy, Filters<T>& filters);

/// dfilters, in the layout of `filters`, assigned or added.
template <class T>
void conv_backward_filters(const ConvGeometry& geometry, T* dfilters, Write write, const T* x, const T* dy,
                           Filters<T>& filters);

}  // namespace cpu

namespace cuda {

// On the GPU filters are stored [k,r,s,c] (cuDNN's NHWC order) as T; their gradient is Accum<T> in the same
// order. Images are packed.

/// What a convolution does to its result before it is stored: y = act(y + bias).
template <class T>
struct ConvEpilogue {
  const Accum<T>* bias = nullptr;  // one a channel of the result
  Act act;
};

/// y assigned.
template <class T>
void conv_forward(const ConvGeometry& geometry, T* y, const T* x, const T* krsc,
                  const ConvEpilogue<T>& epilogue, StreamHandle stream);

/// dx assigned. The epilogue serves the transposed convolution, whose result dx is.
template <class T>
void conv_backward_data(const ConvGeometry& geometry, T* dx, const T* dy, const T* krsc,
                        const ConvEpilogue<T>& epilogue, StreamHandle stream);

/// dkrsc assigned or added.
template <class T>
void conv_backward_filters(const ConvGeometry& geometry, Accum<T>* dkrsc, Write write, const T* x,
                           const T* dy, StreamHandle stream);

/// Who computes convolutions: cuDNN or the kernels of this project.
enum class ConvLibrary { own, cudnn };

struct ConvOptions {
  ConvLibrary library = ConvLibrary::own;
  bool tf32 = false;          // cuDNN, float32: round inputs to 10 bits of mantissa for the tensor cores
  bool deterministic = true;  // cuDNN: only plans that give the same bits every time
  bool autotune = false;      // cuDNN: time the candidate plans of each new geometry once
  std::int64_t workspace_cap_bytes = std::int64_t{160} << 20;
  std::filesystem::path plan_cache;  // file of plans chosen before; empty: none
};

/// Of the whole process. At the start the library is cuDNN where the build has it; to change one thing, change
/// it in a copy of conv_options(). Throws std::invalid_argument for cuDNN
/// in a build without it.
void set_conv_options(const ConvOptions& options);
const ConvOptions& conv_options();

}  // namespace cuda
}  // namespace uptake::kernels
