#include "nn/tensor.h"

#include "kernels/copy.h"
#include "kernels/memory.h"

namespace uptake::nn {

namespace cpu = kernels::cpu;

std::string to_string(const Shape& s) {
  std::string text = "[";
  for (const auto size : {s.n, s.h, s.w}) text += std::to_string(size) + ",";
  return text + std::to_string(s.c) + "]";
}

std::string to_string(DType dtype) { return dtype == DType::f64 ? "float64" : "float32"; }

Tensor Tensor::empty(const Shape& shape, DType dtype) {
  if (shape.n < 0 || shape.h < 0 || shape.w < 0 || shape.c < 0)
    throw ShapeError("tensor: negative size in " + to_string(shape));
  Tensor t;
  t.shape_ = shape;
  t.pitch_ = shape.c;
  t.dtype_ = dtype;
  const std::size_t element_bytes = dtype == DType::f64 ? sizeof(double) : sizeof(float);
  t.block_ = kernels::host_memory().allocate(static_cast<std::size_t>(shape.size()) * element_bytes);
  return t;
}

Tensor Tensor::zeros(const Shape& shape, DType dtype) { return full(shape, dtype, 0); }

Tensor Tensor::full(const Shape& shape, DType dtype, double value) {
  Tensor t = empty(shape, dtype);
  t.fill(value);
  return t;
}

Tensor Tensor::channels(std::int64_t begin, std::int64_t end) const {
  if (begin < 0 || end < begin || end > shape_.c)
    throw ShapeError("tensor: channels " + std::to_string(begin) + " to " + std::to_string(end) + " of " +
                     to_string(shape_));
  Tensor t = *this;
  t.offset_ += begin;
  t.shape_.c = end - begin;
  return t;
}

Tensor Tensor::slice(std::int64_t begin, std::int64_t count) const {
  if (!packed() || begin < 0 || count < 0 || begin + count > size())
    throw ShapeError("tensor: elements " + std::to_string(begin) + " to " + std::to_string(begin + count) +
                     " of " + to_string(shape_));
  Tensor t = *this;
  t.offset_ += begin;
  t.shape_ = {1, 1, 1, count};
  t.pitch_ = count;
  return t;
}

Tensor Tensor::reshaped(const Shape& shape) const {
  if (!packed() || shape.size() != size())
    throw ShapeError("tensor: " + to_string(shape_) + " cannot be seen as " + to_string(shape));
  Tensor t = *this;
  t.shape_ = shape;
  t.pitch_ = shape.c;
  return t;
}

Tensor Tensor::clone() const {
  Tensor copy = empty(shape_, dtype_);
  copy.copy_from(*this);
  return copy;
}

Tensor Tensor::to(DType dtype) const {
  const Tensor from = contiguous();
  Tensor result = empty(shape_, dtype);
  dispatch(dtype_, [&]<class From>() {
    dispatch(dtype, [&]<class To>() {
      const From* p = from.data<From>();
      To* q = result.data<To>();
      for (std::int64_t i = 0; i < size(); ++i) q[i] = static_cast<To>(p[i]);
    });
  });
  return result;
}

double Tensor::item() const {
  if (size() != 1) throw ShapeError("tensor: item() of " + to_string(shape_) + ", which is not one element");
  return dispatch(dtype_, [&]<class T>() { return static_cast<double>(*data<T>()); });
}

void Tensor::fill(double value) {
  dispatch(dtype_, [&]<class T>() {
    if (packed()) return cpu::fill(data<T>(), static_cast<T>(value), size());
    for (std::int64_t i = 0; i < shape_.pixels(); ++i)
      cpu::fill(data<T>() + i * pitch_, static_cast<T>(value), shape_.c);
  });
}

void Tensor::copy_from(const Tensor& source) {
  if (!(source.shape_ == shape_) || source.dtype_ != dtype_)
    throw ShapeError("tensor: cannot copy " + to_string(source.dtype_) + to_string(source.shape_) + " into " +
                     to_string(dtype_) + to_string(shape_));
  dispatch(dtype_, [&]<class T>() {
    cpu::copy_channels<T>(view<T>(), kernels::Write::assign, source.view<T>(), shape_.pixels(), shape_.c);
  });
}

bool Tensor::all_finite() const {
  const Tensor t = contiguous();
  return dispatch(dtype_, [&]<class T>() { return cpu::all_finite(t.data<T>(), t.size()); });
}

void Tensor::wrong_type() const {
  throw std::logic_error("tensor: elements of " + to_string(shape_) + " are " + to_string(dtype_) +
                         ", read as another type");
}

}  // namespace uptake::nn
