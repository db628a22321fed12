// Functions and arithmetic, element by element, and sums: kernels/arithmetic.h on Vars.
#include <algorithm>

#include "nn/backend.h"
#include "nn/ops.h"

namespace uptake::nn {
namespace {

using kernels::Binary;
using kernels::Function;
using kernels::FunctionKind;
using kernels::View;
using kernels::Write;

void apply(Target to, const Function& f, const Tensor& x) {
  run(x.device(), x.dtype(), [&]<class On, class T>() {
    On::template function_forward<T>(to.dx.view<T>(), to.write, f, x.view<T>(), x.shape().pixels(),
                                     x.shape().c);
  });
}

void combine(Target to, Binary operation, const Tensor& a, const Tensor& b) {
  run(a.device(), a.dtype(), [&]<class On, class T>() {
    On::template binary<T>(to.dx.view<T>(), to.write, operation, a.view<T>(), b.view<T>(), a.shape().pixels(),
                           a.shape().c);
  });
}

Tensor like(const Tensor& t) { return Tensor::empty(t.shape(), t.dtype(), t.device()); }

Tensor combined(Binary operation, const Tensor& a, const Tensor& b) {
  const Tensor y = like(a);
  combine({y, Write::assign}, operation, a, b);
  return y;
}

Var function(const char* name, const Var& x, const Function& f) {
  const Tensor y = like(x.value());
  apply({y, Write::assign}, f, x.value());
  return make_result(name, y, {x}, [to = Slot(x), at = Saved(x), f](const Tensor& dy) {
    const Target target = to.gradient_target();
    run(dy.device(), dy.dtype(), [&]<class On, class T>() {
      On::template function_backward<T>(target.dx.view<T>(), target.write, f, dy.view<T>(),
                                        at.value().view<T>(), dy.shape().pixels(), dy.shape().c);
    });
  });
}

/// alpha x + beta, whose gradient does not need x.
Var affine(const char* name, const Var& x, double alpha, double beta) {
  const Tensor y = like(x.value());
  apply({y, Write::assign}, {FunctionKind::affine, alpha, beta}, x.value());
  return make_result(name, y, {x}, [to = Slot(x), alpha](const Tensor& dy) {
    apply(to.gradient_target(), {FunctionKind::affine, alpha, 0}, dy);
  });
}

void require_alike(const char* name, const Var& a, const Var& b) {
  if (!(a.shape() == b.shape()) || a.dtype() != b.dtype() || a.device() != b.device())
    throw ShapeError(std::string(name) + ": " + to_string(a.dtype()) + to_string(a.shape()) + " and " +
                     to_string(b.dtype()) + to_string(b.shape()) + " differ");
}

/// `var` as a backward function keeps it, or nothing if it will not be read.
Saved saved_if(bool wanted, const Var& var) { return Saved(wanted ? var : Var()); }

}  // namespace

Var relu(const Var& x) { return pointwise(x, {{{Activation::relu, 0}, {}}})[0]; }
Var leaky_relu(const Var& x, double slope) {
  return pointwise(x, {{{Activation::leaky_relu, slope}, {}}})[0];
}
Var tanh(const Var& x) { return pointwise(x, {{{Activation::tanh, 0}, {}}})[0]; }
Var sigmoid(const Var& x) { return pointwise(x, {{{Activation::sigmoid, 0}, {}}})[0]; }
Var abs(const Var& x) { return function("abs", x, {FunctionKind::abs}); }
Var square(const Var& x) { return function("square", x, {FunctionKind::square}); }
Var sqrt(const Var& x) { return function("sqrt", x, {FunctionKind::sqrt}); }
Var exp(const Var& x) { return function("exp", x, {FunctionKind::exp}); }
Var log(const Var& x) { return function("log", x, {FunctionKind::log}); }

Var operator+(const Var& a, const Var& b) { return add(a, b); }

Var operator-(const Var& a, const Var& b) {
  require_alike("subtract", a, b);
  return make_result("subtract", combined(Binary::subtract, a.value(), b.value()), {a, b},
                     [a = Slot(a), b = Slot(b)](const Tensor& dy) {
                       if (b.requires_grad()) apply(b.gradient_target(), {FunctionKind::affine, -1, 0}, dy);
                       if (a.requires_grad()) a.deposit(dy);
                     });
}

Var operator*(const Var& a, const Var& b) {
  require_alike("multiply", a, b);
  return make_result("multiply", combined(Binary::multiply, a.value(), b.value()), {a, b},
                     [a = Slot(a), b = Slot(b), at_a = saved_if(b.requires_grad(), a),
                      at_b = saved_if(a.requires_grad(), b)](const Tensor& dy) {
                       if (a.requires_grad())
                         combine(a.gradient_target(), Binary::multiply, dy, at_b.value());
                       if (b.requires_grad())
                         combine(b.gradient_target(), Binary::multiply, dy, at_a.value());
                     });
}

Var operator/(const Var& a, const Var& b) {
  require_alike("divide", a, b);
  const Tensor y = combined(Binary::divide, a.value(), b.value());
  return make_result("divide", y, {a, b}, [a = Slot(a), b = Slot(b), at_b = Saved(b), y](const Tensor& dy) {
    if (a.requires_grad()) combine(a.gradient_target(), Binary::divide, dy, at_b.value());
    if (!b.requires_grad()) return;
    const Tensor part = combined(Binary::multiply, dy, y);  // -dy a / b^2 = -(dy y) / b
    combine({part, Write::assign}, Binary::divide, part, at_b.value());
    apply(b.gradient_target(), {FunctionKind::affine, -1, 0}, part);
  });
}

Var operator-(const Var& x) { return affine("negate", x, -1, 0); }
Var operator+(const Var& x, double number) { return affine("add", x, 1, number); }
Var operator+(double number, const Var& x) { return x + number; }
Var operator-(const Var& x, double number) { return affine("subtract", x, 1, -number); }
Var operator-(double number, const Var& x) { return affine("subtract", x, -1, number); }
Var operator*(const Var& x, double number) { return affine("multiply", x, number, 0); }
Var operator*(double number, const Var& x) { return x * number; }
Var operator/(const Var& x, double number) { return affine("divide", x, 1 / number, 0); }
Var operator/(double number, const Var& x) {
  return function("divide", x, {FunctionKind::reciprocal, number});
}

Var sum(const Var& x) {
  const Tensor total = Tensor::empty({1, 1, 1, 1}, DType::f64, x.device());
  const Shape s = x.shape();
  run(x.device(), x.dtype(), [&]<class On, class T>() {
    On::template sum<T>(total.data<double>(), x.value().view<T>(), s.pixels(), s.c);
  });
  return make_result("sum", total.to(accum(x.dtype())), {x},
                     [to = Slot(x)](const Tensor& dy) { add_scaled(to.gradient_target(), dy, {}); });
}

Var mean(const Var& x) {
  return sum(x) * (1 / static_cast<double>(std::max<std::int64_t>(1, x.shape().size())));
}

}  // namespace uptake::nn
