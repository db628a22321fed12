#include "kernels/pointwise_loss.h"

#include "kernels/base/gradient_check.h"
#include "tests/kernels/parity.h"
#include "tests/reference/losses.h"

namespace uptake::tests {
namespace {

using namespace kernels;

enum class Kind { l1, mse, bce, gan };

struct Case {
  Kind kind = Kind::l1;
  GanMode mode = GanMode::vanilla;
  GanTarget label = GanTarget::generator;
  std::int64_t pixels = 0, c = 0, extra_pitch = 0;
  Write write = Write::assign;
  double scale = 1;
  std::vector<double> x, target, before;

  std::string describe() const {
    std::ostringstream text;
    text << "kind " << static_cast<int>(kind) << ", mode " << static_cast<int>(mode) << ", label "
         << static_cast<int>(label) << ", [" << pixels << "," << c << "] pitch +" << extra_pitch << ", scale "
         << scale << (write == Write::add ? ", add" : ", assign");
    return text.str();
  }
};

template <class T>
double cpu_loss(const Case& t, View<T> dx, View<const T> x, View<const T> target) {
  switch (t.kind) {
    case Kind::l1:
      return cpu::l1_loss<T>(dx, t.write, x, target, t.pixels, t.c, t.scale);
    case Kind::mse:
      return cpu::mse_loss<T>(dx, t.write, x, target, t.pixels, t.c, t.scale);
    case Kind::bce:
      return cpu::bce_with_logits_loss<T>(dx, t.write, x, target, t.pixels, t.c, t.scale);
    case Kind::gan:
      break;
  }
  return cpu::gan_loss<T>(t.mode, t.label, dx, t.write, x, t.pixels, t.c, t.scale);
}

template <class T>
Results run_cpu(const Case& t) {
  Buffer<T> x(t.pixels, t.c, t.extra_pitch, t.x), target(t.pixels, t.c, 0, t.target);
  Buffer<T> dx = output_buffer<T>(t.pixels, t.c, t.extra_pitch, t.write, t.before);
  const double loss = cpu_loss<T>(t, dx.view(), x.view(), target.view());
  return {{"loss", {loss}}, {"dx", dx.values()}};
}

Results run_reference(const Case& t) {
  const reference::Loss loss = t.kind == Kind::l1    ? reference::l1_loss(t.x, t.target)
                               : t.kind == Kind::mse ? reference::mse_loss(t.x, t.target)
                               : t.kind == Kind::bce ? reference::bce_with_logits_loss(t.x, t.target)
                                                     : reference::gan_loss(t.mode, t.label, t.x);
  std::vector<double> dx = loss.gradient;
  for (double& v : dx) v *= t.scale;
  return {{"loss", {loss.value}}, {"dx", written(dx, t.write, t.before)}};
}

const ImplementationTable<Case> kLosses("loss", {{"reference", 0x1p-52, run_reference},
                                                 {"cpu float", 0x1p-23, run_cpu<float>},
                                                 {"cpu double", 0x1p-52, run_cpu<double>}});

std::vector<Case> all_losses() {
  std::vector<Case> cases(3);
  cases[1].kind = Kind::mse;
  cases[2].kind = Kind::bce;
  for (const GanMode mode : {GanMode::vanilla, GanMode::lsgan, GanMode::hinge})
    for (const GanTarget label :
         {GanTarget::discriminator_real, GanTarget::discriminator_fake, GanTarget::generator}) {
      cases.emplace_back();
      cases.back().kind = Kind::gan;
      cases.back().mode = mode;
      cases.back().label = label;
    }
  return cases;
}

void fill_case(Case& t, MatrixSize size) {
  t.pixels = size.pixels;
  t.c = size.c;
  t.x = random_values(31, size.pixels * size.c);
  t.target = random_values(32, size.pixels * size.c, 0, 1);
  t.before = random_values(33, size.pixels * size.c);
}

/// Loss and gradient of one row of numbers, in double.
reference::Loss loss_of(const Case& kind, const std::vector<double>& x, const std::vector<double>& target) {
  Case t = kind;
  t.pixels = static_cast<std::int64_t>(x.size());
  t.c = 1;
  t.x = x;
  t.target = target.empty() ? x : target;
  const Results results = run_cpu<double>(t);
  return {results[0].values[0], results[1].values};
}

Case gan(GanMode mode, GanTarget label) {
  Case t;
  t.kind = Kind::gan;
  t.mode = mode;
  t.label = label;
  return t;
}

TEST_CASE("losses: the reference's gradient is the gradient of its value") {
  for (Case t : all_losses()) {
    fill_case(t, {13, 3});
    for (std::size_t i = 0; i < t.x.size(); ++i)  // away from the corners of l1 and hinge
      for (const double corner : {t.target[i], -1.0, 1.0})
        if (std::abs(t.x[i] - corner) < 0.01) t.x[i] += 0.03;
    const auto f = [&](std::span<const double> at) {
      Case moved = t;
      moved.x.assign(at.begin(), at.end());
      return run_reference(moved)[0].values[0];
    };
    const auto result = check_gradient(f, t.x, run_reference(t)[1].values);
    CHECK_MESSAGE(result.ok, t.describe() << ": " << result.message);
  }
}

TEST_CASE("losses: all equal the reference at odd sizes and pitches") {
  for (Case t : all_losses())
    for (const MatrixSize size : odd_sizes())
      for (const std::int64_t extra : {0, 3})
        for (const Write write : {Write::assign, Write::add}) {
          fill_case(t, size);
          t.extra_pitch = extra;
          t.write = write;
          t.scale = 100;
          // Values are summed in double; what is left are the few roundings of one slope, scaled by 100 /
          // count, and of adding it.
          kLosses.check_all(
              t, {.length = 1, .factor = 4, .scale = 4, .truth_length = static_cast<double>(t.x.size())});
        }
}

TEST_CASE("losses: without dx only the value is computed, the same one") {
  for (Case t : all_losses()) {
    fill_case(t, {33, 7});
    const auto x = to<float>(t.x), target = to<float>(t.target);
    CHECK(cpu_loss<float>(t, {}, {x.data(), 7}, {target.data(), 7}) == run_cpu<float>(t)[0].values[0]);
  }
}

TEST_CASE("losses: an empty input has loss 0") {
  for (Case t : all_losses()) {
    fill_case(t, {0, 5});
    CHECK(run_cpu<float>(t)[0].values[0] == 0);
  }
}

TEST_CASE("losses: equal values computed by hand") {
  Case t;
  reference::Loss loss = loss_of(t, {1, -2, 3, 5}, {0, 0, 3, 7});
  CHECK(loss.value == doctest::Approx(5.0 / 4));
  CHECK(loss.gradient == std::vector<double>{0.25, -0.25, 0, -0.25});  // no slope where equal
  t.kind = Kind::mse;
  loss = loss_of(t, {1, -2, 3, 5}, {0, 0, 3, 7});
  CHECK(loss.value == doctest::Approx(9.0 / 4));
  CHECK(loss.gradient == std::vector<double>{0.5, -1, 0, -1});
  t.kind = Kind::bce;
  loss = loss_of(t, {0, 0}, {1, 0.25});
  CHECK(loss.value == doctest::Approx(std::log(2.0)));
  CHECK(loss.gradient == std::vector<double>{-0.25, 0.125});
  loss = loss_of(t, {std::log(3.0)}, {1});  // sigmoid = 3/4
  CHECK(loss.value == doctest::Approx(std::log(4.0 / 3)));
  CHECK(loss.gradient[0] == doctest::Approx(-0.25));

  const std::vector<double> x = {-3, -1, 0, 1, 3};
  loss = loss_of(gan(GanMode::hinge, GanTarget::discriminator_real), x, {});
  CHECK(loss.value == doctest::Approx((4 + 2 + 1 + 0 + 0) / 5.0));
  CHECK(loss.gradient == std::vector<double>{-0.2, -0.2, -0.2, 0, 0});
  loss = loss_of(gan(GanMode::hinge, GanTarget::discriminator_fake), x, {});
  CHECK(loss.value == doctest::Approx((0 + 0 + 1 + 2 + 4) / 5.0));
  CHECK(loss.gradient == std::vector<double>{0, 0, 0.2, 0.2, 0.2});
  loss = loss_of(gan(GanMode::hinge, GanTarget::generator), x, {});
  CHECK(loss.value == doctest::Approx(0));
  CHECK(loss.gradient == std::vector<double>{-0.2, -0.2, -0.2, -0.2, -0.2});
  loss = loss_of(gan(GanMode::lsgan, GanTarget::discriminator_fake), {3}, {});
  CHECK(loss.value == doctest::Approx(9));
  CHECK(loss_of(gan(GanMode::lsgan, GanTarget::generator), {3}, {}).value == doctest::Approx(4));
  CHECK(loss_of(gan(GanMode::lsgan, GanTarget::discriminator_real), {3}, {}).value == doctest::Approx(4));
  CHECK(loss_of(gan(GanMode::vanilla, GanTarget::discriminator_fake), {0}, {}).gradient[0] ==
        doctest::Approx(0.5));
  CHECK(loss_of(gan(GanMode::vanilla, GanTarget::generator), {0}, {}).gradient[0] == doctest::Approx(-0.5));
}

TEST_CASE("bce_with_logits_loss: extreme logits neither overflow nor lose their gradient") {
  for (const double logit : {100.0, 1000.0})
    for (const double sign : {-1.0, 1.0})
      for (const double target : {0.0, 1.0}) {
        const auto x = static_cast<float>(sign * logit), t = static_cast<float>(target);
        float dx = 0;
        const double loss =
            cpu::bce_with_logits_loss<float>({&dx, 1}, Write::assign, {&x, 1}, {&t, 1}, 1, 1, 1);
        const bool right = (sign > 0) == (target == 1);
        CHECK(loss == doctest::Approx(right ? 0 : logit));
        CHECK(dx == doctest::Approx(right ? 0 : sign));
      }
}

TEST_CASE("losses: a NaN input makes the loss NaN") {
  for (const Case& t : all_losses()) CHECK(std::isnan(loss_of(t, {1, std::nan(""), 2}, {0, 0, 0}).value));
}

TEST_CASE("losses: the same bits on any number of threads") {
  for (Case t : all_losses()) {
    fill_case(t, {2053, 37});
    check_same_bits_on_any_threads([&] { return run_cpu<float>(t); });
  }
}

TEST_CASE("losses: bad arguments throw ShapeError") {
  std::vector<float> x(12), t(12), dx(12);
  const auto loss = [&](View<float> to, View<const float> from, View<const float> target,
                        std::int64_t pixels) {
    return cpu::l1_loss<float>(to, Write::assign, from, target, pixels, 4, 1);
  };
  CHECK_NOTHROW(loss({dx.data(), 4}, {x.data(), 4}, {t.data(), 4}, 3));
  CHECK_THROWS_AS(loss({dx.data(), 3}, {x.data(), 4}, {t.data(), 4}, 3), ShapeError);
  CHECK_THROWS_AS(loss({}, {x.data(), 3}, {t.data(), 4}, 3), ShapeError);
  CHECK_THROWS_AS(loss({}, {x.data(), 4}, {t.data(), 3}, 3), ShapeError);
  CHECK_THROWS_AS(loss({}, {x.data(), 4}, {}, 3), ShapeError);
  CHECK_THROWS_AS(loss({}, {x.data(), 4}, {t.data(), 4}, -3), ShapeError);
}

}  // namespace
}  // namespace uptake::tests
