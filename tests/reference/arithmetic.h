// Arithmetic and functions, one element at a time. If two disagree, this one is right until proven otherwise.
#pragma once
#include <cmath>
#include <vector>

#include "kernels/arithmetic.h"

namespace uptake::reference {

using kernels::Binary;
using kernels::Function;
using kernels::FunctionKind;

inline double binary_value(Binary operation, double a, double b) {
  switch (operation) {
    case Binary::add:
      return a + b;
    case Binary::subtract:
      return a - b;
    case Binary::multiply:
      return a * b;
    case Binary::divide:
      return a / b;
  }
  return 0;
}

inline double function_value(const Function& f, double x) {
  switch (f.kind) {
    case FunctionKind::affine:
      return f.alpha * x + f.beta;
    case FunctionKind::reciprocal:
      return f.alpha / x;
    case FunctionKind::abs:
      return x < 0 ? -x : x;
    case FunctionKind::square:
      return x * x;
    case FunctionKind::sqrt:
      return std::sqrt(x);
    case FunctionKind::exp:
      return std::exp(x);
    case FunctionKind::log:
      return std::log(x);
  }
  return 0;
}

inline double function_slope(const Function& f, double x) {
  switch (f.kind) {
    case FunctionKind::affine:
      return f.alpha;
    case FunctionKind::reciprocal:
      return -f.alpha * std::pow(x, -2);
    case FunctionKind::abs:
      return x == 0 ? 0 : std::copysign(1.0, x);
    case FunctionKind::square:
      return x + x;
    case FunctionKind::sqrt:
      return 0.5 * std::pow(x, -0.5);
    case FunctionKind::exp:
      return std::exp(x);
    case FunctionKind::log:
      return 1 / x;
  }
  return 0;
}

inline std::vector<double> binary(Binary operation, const std::vector<double>& a,
                                  const std::vector<double>& b) {
  std::vector<double> y(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) y[i] = binary_value(operation, a[i], b[i]);
  return y;
}

inline std::vector<double> function_forward(const Function& f, const std::vector<double>& x) {
  std::vector<double> y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = function_value(f, x[i]);
  return y;
}

inline std::vector<double> function_backward(const Function& f, const std::vector<double>& dy,
                                             const std::vector<double>& x) {
  std::vector<double> dx(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) dx[i] = dy[i] * function_slope(f, x[i]);
  return dx;
}

}  // namespace uptake::reference
