#include "nn/tensor.h"

#include <cstring>

#include "kernels/base/memory.h"
#include "kernels/elementwise.h"
#include "nn/backend.h"

namespace uptake::nn {

std::string to_string(const Shape& s) {
  std::string text = "[";
  for (const auto size : {s.n, s.h, s.w}) text += std::to_string(size) + ",";
  return text + std::to_string(s.c) + "]";
}

std::string to_string(DType dtype) {
  if (dtype == DType::bf16) return "bfloat16";
  return dtype == DType::f64 ? "float64" : "float32";
}

std::string to_string(Device device) { return device == Device::cuda ? "cuda" : "cpu"; }

std::size_t bytes_of(DType dtype) {
  if (dtype == DType::bf16) return sizeof(kernels::BFloat16);
  return dtype == DType::f64 ? sizeof(double) : sizeof(float);
}

Tensor Tensor::empty(const Shape& shape, DType dtype, Device device) {
  if (shape.n < 0 || shape.h < 0 || shape.w < 0 || shape.c < 0)
    throw ShapeError("tensor: negative size in " + to_string(shape));
  Tensor t;
  t.shape_ = shape;
  t.pitch_ = shape.c;
  t.dtype_ = dtype;
  t.device_ = device;
  t.block_ = allocate(device, static_cast<std::size_t>(shape.size()) * bytes_of(dtype));
  return t;
}

Tensor Tensor::zeros(const Shape& shape, DType dtype, Device device) { return full(shape, dtype, 0, device); }

Tensor Tensor::full(const Shape& shape, DType dtype, double value, Device device) {
  Tensor t = empty(shape, dtype, device);
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
  Tensor copy = empty(shape_, dtype_, device_);
  copy.copy_from(*this);
  return copy;
}

Tensor Tensor::to(Device device) const {
  if (device == device_) return *this;
  Tensor copy = empty(shape_, dtype_, device);
  copy.copy_from(*this);
  return copy;
}

Tensor Tensor::to(DType dtype) const {
  const Tensor from = contiguous();
  Tensor result = empty(shape_, dtype, device_);
  if (dtype == dtype_) {
    result.copy_from(from);
  } else if (device_ == Device::cuda) {
    convert_on_device(result, from);
  } else {
    dispatch(dtype_, [&]<class From>() {
      dispatch(dtype, [&]<class To>() {
        const From* p = from.data<From>();
        To* q = result.data<To>();
        for (std::int64_t i = 0; i < size(); ++i) q[i] = static_cast<To>(p[i]);
      });
    });
  }
  return result;
}

double Tensor::item() const {
  if (size() != 1) throw ShapeError("tensor: item() of " + to_string(shape_) + ", which is not one element");
  const Tensor here = to(Device::cpu);
  if (dtype_ == DType::bf16) return static_cast<double>(*here.data<kernels::BFloat16>());
  return dispatch(dtype_, [&]<class T>() { return static_cast<double>(*here.data<T>()); });
}

void Tensor::fill(double value) {
  run(device_, dtype_, [&]<class On, class T>() {
    if (packed()) return On::template fill<T>(data<T>(), static_cast<T>(value), size());
    for (std::int64_t i = 0; i < shape_.pixels(); ++i)
      On::template fill<T>(data<T>() + i * pitch_, static_cast<T>(value), shape_.c);
  });
}

void Tensor::copy_from(const Tensor& source) {
  if (!(source.shape_ == shape_) || source.dtype_ != dtype_)
    throw ShapeError("tensor: cannot copy " + to_string(source.dtype_) + to_string(source.shape_) + " into " +
                     to_string(dtype_) + to_string(shape_));
  if (source.device_ == device_)
    return run(device_, dtype_, [&]<class On, class T>() {
      On::template copy_channels<T>(view<T>(), kernels::Write::assign, source.view<T>(), shape_.pixels(),
                                    shape_.c);
    });
  if (!packed()) {  // a packed stop on the way, on the side where it is needed
    Tensor stop = empty(shape_, dtype_, device_);
    stop.copy_from(source);
    return copy_from(stop);
  }
  const Tensor from = source.contiguous();
  const auto bytes = bytes_of(dtype_);
  const auto first = [&](const Tensor& t) {
    return t.block_.get() + static_cast<std::size_t>(t.offset_) * bytes;
  };
  copy_between_devices(first(*this), first(from), static_cast<std::size_t>(size()) * bytes);
}

bool Tensor::all_finite() const {
  const Tensor t = contiguous();
  return run(device_, dtype_,
             [&]<class On, class T>() { return On::template all_finite<T>(t.data<T>(), t.size()); });
}

void Tensor::wrong_type() const {
  throw std::logic_error("tensor: elements of " + to_string(shape_) + " are " + to_string(dtype_) +
                         ", read as another type");
}

}  // namespace uptake::nn
