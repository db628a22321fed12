// Functions and arithmetic of Vars: values, gradients against central differences, and backward() from a number.
#include <algorithm>

#include "nn/ops.h"
#include "tests/support/gradients.h"

namespace uptake::tests {
namespace {

using namespace nn;
using Vars = std::vector<Var>;
using Values = std::vector<double>;

const Shape kShape{2, 3, 2, 3};

kernels::GradientCheckOptions with_corners() {
  kernels::GradientCheckOptions options;
  options.allow_kinks = true;
  return options;
}

Tensor input(std::uint64_t seed = 1) { return random_tensor(kShape, DType::f64, seed); }
Tensor positive(std::uint64_t seed = 1) { return random_tensor(kShape, DType::f64, seed, 0.5, 2); }

Var vector(const Values& values, bool requires_grad = false) {
  return Var(vector_of(DType::f64, values), requires_grad);
}

TEST_CASE("functions: gradient of each") {
  using Function = Var (*)(const Var&);
  for (const Function f : {Function(relu), Function(tanh), Function(sigmoid), Function(abs), Function(square),
                           Function(exp), Function([](const Var& x) { return leaky_relu(x); })})
    check_backward("function", {{input()}, [&](const Vars& v) { return Vars{f(v[0])}; }}, with_corners());
  for (const Function f : {Function(sqrt), Function(log)})
    check_backward("of positive numbers", {{positive()}, [&](const Vars& v) { return Vars{f(v[0])}; }});
}

TEST_CASE("functions: values") {
  const Var x = vector({-2, 0, 4});
  const auto values = [](const Var& y) { return values_of(y.value()); };
  CHECK(values(relu(x)) == Values{0, 0, 4});
  CHECK(values(leaky_relu(x)) == Values{-0.4, 0, 4});
  CHECK(values(leaky_relu(x, 0.5)) == Values{-1, 0, 4});
  CHECK(values(abs(x)) == Values{2, 0, 4});
  CHECK(values(square(x)) == Values{4, 0, 16});
  CHECK(values(sqrt(square(x))) == Values{2, 0, 4});
  CHECK(values(exp(vector({0}))) == Values{1});
  CHECK(values(log(vector({1}))) == Values{0});
  CHECK(values(tanh(vector({0}))) == Values{0});
  CHECK(values(sigmoid(vector({0}))) == Values{0.5});
}

TEST_CASE("arithmetic: values of Vars and numbers, on either side") {
  const Var a = vector({1, -2, 8}), b = vector({2, 4, -4});
  const auto values = [](const Var& y) { return values_of(y.value()); };
  CHECK(values(a + b) == Values{3, 2, 4});
  CHECK(values(a - b) == Values{-1, -6, 12});
  CHECK(values(a * b) == Values{2, -8, -32});
  CHECK(values(a / b) == Values{0.5, -0.5, -2});
  CHECK(values(-a) == Values{-1, 2, -8});
  CHECK(values(a + 2) == Values{3, 0, 10});
  CHECK(values(2 + a) == Values{3, 0, 10});
  CHECK(values(a - 2) == Values{-1, -4, 6});
  CHECK(values(2 - a) == Values{1, 4, -6});
  CHECK(values(a * 2) == Values{2, -4, 16});
  CHECK(values(2 * a) == Values{2, -4, 16});
  CHECK(values(a / 2) == Values{0.5, -1, 4});
  CHECK(values(2 / a) == Values{2, -1, 0.25});
  CHECK(values(sum(a)) == Values{7});
  CHECK(values(mean(b)) == Values{values(sum(b))[0] / 3});
}

TEST_CASE("arithmetic: gradients of both sides") {
  using Operation = Var (*)(const Var&, const Var&);
  for (const Operation f :
       {Operation(operator+), Operation(operator-), Operation(operator*), Operation(operator/)}) {
    check_backward("two Vars", {{input(), positive(2)}, [&](const Vars& v) { return Vars{f(v[0], v[1])}; }});
    check_backward("one Var twice",
                   {{positive()}, [&](const Vars& v) { return Vars{f(v[0], v[0]) + v[0]}; }});
    const Var constant(positive(3));
    check_backward("a constant", {{positive()}, [&](const Vars& v) {
                                    return Vars{f(v[0], constant), f(constant, v[0])};
                                  }});
    check_backward("views", {{positive(), positive(2)}, [&](const Vars& v) {
                               const Tensor whole = Tensor::empty({2, 3, 2, 7}, DType::f64);
                               const Var part = pointwise(v[0], {{{}, whole.channels(2, 5)}})[0];
                               return Vars{f(part, v[1]), f(v[1], part), concat(part, v[1])};
                             }});
  }
  check_backward("numbers", {{positive()}, [](const Vars& v) {
                               const Var& x = v[0];
                               return Vars{x + 2, 2 + x, x - 2, 2 - x, x * 3, 3 * x, x / 3, 3 / x, -x};
                             }});
}

TEST_CASE("sum and mean: gradients, alone and in a loss that is written with them") {
  check_backward("sum and mean", {{input()}, [](const Vars& v) {
                                    return Vars{sum(v[0]), mean(v[0]), mean(square(v[0])) / sum(exp(v[0]))};
                                  }});
  const Var target(input(5));
  check_backward("Charbonnier", {{input()}, [&](const Vars& v) {
                                   return Vars{mean(sqrt(square(tanh(v[0]) - target) + 1e-3))};
                                 }});
}

TEST_CASE("mean: of nothing it is 0, and its gradient is nothing") {
  const Var x(Tensor::empty({0, 3, 2, 4}, DType::f32), true);
  const Var y = mean(x);
  CHECK(y.value().item() == 0);
  backward(y);
  CHECK(x.grad().size() == 0);
}

TEST_CASE("arithmetic: Vars of different shape or type are refused, naming both") {
  const Var a(Tensor::zeros({1, 2, 3, 4}, DType::f32)), b(Tensor::zeros({1, 2, 4, 3}, DType::f32)),
      c(Tensor::zeros({1, 2, 3, 4}, DType::f64));
  using Operation = Var (*)(const Var&, const Var&);
  for (const Operation f : {Operation(operator-), Operation(operator*), Operation(operator/)}) {
    const std::string shapes = message_of<ShapeError>([&] { f(a, b); });
    CHECK_MESSAGE(contains(shapes, {"[1,2,3,4]", "[1,2,4,3]"}), shapes);
    const std::string types = message_of<ShapeError>([&] { f(a, c); });
    CHECK_MESSAGE(contains(types, {"float32", "float64"}), types);
  }
  CHECK_THROWS_AS(a + b, ShapeError);
  CHECK_THROWS_AS(a + c, ShapeError);
}

TEST_CASE("backward: from a number it starts with the gradient 1") {
  const Var x = vector({1, 2, 3}, true);
  const Var loss = sum(square(x));
  backward(loss);
  CHECK(values_of(x.grad()) == Values{2, 4, 6});
  CHECK_THROWS_AS(backward(loss), std::logic_error);  // a second time through it
}

TEST_CASE("backward: a gradient that was given counts, not 1; gradients of two losses add up") {
  const Var x = vector({1, 2, 3}, true);
  const Var scaled = sum(x);
  scaled.deposit(vector_of(DType::f64, {5}));
  backward(scaled);
  CHECK(values_of(x.grad()) == Values{5, 5, 5});
  const Var first = sum(x), second = sum(square(x));
  backward(std::vector<Var>{first, second});
  CHECK(values_of(x.grad()) == Values{8, 10, 12});
}

TEST_CASE("backward: from several numbers without a gradient is an error, as from one that needs none") {
  const Var x = vector({1, 2, 3}, true);
  CHECK_THROWS_AS(backward(square(x)), std::logic_error);
  CHECK_THROWS_AS(backward(sum(square(vector({1, 2})))), std::logic_error);
  const NoGrad no_grad;
  CHECK_THROWS_AS(backward(sum(square(x))), std::logic_error);
}

}  // namespace
}  // namespace uptake::tests
