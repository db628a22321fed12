// Tensor: shared storage, shape [n,h,w,c], channels fastest, and a pixel pitch so that a half of a
// concatenated tensor is a Tensor too. Copying a Tensor copies the handle; elements are shared.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "kernels/types.h"

namespace uptake::nn {

using kernels::ShapeError;
using Shape = kernels::Shape4;

/// Storage types. bfloat16 storage joins here.
enum class DType { f32, f64 };

std::string to_string(const Shape& shape);  // "[1,256,256,3]"
std::string to_string(DType dtype);         // "float32"

/// Calls f.template operator()<T>() with the C++ type of `dtype`: the one place where a type becomes a value.
template <class F>
decltype(auto) dispatch(DType dtype, F&& f) {
  if (dtype == DType::f64) return f.template operator()<double>();
  return f.template operator()<float>();
}

template <class T>
constexpr DType dtype_of() {
  return std::is_same_v<T, double> ? DType::f64 : DType::f32;
}

class Tensor {
 public:
  Tensor() = default;

  /// Unspecified contents, packed, from the process's memory pool. Throws ShapeError for a negative size.
  static Tensor empty(const Shape& shape, DType dtype);
  static Tensor zeros(const Shape& shape, DType dtype);
  static Tensor full(const Shape& shape, DType dtype, double value);
  /// A vector of `count` elements, shape [1,1,1,count].
  static Tensor vector(std::int64_t count, DType dtype) { return zeros({1, 1, 1, count}, dtype); }

  bool defined() const { return block_ != nullptr; }
  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  std::int64_t size() const { return shape_.size(); }
  std::int64_t pitch() const { return pitch_; }
  bool packed() const { return pitch_ == shape_.c || shape_.pixels() <= 1; }

  /// First element. Throws std::logic_error if T is not the storage type.
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

  /// The single element of a one-element tensor.
  double item() const;
  void fill(double value);
  /// Same shape required; dtypes must match.
  void copy_from(const Tensor& source);
  bool all_finite() const;

 private:
  [[noreturn]] void wrong_type() const;

  std::shared_ptr<std::byte> block_;
  std::int64_t offset_ = 0;  // elements
  Shape shape_;
  std::int64_t pitch_ = 0;  // elements
  DType dtype_ = DType::f32;
};

}  // namespace uptake::nn
