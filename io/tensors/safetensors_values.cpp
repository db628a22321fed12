// The typed accessors of Safetensors: element types of the file to float, double and 64-bit integers and
// back.
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "io/base/file.h"
#include "io/tensors/safetensors.h"

namespace uptake::io {
namespace {

/// IEEE 754 binary16 to binary32; every value is exact.
float from_half(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 31, mantissa = bits & 1023;
  float magnitude = 0.0f;
  if (exponent == 0) {
    magnitude = std::ldexp(static_cast<float>(mantissa), -24);
  } else if (exponent == 31) {
    magnitude =
        mantissa == 0 ? std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
  } else {
    magnitude = std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
  }
  return (bits & 0x8000) ? -magnitude : magnitude;
}

float from_bfloat(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

template <class Stored, class Out, class Convert>
std::vector<Out> convert(const TensorEntry& entry, const Convert& to_out) {
  std::vector<Out> out(entry.data.size() / sizeof(Stored));
  for (std::size_t i = 0; i < out.size(); ++i) {
    Stored value;
    std::memcpy(&value, entry.data.data() + i * sizeof(Stored), sizeof(Stored));
    out[i] = to_out(value);
  }
  return out;
}

template <class Out>
std::vector<Out> floating(const Safetensors& file, const std::string& name) {
  const TensorEntry& entry = file.at(name);
  const auto cast = [](auto value) { return static_cast<Out>(value); };
  switch (entry.dtype) {
    case DType::f64:
      return convert<double, Out>(entry, cast);
    case DType::f32:
      return convert<float, Out>(entry, cast);
    case DType::f16:
      return convert<std::uint16_t, Out>(entry, from_half);
    case DType::bf16:
      return convert<std::uint16_t, Out>(entry, from_bfloat);
    default:
      throw FileError(file.source, "tensor '" + name + "' holds " + std::string(name_of(entry.dtype)) +
                                       ", floating-point elements were expected");
  }
}

template <class Element>
TensorEntry make_entry(const std::string& name, DType dtype, std::vector<std::int64_t> shape,
                       std::span<const Element> elements) {
  std::int64_t count = 1;
  bool possible = true;
  for (const std::int64_t dimension : shape) {
    possible = possible && dimension >= 0 && !__builtin_mul_overflow(count, dimension, &count);
  }
  if (!possible || count != static_cast<std::int64_t>(elements.size())) {
    throw std::invalid_argument("Safetensors::put: the shape of '" + name + "' does not fit its " +
                                std::to_string(elements.size()) + " elements");
  }
  const auto bytes = std::as_bytes(elements);
  return {dtype, std::move(shape), {bytes.begin(), bytes.end()}};
}

}  // namespace

const TensorEntry& Safetensors::at(const std::string& name) const {
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw FileError(source, "has no tensor '" + name + "'");
  return found->second;
}

std::vector<float> Safetensors::as_f32(const std::string& name) const { return floating<float>(*this, name); }

std::vector<double> Safetensors::as_f64(const std::string& name) const {
  return floating<double>(*this, name);
}

std::vector<std::int64_t> Safetensors::as_i64(const std::string& name) const {
  const TensorEntry& entry = at(name);
  const auto cast = [](auto value) { return static_cast<std::int64_t>(value); };
  const auto checked = [&](std::uint64_t value) {
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      throw FileError(source, "tensor '" + name + "' has an element above 2^63-1");
    }
    return static_cast<std::int64_t>(value);
  };
  switch (entry.dtype) {
    case DType::i64:
      return convert<std::int64_t, std::int64_t>(entry, cast);
    case DType::i32:
      return convert<std::int32_t, std::int64_t>(entry, cast);
    case DType::i16:
      return convert<std::int16_t, std::int64_t>(entry, cast);
    case DType::i8:
      return convert<std::int8_t, std::int64_t>(entry, cast);
    case DType::u64:
      return convert<std::uint64_t, std::int64_t>(entry, checked);
    case DType::u32:
      return convert<std::uint32_t, std::int64_t>(entry, cast);
    case DType::u16:
      return convert<std::uint16_t, std::int64_t>(entry, cast);
    case DType::u8:
    case DType::boolean:
      return convert<std::uint8_t, std::int64_t>(entry, cast);
    default:
      throw FileError(source, "tensor '" + name + "' holds " + std::string(name_of(entry.dtype)) +
                                  ", whole numbers were expected");
  }
}

void Safetensors::put(const std::string& name, std::vector<std::int64_t> shape,
                      std::span<const float> elements) {
  tensors[name] = make_entry(name, DType::f32, std::move(shape), elements);
}

void Safetensors::put(const std::string& name, std::vector<std::int64_t> shape,
                      std::span<const std::int64_t> elements) {
  tensors[name] = make_entry(name, DType::i64, std::move(shape), elements);
}

}  // namespace uptake::io
