// Adam and the learning-rate schedules against PyTorch: tests/golden/optimizers.safetensors, described in
// tests/golden/README.md.
#include <algorithm>

#include "nn/adam.h"
#include "nn/schedule.h"
#include "tests/support/tensors.h"

namespace uptake::tests {
namespace {

using namespace nn;

std::vector<std::string> cases_of(const io::Safetensors& file, const std::string& prefix) {
  std::vector<std::string> names;
  std::istringstream text(file.metadata.at("cases"));
  for (std::string name; text >> name;)
    if (name.starts_with(prefix)) names.push_back(name);
  return names;
}

std::vector<double> row(const std::vector<double>& matrix, std::size_t index, std::size_t length) {
  const auto begin = matrix.begin() + static_cast<std::ptrdiff_t>(index * length);
  return {begin, begin + static_cast<std::ptrdiff_t>(length)};
}

TEST_CASE("the golden file of optimizers holds the cases these tests read, and no others") {
  const io::Safetensors file = golden_file("optimizers");
  CHECK(cases_of(file, "").size() == 15);
  for (const auto& [prefix, count] : {std::pair<const char*, std::size_t>{"adam.", 3},
                                      {"lr_linear.", 3},
                                      {"lr_step.", 3},
                                      {"lr_cosine.", 3},
                                      {"lr_plateau.", 3}})
    CHECK(cases_of(file, prefix).size() == count);
}

// How far each element may be off. The file: half a last digit of float32 of the number itself. The step:
// each one rounds p once in T (half an eps), and what it adds, at most `lr` times a few, has a relative error
// of a few eps of T.
struct Allowed {
  double eps;  // of T
  double lr;
  double bound(double value, std::size_t steps) const {
    const auto n = static_cast<double>(steps);
    return std::abs(value) * (0x1p-24 + n * eps / 2) + n * 16 * eps * lr;
  }
};

void check_adam(DType dtype) {
  const double eps = dtype == DType::f32 ? 0x1p-23 : 0x1p-52;
  const io::Safetensors file = golden_file("optimizers");
  for (const std::string& name : cases_of(file, "adam.")) {
    CAPTURE(name);
    const std::string& words = file.metadata.at(name);
    const auto start = file.as_f64(name + ".p0"), g = file.as_f64(name + ".g"), p = file.as_f64(name + ".p");
    const std::size_t count = start.size();
    const auto steps = static_cast<std::size_t>(setting(words, "steps"));
    REQUIRE(g.size() == steps * count);
    // Two parameters and a gap between them: the flat buffer is one to Adam.
    const std::size_t cut = 5;
    ParameterStore store(dtype);
    store.add_vector("first", cut, Role::bias);
    store.add_vector("second", static_cast<std::int64_t>(count - cut), Role::bias);
    store.allocate();
    const auto part = [&](const std::vector<double>& values, std::size_t which) {
      return which == 0 ? std::vector<double>(values.begin(), values.begin() + cut)
                        : std::vector<double>(values.begin() + cut, values.end());
    };
    const auto plain = [&](const Tensor& flat) {
      std::vector<double> values;
      for (Parameter& parameter : store.parameters())
        for (const double v : values_of(store.to_plain(parameter, flat))) values.push_back(v);
      return values;
    };
    for (std::size_t which : {0u, 1u})
      store.from_plain(store.parameters()[which], store.values(), vector_of(dtype, part(start, which)));
    const double lr = setting(words, "lr");
    Adam adam(store, {setting(words, "beta1"), setting(words, "beta2"), setting(words, "eps")});
    const Allowed allowed{eps, lr};
    for (std::size_t step = 0; step < steps; ++step) {
      CAPTURE(step);
      for (std::size_t which : {0u, 1u})
        store.parameters()[which].var().deposit(vector_of(dtype, part(row(g, step, count), which)));
      adam.step(lr);
      CHECK_FALSE(store.parameters()[0].var().has_grad());
      const auto actual = plain(store.values()), expected = row(p, step, count);
      for (std::size_t i = 0; i < count; ++i)
        CHECK_MESSAGE(std::abs(actual[i] - expected[i]) <= allowed.bound(expected[i], step + 1),
                      "element " << i << " is " << actual[i] << ", PyTorch has " << expected[i]);
    }
    CHECK(adam.steps_taken == static_cast<std::int64_t>(steps));
    // Moments are sums of numbers of either sign (m) or of squares (v), rounded once or twice a step.
    const double tolerance = 0x1p-24 + 2 * static_cast<double>(steps) * eps;
    CHECK(distance(plain(adam.first_moments()), file.as_f64(name + ".m")) < tolerance);
    CHECK(distance(plain(adam.second_moments()), file.as_f64(name + ".v")) < tolerance);
  }
}

TEST_CASE("Adam in float32 takes PyTorch's steps") { check_adam(DType::f32); }
TEST_CASE("Adam in float64 takes PyTorch's steps") { check_adam(DType::f64); }

TEST_CASE("Adam: a parameter nobody used keeps its value while its moments fade") {
  ParameterStore store(DType::f64);
  Parameter& used = store.add_vector("used", 2, Role::bias);
  Parameter& unused = store.add_vector("unused", 2, Role::bias);
  store.allocate();
  Adam adam(store, {0.5, 0.999, 1e-8});
  Tensor stale = store.gradients();
  stale.fill(1e6);
  used.var().deposit(vector_of(DType::f64, {1, -1}));
  adam.step(0.1);
  CHECK(values_of(store.to_plain(unused, store.values())) == std::vector<double>{0, 0});
  // The first step is lr * sign(g), whatever the size of g.
  CHECK(values_of(store.to_plain(used, store.values()))[0] == doctest::Approx(-0.1).epsilon(1e-7));
  CHECK(values_of(store.to_plain(used, store.values()))[1] == doctest::Approx(0.1).epsilon(1e-7));
}

// --------------------------------------------------------------------------------------------- schedules

ScheduleOptions options_of(const std::string& words, LrPolicy policy) {
  const auto number = [&](const char* key) { return static_cast<std::int64_t>(setting(words, key)); };
  return {policy, setting(words, "lr"), number("n_epochs"), number("n_epochs_decay"),
          number("lr_decay_iters")};
}

// The file is float32; PyTorch arrives at the cosine through a chain of products, which is good to a few
// 1e-16 of the initial rate for each call, so an absolute part of 1e-12 of it is ample.
bool same_rate(double actual, double expected, double lr) {
  return std::abs(actual - expected) <= 0x1p-24 * expected + 1e-12 * lr;
}

TEST_CASE("linear, step and cosine: epoch e has PyTorch's rate after e - 1 calls of its scheduler") {
  const io::Safetensors file = golden_file("optimizers");
  for (const auto& [prefix, policy] : {std::pair<const char*, LrPolicy>{"lr_linear.", LrPolicy::linear},
                                       {"lr_step.", LrPolicy::step},
                                       {"lr_cosine.", LrPolicy::cosine}})
    for (const std::string& name : cases_of(file, prefix)) {
      CAPTURE(name);
      const ScheduleOptions options = options_of(file.metadata.at(name), policy);
      const auto golden = file.as_f64(name + ".lr");
      REQUIRE(golden.size() == static_cast<std::size_t>(options.epochs + options.epochs_decay + 1));
      Schedule schedule(options);
      for (std::size_t calls = 0; calls < golden.size(); ++calls) {
        const double rate = schedule.rate(static_cast<std::int64_t>(calls) + 1);
        CHECK_MESSAGE(same_rate(rate, golden[calls], options.lr),
                      "epoch " << calls + 1 << " has " << rate << ", PyTorch " << golden[calls]);
        schedule.observe(1e9);  // means nothing to these
      }
    }
}

TEST_CASE("plateau: fed the reference's constant 0, it takes the reference's rates") {
  const io::Safetensors file = golden_file("optimizers");
  for (const std::string& name : cases_of(file, "lr_plateau.")) {
    CAPTURE(name);
    const ScheduleOptions options = options_of(file.metadata.at(name), LrPolicy::plateau);
    const auto golden = file.as_f64(name + ".lr");
    Schedule schedule(options);
    for (std::size_t calls = 0; calls < golden.size(); ++calls) {
      const double rate = schedule.rate(static_cast<std::int64_t>(calls) + 1);
      CHECK_MESSAGE(same_rate(rate, golden[calls], options.lr),
                    "after " << calls << " metrics " << rate << ", PyTorch " << golden[calls]);
      schedule.observe(0);
    }
  }
}

TEST_CASE("plateau: a metric that falls by more than 1 % of its best keeps the rate") {
  Schedule schedule({LrPolicy::plateau, 1, 100, 0, 50});
  double metric = 1;
  for (int epoch = 0; epoch < 30; ++epoch) {
    schedule.observe(metric);
    metric *= 0.98;
  }
  CHECK(schedule.rate(31) == 1);
  // By less than 1 % of its best is no progress: one epoch sets the best, six more are one too many.
  Schedule slow({LrPolicy::plateau, 1, 100, 0, 50});
  for (int epoch = 0; epoch < 6; ++epoch) slow.observe(1 - 0.001 * epoch);
  CHECK(slow.rate(7) == 1);
  slow.observe(1 - 0.001 * 6);
  CHECK(slow.rate(8) == doctest::Approx(0.2).epsilon(1e-15));
  // A slow descent counts from the best that was remembered, so in the end it is progress.
  slow.observe(0.98);
  CHECK(slow.plateau.best == 0.98);
  CHECK(slow.plateau.bad_epochs == 0);
}

TEST_CASE("plateau: a checkpoint of its state continues where it was") {
  Schedule first({LrPolicy::plateau, 1, 100, 0, 50});
  for (int epoch = 0; epoch < 10; ++epoch) first.observe(1);
  Schedule second({LrPolicy::plateau, 1, 100, 0, 50});
  second.plateau = first.plateau;
  for (int epoch = 0; epoch < 10; ++epoch) {
    first.observe(1);
    second.observe(1);
    CHECK(first.rate(1) == second.rate(1));
  }
  CHECK(first.rate(1) == doctest::Approx(0.2 * 0.2 * 0.2).epsilon(1e-15));
}

TEST_CASE("schedules: known rates, by hand") {
  const Schedule linear({LrPolicy::linear, 2, 3, 4, 50});
  const double rates[] = {2, 2, 2, 1.6, 1.2, 0.8, 0.4};
  for (int epoch = 1; epoch <= 7; ++epoch)
    CHECK(linear.rate(epoch) == doctest::Approx(rates[epoch - 1]).epsilon(1e-14));
  const Schedule step({LrPolicy::step, 1, 3, 4, 2});
  CHECK(step.rate(2) == 1);
  CHECK(step.rate(3) == doctest::Approx(0.1).epsilon(1e-14));
  CHECK(step.rate(5) == doctest::Approx(0.01).epsilon(1e-14));
  const Schedule cosine({LrPolicy::cosine, 1, 4, 4, 2});
  CHECK(cosine.rate(1) == 1);
  CHECK(cosine.rate(3) == doctest::Approx(0.5).epsilon(1e-14));
}

}  // namespace
}  // namespace uptake::tests
