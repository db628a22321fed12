// Tensors for tests: from numbers and back, seeded random contents, distances, and the golden files.
#pragma once
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "io/tensors/safetensors.h"
#include "nn/tensor.h"
#include "tests/kernels/parity.h"

namespace uptake::tests {

using nn::DType;
using nn::Shape;
using nn::Tensor;

/// A packed tensor of the given elements.
inline Tensor tensor_of(const Shape& shape, DType dtype, const std::vector<double>& elements) {
  if (static_cast<std::int64_t>(elements.size()) != shape.size())
    throw std::logic_error("tensor_of: " + std::to_string(elements.size()) + " elements for " +
                           nn::to_string(shape));
  const Tensor t = Tensor::empty(shape, dtype);
  nn::dispatch(dtype, [&]<class T>() {
    for (std::size_t i = 0; i < elements.size(); ++i) t.data<T>()[i] = static_cast<T>(elements[i]);
  });
  return t;
}

inline Tensor vector_of(DType dtype, const std::vector<double>& elements) {
  return tensor_of({1, 1, 1, static_cast<std::int64_t>(elements.size())}, dtype, elements);
}

/// All elements, pixel by pixel, read without any of the library's copies.
inline std::vector<double> values_of(const Tensor& t) {
  std::vector<double> elements;
  elements.reserve(static_cast<std::size_t>(t.size()));
  nn::dispatch(t.dtype(), [&]<class T>() {
    const View<T> view = t.view<T>();
    for (std::int64_t pixel = 0; pixel < t.shape().pixels(); ++pixel)
      for (std::int64_t c = 0; c < t.shape().c; ++c)
        elements.push_back(static_cast<double>(view.data[pixel * view.pitch + c]));
  });
  return elements;
}

inline Tensor random_tensor(const Shape& shape, DType dtype, std::uint64_t seed, double low = -2,
                            double high = 2) {
  return tensor_of(shape, dtype, random_values(seed, shape.size(), low, high));
}

/// ||a - b|| / ||b||; NaN if there is one; throws std::logic_error when the lengths differ.
inline double distance(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size())
    throw std::logic_error("distance of " + std::to_string(a.size()) + " and " + std::to_string(b.size()) +
                           " elements");
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    norm += b[i] * b[i];
  }
  if (difference == 0) return 0;
  return std::sqrt(difference) / std::sqrt(norm);
}

/// The text of the exception of type E that `run` throws, or a note that it threw none.
template <class E>
std::string message_of(const std::function<void()>& run) {
  try {
    run();
  } catch (const E& e) {
    return e.what();
  }
  return "nothing was thrown";
}

inline bool contains(const std::string& text, const std::vector<std::string>& parts) {
  for (const std::string& part : parts)
    if (text.find(part) == std::string::npos) return false;
  return true;
}

inline io::Safetensors golden_file(const std::string& name) {
  return io::read_safetensors(std::filesystem::path(UPTAKE_SOURCE_DIR) / "tests/golden" /
                              (name + ".safetensors"));
}

/// The value of `key` in a text of key=value words; throws std::logic_error if it is not there.
inline double setting(const std::string& words, const std::string& key) {
  std::istringstream text(words);
  for (std::string word; text >> word;)
    if (word.starts_with(key + "=")) return std::stod(word.substr(key.size() + 1));
  throw std::logic_error("no " + key + " in '" + words + "'");
}

/// PyTorch's NCHW elements in our order, [n,h,w,c].
inline std::vector<double> nhwc_of(const std::vector<double>& nchw, const Shape& s) {
  std::vector<double> elements(nchw.size());
  std::size_t from = 0;
  for (std::int64_t n = 0; n < s.n; ++n)
    for (std::int64_t c = 0; c < s.c; ++c)
      for (std::int64_t h = 0; h < s.h; ++h)
        for (std::int64_t w = 0; w < s.w; ++w)
          elements.at(static_cast<std::size_t>(((n * s.h + h) * s.w + w) * s.c + c)) = nchw.at(from++);
  return elements;
}

}  // namespace uptake::tests
