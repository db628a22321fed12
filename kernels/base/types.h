// Words shared by every operation's contract.
//
// Dimensions are always n h w c for images (layout [n,h,w,c], c fastest) and k c r s for filters.
// T is the storage type: float (training) or double (gradient checks) on the CPU, float or BFloat16 on the GPU;
// sums, statistics, parameters and their gradients are Accum<T>. All sizes may be zero: the operation then does
// nothing. On the GPU every call only enqueues work on the stream it is given.
// Every operation gives the same bits for the same input on any number of threads, unless its contract says
// otherwise: reductions are cut into a fixed number of pieces, never one a thread.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "kernels/base/bfloat16.h"

namespace uptake::kernels {

/// What numbers stored as T are computed and accumulated in.
template <class T>
using Accum = std::conditional_t<std::is_same_v<T, BFloat16>, float, T>;

/// Whether an output replaces what its buffer holds or is added to it.
enum class Write { assign, add };

/// Pointwise nonlinearities. leaky_relu multiplies negative values by `slope`.
enum class Activation { none, relu, leaky_relu, tanh, sigmoid };

struct Act {
  Activation kind = Activation::none;
  double slope = 0.2;  // leaky_relu only
};

/// Arithmetic of two elements, and functions of one: see kernels/arithmetic.h.
enum class Binary { add, subtract, multiply, divide };

enum class FunctionKind { affine, reciprocal, abs, square, sqrt, exp, log };

struct Function {
  FunctionKind kind = FunctionKind::affine;
  double alpha = 1, beta = 0;  // affine and reciprocal only
};

/// The generator-adversarial losses of pix2pix: vanilla is bce, lsgan is mse against the label.
enum class GanMode { vanilla, lsgan, hinge };
constexpr auto names(GanMode) {  // see nn/enum_names.h
  return std::to_array<std::pair<GanMode, const char*>>(
      {{GanMode::vanilla, "vanilla"}, {GanMode::lsgan, "lsgan"}, {GanMode::hinge, "hinge"}});
}

/// Who is being trained with this loss, and towards which label.
enum class GanTarget { discriminator_real, discriminator_fake, generator };

/// A matrix of pixels, `pitch` elements from one pixel's first channel to the next one's. A packed [n,h,w,c]
/// tensor has pitch c; a half of a concatenated tensor has the pitch of the whole.
template <class T>
struct View {
  T* data = nullptr;
  std::int64_t pitch = 0;
  template <class U>
  requires(std::is_same_v<U, const T> && !std::is_const_v<T>) UPTAKE_HOST_DEVICE operator View<U>() const {
    return {data, pitch};
  }
};

/// Whether an address is a multiple of so many bytes. Null is.
inline bool is_aligned(const void* p, std::size_t bytes) {
  return reinterpret_cast<std::uintptr_t>(p) % bytes == 0;
}

/// Shape [n,h,w,c].
struct Shape4 {
  std::int64_t n = 0, h = 0, w = 0, c = 0;
  std::int64_t pixels() const { return n * h * w; }
  std::int64_t size() const { return n * h * w * c; }
  bool operator==(const Shape4&) const = default;
};

/// Thrown when shapes, sizes or options of a call contradict each other. The text names both sides.
struct ShapeError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

/// Throws ShapeError(message) when the condition does not hold.
inline void require(bool condition, const std::string& message) {
  if (!condition) throw ShapeError(message);
}

/// The same for a fixed text, without building a string when the condition holds.
inline void require(bool condition, const char* message) {
  if (!condition) throw ShapeError(message);
}

}  // namespace uptake::kernels
