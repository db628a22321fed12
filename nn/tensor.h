// Tensor: shared storage, shape [n,h,w,c], channels fastest, and a pixel pitch so that a half of a
// concatenated tensor is a Tensor too. Copying a Tensor copies the handle; elements are shared, and a const handle
// guards nothing. So functions keep to this: they read what they take as `const Tensor&`, and write only to what they
// take by value or as `Tensor&`.
//
// Threads: like shared_ptr. Different handles may be used on different threads at the same time; elements may be read
// by several, or written by one. Work on the GPU is for one thread at a time.
//
// A tensor is in the memory of the CPU or of the GPU. Work on GPU tensors is enqueued on one stream; reading
// elements on the host (item(), all_finite(), to(Device::cpu)) waits for it.
#pragma once
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "kernels/base/types.h"

namespace uptake::nn {

using kernels::ShapeError;
using Shape = kernels::Shape4;

enum class Device { cpu, cuda };

/// Storage types: float32 everywhere, float64 on the CPU (on the GPU only to hold results of losses), bfloat16
/// on the GPU.
enum class DType { f32, f64, bf16 };

std::string to_string(const Shape& shape);  // "[1,256,256,3]"
std::string to_string(DType dtype);         // "float32"
std::string to_string(Device device);       // "cpu"

/// Calls f.template operator()<T>() with the C++ type of a storage type of the CPU. (For operations on either
/// device: run() in nn/backend.h.) Throws std::logic_error for bfloat16.
template <class F>
decltype(auto) dispatch(DType dtype, F&& f) {
  if (dtype == DType::f64) return f.template operator()<double>();
  if (dtype == DType::bf16) throw std::logic_error("bfloat16 is a storage type of the GPU");
  return f.template operator()<float>();
}

template <class T>
constexpr DType dtype_of() {
  if (std::is_same_v<T, kernels::BFloat16>) return DType::bf16;
  return std::is_same_v<T, double> ? DType::f64 : DType::f32;
}

/// Of statistics, parameters and gradients of parameters: kernels::Accum.
constexpr DType accum(DType dtype) { return dtype == DType::bf16 ? DType::f32 : dtype; }

std::size_t bytes_of(DType dtype);

class Tensor {
 public:
  Tensor() = default;

  /// Unspecified contents, packed, from the device's memory pool. Throws ShapeError for a negative size, and
  /// std::logic_error for a GPU tensor in a build without CUDA.
  static Tensor empty(const Shape& shape, DType dtype, Device device = Device::cpu);
  static Tensor zeros(const Shape& shape, DType dtype, Device device = Device::cpu);
  static Tensor full(const Shape& shape, DType dtype, double value, Device device = Device::cpu);
  /// A vector of `count` zeros, shape [1,1,1,count].
  static Tensor vector(std::int64_t count, DType dtype, Device device = Device::cpu) {
    return zeros({1, 1, 1, count}, dtype, device);
  }

  bool defined() const { return block_ != nullptr; }
  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  Device device() const { return device_; }
  std::int64_t size() const { return shape_.size(); }
  std::int64_t pitch() const { return pitch_; }
  bool packed() const { return pitch_ == shape_.c || shape_.pixels() <= 1; }

  /// First element, in the memory of device(). Throws std::logic_error if T is not the storage type.
  template <class T>
  T* data() const {
    if (dtype_of<T>() != dtype_) wrong_type();
    return reinterpret_cast<T*>(block_.get()) + offset_;
  }
  template <class T>
  kernels::View<T> view() const {
    return {data<T>(), pitch_};
  }

  /// Channels [begin, end) of every pixel: a view, no copy.
  Tensor channels(std::int64_t begin, std::int64_t end) const;
  /// Elements [begin, begin + count) of a packed tensor as a vector [1,1,1,count]: a view, no copy.
  Tensor slice(std::int64_t begin, std::int64_t count) const;
  /// The same packed elements under another shape of the same size: a view, no copy.
  Tensor reshaped(const Shape& shape) const;

  /// A packed copy.
  Tensor clone() const;
  /// Itself when packed, else a packed copy.
  Tensor contiguous() const { return packed() ? *this : clone(); }
  /// A copy in another storage type.
  Tensor to(DType dtype) const;
  /// Itself if it is there, else a packed copy in the memory of `device`.
  Tensor to(Device device) const;

  /// The single element of a one-element tensor.
  double item() const;
  void fill(double value);
  /// Same shape required; dtypes must match. Between devices it blocks until the copy is done.
  void copy_from(const Tensor& source);
  bool all_finite() const;

 private:
  [[noreturn]] void wrong_type() const;

  std::shared_ptr<std::byte> block_;
  std::int64_t offset_ = 0;  // elements
  Shape shape_;
  std::int64_t pitch_ = 0;  // elements
  DType dtype_ = DType::f32;
  Device device_ = Device::cpu;
};

}  // namespace uptake::nn
