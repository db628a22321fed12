// Activations as types, so that each inner loop is compiled for the ones it runs, and the dropout mask of a
// stretch of elements. Internal to kernels/.
#pragma once
#include <cmath>
#include <span>
#include <string>

#include "kernels/pointwise.h"

namespace uptake::kernels::detail {

/// value(z) and derivative(z) of one activation known at compile time. NaN stays NaN in every one of them.
template <class T, Activation kKind>
struct ActFunction {
  static constexpr bool kPresent = true;
  T slope;
  T value(T z) const {
    if constexpr (kKind == Activation::relu) return z < 0 ? T(0) : z;
    if constexpr (kKind == Activation::leaky_relu) return z > 0 ? z : slope * z;
    if constexpr (kKind == Activation::tanh) return std::tanh(z);
    if constexpr (kKind == Activation::sigmoid) return T(1) / (T(1) + std::exp(-z));
    return z;
  }
  T derivative(T z) const {
    if constexpr (kKind == Activation::relu) return z > 0 ? T(1) : T(0);
    if constexpr (kKind == Activation::leaky_relu) return z > 0 ? T(1) : slope;
    if constexpr (kKind == Activation::tanh) return T(1) - value(z) * value(z);
    if constexpr (kKind == Activation::sigmoid) return value(z) * (T(1) - value(z));
    return T(1);
  }
};

/// An activation looked up for each element: for the rare pairs not worth a loop of their own.
template <class T>
struct AnyActFunction {
  static constexpr bool kPresent = true;
  Activation kind;
  T slope;
  template <class Use>
  T use(const Use& f) const {
    switch (kind) {
      case Activation::relu:
        return f(ActFunction<T, Activation::relu>{slope});
      case Activation::leaky_relu:
        return f(ActFunction<T, Activation::leaky_relu>{slope});
      case Activation::tanh:
        return f(ActFunction<T, Activation::tanh>{slope});
      case Activation::sigmoid:
        return f(ActFunction<T, Activation::sigmoid>{slope});
      case Activation::none:
        break;
    }
    return f(ActFunction<T, Activation::none>{slope});
  }
  T value(T z) const {
    return use([z](auto act) { return act.value(z); });
  }
  T derivative(T z) const {
    return use([z](auto act) { return act.derivative(z); });
  }
};

/// Stands where there is no second output.
template <class T>
struct NoActFunction {
  static constexpr bool kPresent = false;
  T value(T) const { return 0; }
  T derivative(T) const { return 0; }
};

/// Calls body(act) with the activation's own type when it is made of straight lines; says whether it did.
template <class T, class Body>
bool with_straight_act(const Act& act, const Body& body) {
  const T slope = static_cast<T>(act.slope);
  switch (act.kind) {
    case Activation::none:
      body(ActFunction<T, Activation::none>{slope});
      return true;
    case Activation::relu:
      body(ActFunction<T, Activation::relu>{slope});
      return true;
    case Activation::leaky_relu:
      body(ActFunction<T, Activation::leaky_relu>{slope});
      return true;
    default:
      return false;
  }
}

/// Calls body(first, second) with function types for one or two activations (`second` null: NoActFunction).
template <class T, class Body>
void with_acts(const Act& first, const Act* second, const Body& body) {
  const AnyActFunction<T> any{first.kind, static_cast<T>(first.slope)};
  const auto with_second = [&](auto a) { return with_straight_act<T>(*second, [&](auto b) { body(a, b); }); };
  if (second == nullptr) {
    if (!with_straight_act<T>(first, [&](auto a) { body(a, NoActFunction<T>{}); }))
      body(any, NoActFunction<T>{});
    return;
  }
  bool done = false;
  with_straight_act<T>(first, [&](auto a) { done = with_second(a); });
  if (!done) body(any, AnyActFunction<T>{second->kind, static_cast<T>(second->slope)});
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
