#include "kernels/adam_step.h"

#include "tests/kernels/parity.h"
#include "tests/reference/adam.h"

namespace uptake::tests {
namespace {

using kernels::AdamStep;

struct Case {
  std::int64_t count = 0, steps = 1;
  AdamStep options;
  std::string describe() const {
    return std::to_string(count) + " parameters, " + std::to_string(steps) + " steps, beta1 " +
           std::to_string(options.beta1);
  }
};

std::vector<double> gradient(const Case& t, std::int64_t step) {
  return random_values(50 + static_cast<std::uint64_t>(step), t.count);
}

template <class T>
Results run_cpu(const Case& t) {
  Buffer<T> p(1, t.count, 2, random_values(41, t.count));
  Buffer<T> m(1, t.count, 2, std::vector<double>(static_cast<std::size_t>(t.count), 0.0));
  Buffer<T> v(1, t.count, 2, std::vector<double>(static_cast<std::size_t>(t.count), 0.0));
  AdamStep step = t.options;
  for (step.t = 1; step.t <= t.steps; ++step.t) {
    const auto g = to<T>(gradient(t, step.t));
    kernels::cpu::adam_step<T>(p.data(), m.data(), v.data(), g.data(), t.count, step);
  }
  return {{"p", p.values()}, {"m", m.values()}, {"v", v.values()}};
}

Results run_reference(const Case& t) {
  const std::vector<double> zero(static_cast<std::size_t>(t.count), 0.0);
  reference::AdamState state{random_values(41, t.count), zero, zero};
  AdamStep step = t.options;
  for (step.t = 1; step.t <= t.steps; ++step.t) reference::adam_step(state, gradient(t, step.t), step);
  return {{"p", state.p}, {"m", state.m}, {"v", state.v}};
}

const ImplementationTable<Case> kAdam("adam_step", {{"reference", 0x1p-52, run_reference},
                                                    {"cpu float", 0x1p-23, run_cpu<float>},
                                                    {"cpu double", 0x1p-52, run_cpu<double>}});

TEST_CASE("adam_step: equals the reference at odd sizes over many steps") {
  for (const std::int64_t count : {0, 1, 31, 33, 1009, 40009})
    for (const double beta1 : {0.5, 0.9, 0.0})
      for (const std::int64_t steps : {1, 2, 20}) {
        if (count > 2000 && steps > 2) continue;  // enough pieces or enough steps
        const Case t{count, steps, {.lr = 2e-4, .beta1 = beta1, .beta2 = 0.999, .eps = 1e-8, .t = 1}};
        // Each step adds one rounding of p and a few of m and v; 1 - beta2 in float is off by eps/2 of 1,
        // that is by 500 eps of its 0.001, in v (of size 0.004 a step) and so a little in p.
        kAdam.check_all(t, {.length = static_cast<double>(steps), .factor = 4, .scale = 1});
      }
}

TEST_CASE("adam_step: the first three steps equal those worked out by hand") {
  // beta1 = 0.5, beta2 = 0.75, eps = 1, lr = 0.1, gradients 2, -4, 1:
  //   m: 1, -1.5, -0.25                       v: 1, 4.75, 3.8125
  //   m corrected: 2, -2, -2/7                v corrected: 4, 4.75/(7/16) = 76/7, 3.8125/(37/64) = 244/37
  double p = 1, m = 0, v = 0, expected = 1;
  const double gradients[] = {2, -4, 1}, corrected_m[] = {2, -2, -2.0 / 7},
               corrected_v[] = {4, 76.0 / 7, 244.0 / 37};
  const double ms[] = {1, -1.5, -0.25}, vs[] = {1, 4.75, 3.8125};
  for (int i = 0; i < 3; ++i) {
    kernels::cpu::adam_step<double>(&p, &m, &v, &gradients[i], 1,
                                    {.lr = 0.1, .beta1 = 0.5, .beta2 = 0.75, .eps = 1, .t = i + 1});
    expected -= 0.1 * corrected_m[i] / (std::sqrt(corrected_v[i]) + 1);
    CHECK(m == ms[i]);
    CHECK(v == vs[i]);
    CHECK(p == doctest::Approx(expected).epsilon(1e-15));
  }
}

TEST_CASE("adam_step: the first step is the learning rate against the gradient's sign, whatever its size") {
  for (const float g : {1e-3f, 1.0f, -1e4f}) {
    float p = 0, m = 0, v = 0;
    kernels::cpu::adam_step<float>(&p, &m, &v, &g, 1,
                                   {.lr = 2e-4, .beta1 = 0.5, .beta2 = 0.999, .eps = 1e-12, .t = 1});
    CHECK(p == doctest::Approx(g > 0 ? -2e-4 : 2e-4).epsilon(1e-5));
  }
}

TEST_CASE("adam_step: a zero gradient moves nothing, and nothing becomes NaN") {
  float p = 3, m = 0, v = 0, g = 0;
  kernels::cpu::adam_step<float>(&p, &m, &v, &g, 1, {});
  CHECK(p == 3);
  CHECK(m == 0);
  CHECK(v == 0);
}

TEST_CASE("adam_step: the bias correction is gone after very many steps") {
  double p = 0, m = 1, v = 1, g = 1;
  kernels::cpu::adam_step<double>(&p, &m, &v, &g, 1,
                                  {.lr = 0.5, .beta1 = 0.5, .beta2 = 0.999, .eps = 0, .t = 1 << 30});
  CHECK(p == doctest::Approx(-0.5));
}

TEST_CASE("adam_step: the same bits on any number of threads") {
  check_same_bits_on_any_threads([] { return run_cpu<float>(Case{100003, 2, {}}); });
}

TEST_CASE("adam_step: bad arguments throw ShapeError") {
  float a = 0;
  CHECK_THROWS_AS(kernels::cpu::adam_step<float>(&a, &a, &a, &a, 1, {.t = 0}), kernels::ShapeError);
  CHECK_THROWS_AS(kernels::cpu::adam_step<float>(&a, &a, &a, &a, -1, {}), kernels::ShapeError);
  CHECK_THROWS_AS(kernels::cpu::adam_step<float>(&a, &a, nullptr, &a, 1, {}), kernels::ShapeError);
  CHECK_NOTHROW(kernels::cpu::adam_step<float>(nullptr, nullptr, nullptr, nullptr, 0, {}));
}

}  // namespace
}  // namespace uptake::tests
