// The formulas of kernels/arithmetic.h as types, for CPU and GPU. Internal to kernels/.
#pragma once
#include <cmath>

#include "kernels/base/types.h"

namespace uptake::kernels::detail {

template <class T>
struct Affine {
  T alpha, beta;
  UPTAKE_HOST_DEVICE T value(T x) const { return alpha * x + beta; }
  UPTAKE_HOST_DEVICE T slope(T) const { return alpha; }
};

template <class T>
struct Reciprocal {
  T alpha;
  UPTAKE_HOST_DEVICE T value(T x) const { return alpha / x; }
  UPTAKE_HOST_DEVICE T slope(T x) const { return -alpha / (x * x); }
};

template <class T>
struct Abs {
  UPTAKE_HOST_DEVICE T value(T x) const { return std::fabs(x); }
  UPTAKE_HOST_DEVICE T slope(T x) const { return (x > 0 ? T(1) : T(0)) - (x < 0 ? T(1) : T(0)); }
};

template <class T>
struct Square {
  UPTAKE_HOST_DEVICE T value(T x) const { return x * x; }
  UPTAKE_HOST_DEVICE T slope(T x) const { return 2 * x; }
};

template <class T>
struct Sqrt {
  UPTAKE_HOST_DEVICE T value(T x) const { return std::sqrt(x); }
  UPTAKE_HOST_DEVICE T slope(T x) const { return T(0.5) / std::sqrt(x); }
};

template <class T>
struct Exp {
  UPTAKE_HOST_DEVICE T value(T x) const { return std::exp(x); }
  UPTAKE_HOST_DEVICE T slope(T x) const { return std::exp(x); }
};

template <class T>
struct Log {
  UPTAKE_HOST_DEVICE T value(T x) const { return std::log(x); }
  UPTAKE_HOST_DEVICE T slope(T x) const { return T(1) / x; }
};

struct Add {
  template <class T>
  UPTAKE_HOST_DEVICE static T value(T a, T b) {
    return a + b;
  }
};
struct Subtract {
  template <class T>
  UPTAKE_HOST_DEVICE static T value(T a, T b) {
    return a - b;
  }
};
struct Multiply {
  template <class T>
  UPTAKE_HOST_DEVICE static T value(T a, T b) {
    return a * b;
  }
};
struct Divide {
  template <class T>
  UPTAKE_HOST_DEVICE static T value(T a, T b) {
    return a / b;
  }
};

/// A Function with numbers of the type that is computed in.
template <class T>
struct FunctionOf {
  FunctionKind kind;
  T alpha, beta;
  explicit FunctionOf(const Function& f)
      : kind(f.kind), alpha(static_cast<T>(f.alpha)), beta(static_cast<T>(f.beta)) {}
};

// Calls body(type) with the type of a function or an operation: once a stretch of elements, not once an element. The
// bodies of kernels are for the GPU only, of which nvcc would warn.
#if defined(__CUDACC__)
#pragma nv_exec_check_disable
#endif
template <class T, class Body>
UPTAKE_HOST_DEVICE void with_function(const FunctionOf<T>& f, const Body& body) {
  switch (f.kind) {
    case FunctionKind::affine:
      return body(Affine<T>{f.alpha, f.beta});
    case FunctionKind::reciprocal:
      return body(Reciprocal<T>{f.alpha});
    case FunctionKind::abs:
      return body(Abs<T>{});
    case FunctionKind::square:
      return body(Square<T>{});
    case FunctionKind::sqrt:
      return body(Sqrt<T>{});
    case FunctionKind::exp:
      return body(Exp<T>{});
    case FunctionKind::log:
      return body(Log<T>{});
  }
}

#if defined(__CUDACC__)
#pragma nv_exec_check_disable
#endif
template <class Body>
UPTAKE_HOST_DEVICE void with_operation(Binary operation, const Body& body) {
  switch (operation) {
    case Binary::add:
      return body(Add{});
    case Binary::subtract:
      return body(Subtract{});
    case Binary::multiply:
      return body(Multiply{});
    case Binary::divide:
      return body(Divide{});
  }
}

}  // namespace uptake::kernels::detail
