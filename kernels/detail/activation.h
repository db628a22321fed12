// Activations as types, so that inner loops are compiled for them (on the GPU too), and the dropout mask of a
// stretch of elements on the CPU. Internal to kernels/.
#pragma once
#include <cmath>
#include <span>
#include <string>

#include "kernels/base/dropout.h"
#include "kernels/base/types.h"

namespace uptake::kernels::detail {

// Two families are enough for every loop to be as fast as memory: what is made of two straight lines, which
// differ only in a number, and the rest, where exp and tanh outweigh looking up which one it is.

/// none (slope 1), relu (slope 0) and leaky_relu. NaN stays NaN, and relu of minus infinity is 0, not 0 *
/// infinity.
template <class T>
struct StraightAct {
  static constexpr bool kPresent = true;
  T slope;
  UPTAKE_HOST_DEVICE T value(T z) const {
    const T below = slope == 0 ? T(0) : slope * z;
    return z < 0 ? below : z;
  }
  UPTAKE_HOST_DEVICE T derivative(T z) const { return z > 0 ? T(1) : slope; }
};

/// Any activation, looked up for each element.
template <class T>
struct AnyAct {
  static constexpr bool kPresent = true;
  Activation kind;
  StraightAct<T> straight;
  UPTAKE_HOST_DEVICE T value(T z) const {
    if (kind == Activation::tanh) return std::tanh(z);
    if (kind == Activation::sigmoid) return T(1) / (T(1) + std::exp(-z));
    return straight.value(z);
  }
  UPTAKE_HOST_DEVICE T derivative(T z) const {
    if (kind == Activation::tanh) return T(1) - value(z) * value(z);
    if (kind == Activation::sigmoid) return value(z) * (T(1) - value(z));
    return straight.derivative(z);
  }
};

/// Stands where there is no second output.
template <class T>
struct NoAct {
  static constexpr bool kPresent = false;
};

inline bool is_straight(const Act& act) {
  return act.kind != Activation::tanh && act.kind != Activation::sigmoid;
}

template <class T>
StraightAct<T> straight_act(const Act& act) {
  if (act.kind == Activation::none) return {T(1)};
  return {act.kind == Activation::relu ? T(0) : static_cast<T>(act.slope)};
}

template <class T>
AnyAct<T> any_act(const Act& act) {
  return {act.kind, straight_act<T>(act)};
}

/// Calls body(first, second) with the types above for one or two activations (`second` null: NoAct).
template <class T, class Body>
void with_acts(const Act& first, const Act* second, const Body& body) {
  if (second == nullptr && is_straight(first))
    body(straight_act<T>(first), NoAct<T>{});
  else if (second == nullptr)
    body(any_act<T>(first), NoAct<T>{});
  else if (is_straight(first) && is_straight(*second))
    body(straight_act<T>(first), straight_act<T>(*second));
  else
    body(any_act<T>(first), any_act<T>(*second));
}

/// Writes the factor of elements first..first+count: 0 where dropped, 1/(1-p) where kept.
template <class T>
void fill_dropout_mask(T* mask, const Dropout& dropout, std::int64_t first, std::int64_t count) {
  // uniform01(word) >= p is word + 0.5 >= p * 2^32; both sides are exact in double, so is this threshold.
  // Only a p within 2^-33 of 1 gives 2^32, which no word reaches: then nothing is kept.
  const double limit = std::max(0.0, std::ceil(dropout.p * 4294967296.0 - 0.5));
  const bool keeps_some = limit < 4294967296.0;
  const std::uint32_t threshold = keeps_some ? static_cast<std::uint32_t>(limit) : 0;
  const T factor = keeps_some ? static_cast<T>(1.0 / (1.0 - dropout.p)) : T(0);

  // A product, not a choice: which way a random bit falls cannot be predicted.
  const auto mask_of = [=](std::uint32_t word) { return static_cast<T>(word >= threshold) * factor; };

  const auto begin = static_cast<std::uint64_t>(first), end = begin + static_cast<std::uint64_t>(count);
  std::uint64_t i = begin;
  for (; i < end && i % 4 != 0; ++i) *mask++ = mask_of(philox_word(dropout.key, i));
  for (; i + 4 <= end; i += 4)
    for (const std::uint32_t word : philox(dropout.key, i / 4)) *mask++ = mask_of(word);
  for (; i < end; ++i) *mask++ = mask_of(philox_word(dropout.key, i));
}

inline void check_dropout(const Dropout& dropout) {
  if (!(dropout.p >= 0 && dropout.p < 1))
    throw ShapeError("dropout probability is " + std::to_string(dropout.p) + ", expected in [0,1)");
}

template <class List>
void check_output_count(const List& list, const char* what) {
  if (list.size() < 1 || list.size() > 2)
    throw ShapeError(std::string(what) + " has " + std::to_string(list.size()) + " outputs, expected 1 or 2");
}

}  // namespace uptake::kernels::detail
