#include "kernels/adam_step.h"

#include "tests/cuda/placed.h"
#include "tests/reference/adam.h"

namespace uptake::tests {
namespace {

using kernels::AdamFactors, kernels::AdamStep;

struct Case {
  std::int64_t count = 0, steps = 1;
  AdamStep options;
  Layout layout;
  std::string describe() const {
    return std::to_string(count) + " parameters, " + std::to_string(steps) + " steps, beta1 " +
           std::to_string(options.beta1) + layout.describe();
  }
};

std::vector<double> gradient(const Case& t, std::int64_t step) {
  return random_values(50 + static_cast<std::uint64_t>(step), t.count);
}
std::vector<double> zeros(const Case& t) {
  return std::vector<double>(static_cast<std::size_t>(t.count), 0.0);
}

struct State {
  Placed<float> p, m, v;
  explicit State(const Case& t)
      : p(Placed<float>::output(1, t.count, t.layout, Write::add, random_values(41, t.count))),
        m(Placed<float>::output(1, t.count, t.layout, Write::add, zeros(t))),
        v(Placed<float>::output(1, t.count, t.layout, Write::add, zeros(t))) {}
};

/// All steps; `copy` may be null.
void train(State& state, BFloat16* copy, const Case& t) {
  AdamStep step = t.options;
  for (step.t = 1; step.t <= t.steps; ++step.t) {
    const auto g = Placed<float>::input(1, t.count, t.layout, gradient(t, step.t));
    const DeviceArray<AdamFactors> factors(std::vector<AdamFactors>{kernels::adam_factors(step)});
    cuda::adam_step(state.p.data(), state.m.data(), state.v.data(), g.data(), copy, t.count, factors.data(),
                    cuda::compute_stream());
    cuda::synchronize(cuda::compute_stream());
  }
}

Results run_cuda(const Case& t) {
  State state(t);
  train(state, nullptr, t);
  return {{"p", state.p.values()}, {"m", state.m.values()}, {"v", state.v.values()}};
}

Results run_reference(const Case& t) {
  reference::AdamState state{random_values(41, t.count), zeros(t), zeros(t)};
  AdamStep step = t.options;
  for (step.t = 1; step.t <= t.steps; ++step.t) reference::adam_step(state, gradient(t, step.t), step);
  return {{"p", state.p}, {"m", state.m}, {"v", state.v}};
}

const ImplementationTable<Case> kAdam("adam_step",
                                      {{"reference", 0x1p-52, run_reference}, {"cuda", 0x1p-23, run_cuda}});

TEST_CASE("adam_step: equals the reference at odd sizes over many steps") {
  each_schedule([] {
    for (const std::int64_t count : {0, 1, 31, 33, 1009, 5003})
      for (const Layout layout : {Layout{0, 16}, Layout{0, 5}})
        for (const double beta1 : {0.5, 0.9, 0.0})
          for (const std::int64_t steps : {1, 2, 20}) {
            if (count > 100 && steps > 2) continue;  // enough blocks or enough steps
            const Case t{
                count, steps, {.lr = 2e-4, .beta1 = beta1, .beta2 = 0.999, .eps = 1e-8, .t = 1}, layout};
            // Each step adds one rounding of p and a few of m and v; 1 - beta2 in float is off by 110 eps of
            // its 0.001, and that far off is v, of size 0.004 a step.
            kAdam.check_all(t, {.length = static_cast<double>(steps), .factor = 4, .scale = 1});
          }
  });
}

TEST_CASE("adam_step: one step from known moments equals the formula worked out by hand") {
  // m = (1 * 0.5 + 3 * 0.5) = 2, v = (4 * 0.75 + 9 * 0.25) = 5.25; t = 2: 1 - b1^t = 0.75, 1 - b2^t = 7/16;
  // p = 1 - 0.1 * (2 / 0.75) / (sqrt(5.25 / (7/16)) + 1)
  const DeviceArray<float> p(std::vector<float>{1}), m(std::vector<float>{1}), v(std::vector<float>{4}),
      g(std::vector<float>{3});
  const DeviceArray<BFloat16> copy(std::vector<BFloat16>{BFloat16(0.0f)});
  const DeviceArray<AdamFactors> factors(std::vector<AdamFactors>{
      kernels::adam_factors({.lr = 0.1, .beta1 = 0.5, .beta2 = 0.75, .eps = 1, .t = 2})});
  cuda::adam_step(p.data(), m.data(), v.data(), g.data(), copy.data(), 1, factors.data(),
                  cuda::compute_stream());
  const double expected = 1 - 0.1 * (2 / 0.75) / (std::sqrt(12.0) + 1);
  CHECK(p.values()[0] == doctest::Approx(expected).epsilon(1e-6));
  CHECK(m.values()[0] == 2);
  CHECK(v.values()[0] == 5.25);
  CHECK(copy.values()[0] == static_cast<double>(BFloat16(p.host()[0])));
}

TEST_CASE("adam_step: the copy is the new parameter rounded, and taking it changes nothing else") {
  each_schedule([] {
    for (const std::int64_t count : {1, 31, 1009, 4096})
      for (const Layout copy_layout : {Layout{0, 16}, Layout{0, 5}}) {
        const Case t{count, 2, {}, {}};
        State state(t);
        const auto copy = Placed<BFloat16>::output(1, count, copy_layout, Write::assign, {});
        train(state, copy.data(), t);
        const auto p = state.p.values();
        CHECK(copy.values() == rounded<BFloat16>(p));
        const Results without = run_cuda(t);
        CHECK(p == without[0].values);
        CHECK(state.v.values() == without[2].values);
      }
  });
}

TEST_CASE("adam_step: a zero gradient moves nothing, and nothing becomes NaN") {
  const DeviceArray<float> p(std::vector<float>{3}), m(std::vector<float>{0}), v(std::vector<float>{0}),
      g(std::vector<float>{0});
  const DeviceArray<AdamFactors> factors(std::vector<AdamFactors>{kernels::adam_factors({})});
  cuda::adam_step(p.data(), m.data(), v.data(), g.data(), nullptr, 1, factors.data(), cuda::compute_stream());
  CHECK(p.values()[0] == 3);
  CHECK(m.values()[0] == 0);
  CHECK(v.values()[0] == 0);
}

TEST_CASE("adam_step: the same bits under all schedules") {
  check_same_bits_under_all_schedules([] { return run_cuda({5003, 2, {}, {}}); });
}

TEST_CASE("adam_step: bad arguments throw ShapeError") {
  const DeviceArray<float> a(1);
  const DeviceArray<AdamFactors> f(1);
  float* const p = a.data();
  const auto stream = cuda::compute_stream();
  CHECK_THROWS_AS(cuda::adam_step(p, p, p, p, nullptr, -1, f.data(), stream), kernels::ShapeError);
  CHECK_THROWS_AS(cuda::adam_step(p, p, nullptr, p, nullptr, 1, f.data(), stream), kernels::ShapeError);
  CHECK_THROWS_AS(cuda::adam_step(p, p, p, p, nullptr, 1, nullptr, stream), kernels::ShapeError);
  CHECK_NOTHROW(cuda::adam_step(nullptr, nullptr, nullptr, nullptr, nullptr, 0, nullptr, stream));
}

}  // namespace
}  // namespace uptake::tests
