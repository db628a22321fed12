// Losses: their gradients against central differences, and the two forms of each against each other.
#include "nn/losses.h"

#include "nn/ops.h"
#include "tests/support/gradients.h"

namespace uptake::tests {
namespace {

using namespace nn;
using Vars = std::vector<Var>;

const Shape kShape{2, 3, 2, 3};

// For l1 and hinge: a stencil that meets the corner is allowed any slope between the two sides.
kernels::GradientCheckOptions with_corners() {
  kernels::GradientCheckOptions options;
  options.allow_kinks = true;
  return options;
}

Tensor input(std::uint64_t seed = 1) { return random_tensor(kShape, DType::f64, seed); }

TEST_CASE("losses: gradient of each, and of a weighted sum of some") {
  const Tensor target = input(2), label = random_tensor(kShape, DType::f64, 3, 0, 1);
  check_backward(
      "element by element",
      {{input()},
       [&](const Vars& v) {
         return Vars{l1_loss(v[0], target), mse_loss(v[0], target), bce_with_logits_loss(v[0], label)};
       }},
      with_corners());
  for (const GanMode mode : {GanMode::vanilla, GanMode::lsgan, GanMode::hinge})
    for (const GanTarget to :
         {GanTarget::discriminator_real, GanTarget::discriminator_fake, GanTarget::generator})
      check_backward("adversarial",
                     {{input()}, [&](const Vars& v) { return Vars{gan_loss(v[0], mode, to)}; }},
                     with_corners());
  check_backward(
      "a sum",
      {{input()},
       [&](const Vars& v) {
         const Var y = tanh(v[0]);
         return Vars{100 * l1_loss(y, target) + gan_loss(y, GanMode::vanilla, GanTarget::generator)};
       }},
      with_corners());
}

TEST_CASE("softmax_cross_entropy: gradient, of one pixel and of every pixel of a picture") {
  const std::vector<int> one = {2, 0, 1}, many = {0, 1, 2, 2, 1, 0, 0, 2, 1, 1, 2, 0};
  check_backward("classifier", {{random_tensor({3, 1, 1, 3}, DType::f64, 1)},
                                [&](const Vars& v) { return Vars{softmax_cross_entropy(v[0], one)}; }});
  check_backward("segmentation",
                 {{input()}, [&](const Vars& v) { return Vars{softmax_cross_entropy(v[0], many) * 3}; }});
}

TEST_CASE("softmax_cross_entropy: wrong labels are refused, naming what is wrong") {
  const Var logits(Tensor::zeros({2, 1, 1, 3}, DType::f32));
  const auto text = [&](const std::vector<int>& labels) {
    return message_of<ShapeError>([&] { softmax_cross_entropy(logits, labels); });
  };
  CHECK_MESSAGE(contains(text({0, 3}), {"label 3", "pixel 1", "3 classes"}), text({0, 3}));
  CHECK_MESSAGE(contains(text({-1, 2}), {"label -1", "pixel 0"}), text({-1, 2}));
  CHECK_MESSAGE(contains(text({0}), {"1 labels", "[2,1,1,3]"}), text({0}));
  CHECK(softmax_cross_entropy(logits, std::vector<int>{0, 2}).value().item() ==
        doctest::Approx(std::log(3.0)));
}

TEST_CASE("losses: a Var of one element that leaves no gradient where nobody wants one") {
  const Tensor x = input(), target = input(2);
  const Var plain(x), wanted(x, true);
  const double value = mse_loss(plain, target).value().item();
  CHECK_FALSE(mse_loss(plain, target).requires_grad());
  {
    const NoGrad no_grad;
    CHECK(mse_loss(wanted, target).value().item() == value);
    CHECK_FALSE(mse_loss(wanted, target).requires_grad());
  }
  const Var loss = mse_loss(wanted, target);
  CHECK(loss.value().item() == value);
  CHECK(loss.shape() == Shape{1, 1, 1, 1});
  CHECK_FALSE(wanted.has_grad());
  backward(loss);
  CHECK(wanted.has_grad());
}

TEST_CASE("losses: the form that writes to memory leaves weight times the gradient of the other") {
  const Tensor x = input(), target = random_tensor(kShape, DType::f64, 3, 0, 1);
  const auto check = [&](const std::string& what, const auto& written, const auto& as_var) {
    INFO(what);
    const Var a(x, true), b(x, true);
    const Tensor number = Tensor::empty({1, 1, 1, 1}, DType::f64);
    written(number, a);
    const Var loss = as_var(b);
    backward(loss * 0.7);
    CHECK(loss.value().item() == number.item());
    CHECK(distance(values_of(a.grad()), values_of(b.grad())) < 1e-15);
  };
  check(
      "l1", [&](const Tensor& to, const Var& v) { l1_loss(to, v, target, 0.7); },
      [&](const Var& v) { return l1_loss(v, target); });
  check(
      "mse", [&](const Tensor& to, const Var& v) { mse_loss(to, v, target, 0.7); },
      [&](const Var& v) { return mse_loss(v, target); });
  check(
      "bce", [&](const Tensor& to, const Var& v) { bce_with_logits_loss(to, v, target, 0.7); },
      [&](const Var& v) { return bce_with_logits_loss(v, target); });
  check(
      "gan",
      [&](const Tensor& to, const Var& v) { gan_loss(to, v, GanMode::hinge, GanTarget::generator, 0.7); },
      [&](const Var& v) { return gan_loss(v, GanMode::hinge, GanTarget::generator); });
}

TEST_CASE("losses: written to memory, a second one on the same Var adds its gradient, and both travel on") {
  const Tensor start = input(), target = input(2);
  const Tensor numbers = Tensor::zeros({1, 1, 1, 2}, DType::f64);
  const auto total = [&](const Var& x) {
    const Var y = tanh(x);
    l1_loss(numbers.slice(0, 1), y, target, 100);
    gan_loss(numbers.slice(1, 1), y, GanMode::vanilla, GanTarget::generator, 1);
    if (y.requires_grad()) backward(y);
    return 100 * values_of(numbers)[0] + values_of(numbers)[1];
  };
  const Var leaf(start.clone(), true);
  total(leaf);
  const auto f = [&](std::span<const double> at) {
    const NoGrad no_grad;
    return total(Var(tensor_of(start.shape(), DType::f64, {at.begin(), at.end()})));
  };
  const auto result = kernels::check_gradient(f, values_of(start), values_of(leaf.grad()));
  CHECK_MESSAGE(result.ok, result.message);
}

TEST_CASE("losses: written to memory, nobody's gradient is written when nobody wants it") {
  const Tensor target = input(2), number = Tensor::zeros({1, 1, 1, 1}, DType::f64);
  const Var plain(input()), wanted(input(), true);
  mse_loss(number, plain, target, 1);
  CHECK_FALSE(plain.has_grad());
  {
    const NoGrad no_grad;
    mse_loss(number, wanted, target, 1);
    CHECK_FALSE(wanted.has_grad());
  }
  mse_loss(number, wanted, target, 1);
  CHECK(wanted.has_grad());
}

TEST_CASE("losses: prediction and target of different shape or type are refused, naming both") {
  const Var x(input());
  const Tensor other = random_tensor({2, 3, 3, 2}, DType::f64, 2);
  using LossFunction = Var (*)(const Var&, const Tensor&);
  for (const LossFunction loss :
       {LossFunction(l1_loss), LossFunction(mse_loss), LossFunction(bce_with_logits_loss)}) {
    const std::string text = message_of<ShapeError>([&] { loss(x, other); });
    CHECK_MESSAGE(contains(text, {"[2,3,2,3]", "[2,3,3,2]"}), text);
    CHECK_THROWS_AS(loss(x, x.value().to(DType::f32)), ShapeError);
  }
  CHECK_THROWS_AS(l1_loss(Tensor::zeros({1, 1, 1, 2}, DType::f64), x, x.value(), 1), ShapeError);
}

}  // namespace
}  // namespace uptake::tests
