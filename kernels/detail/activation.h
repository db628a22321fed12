// Activations as types, so that inner loops are compiled for them, on CPU and GPU. Internal to kernels/.
#pragma once
#include <cmath>

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

}  // namespace uptake::kernels::detail
