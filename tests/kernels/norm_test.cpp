#include "kernels/norm/norm.h"

#include "kernels/base/gradient_check.h"
#include "tests/kernels/parity.h"
#include "tests/reference/norm.h"

namespace uptake::tests {
namespace {

using namespace kernels;

constexpr double kEps = 1e-5;

struct Case {
  NormShape shape;
  std::int64_t extra_pitch = 0;
  bool affine = true;
  std::vector<Act> acts;
  Dropout dropout;
  Write write = Write::assign;
  Statistics statistics = Statistics::of_this_batch;
  std::vector<double> x, mean, rstd, gamma, beta, before, before_parameters;
  std::vector<std::vector<double>> dys;

  std::string describe() const {
    std::ostringstream text;
    text << shape.groups << " groups of [" << shape.pixels_per_group << "," << shape.c << "] pitch +"
         << extra_pitch << (affine ? ", affine" : ", plain") << ", activations";
    for (const Act& act : acts) text << " " << static_cast<int>(act.kind);
    text << ", p " << dropout.p << (write == Write::add ? ", add" : ", assign")
         << (statistics == Statistics::given ? ", given statistics" : "");
    return text.str();
  }
};

Case make_case(NormShape shape, std::int64_t extra_pitch, std::vector<Act> acts, double p, Write write,
               Statistics statistics = Statistics::of_this_batch, bool affine = true) {
  Case t{shape, extra_pitch, affine, std::move(acts), {p, {11, 2, 3}}, write, statistics, {}, {}, {}, {}, {},
         {},    {},          {}};
  const std::int64_t count = shape.pixels() * shape.c;
  t.x = random_values(1, count);
  // In double: the gradient has one formula only where the mean is the mean. For float they are rounded like
  // x.
  const reference::Moments moments = reference::norm_statistics(t.x, shape);
  t.mean = moments.mean;
  t.rstd = reference::norm_rstd(moments.var, kEps);
  if (affine) {
    t.gamma = random_values(5, shape.c, 0.5, 1.5);
    t.beta = random_values(6, shape.c, -1, 1);
  }
  t.before = random_values(7, count);
  t.before_parameters = random_values(8, shape.c);
  for (std::size_t j = 0; j < t.acts.size(); ++j) t.dys.push_back(random_values(9 + j, count));
  return t;
}

template <class T>
const T* or_null(const std::vector<T>& values) {
  return values.empty() ? nullptr : values.data();
}

template <class T>
Results cpu_statistics(const Case& t) {
  Buffer<T> x(t.shape.pixels(), t.shape.c, t.extra_pitch, t.x);
  Buffer<T> mean(t.shape.groups, t.shape.c, 0), rstd(t.shape.groups, t.shape.c, 0);
  cpu::norm_batch_statistics<T>(mean.data(), rstd.data(), nullptr, nullptr, x.view(), t.shape, 0, 0);
  std::vector<double> var;
  for (const double r : rstd.values()) var.push_back(1 / (r * r));
  return {{"mean", mean.values()}, {"var", var}};
}

Results reference_statistics(const Case& t) {
  const reference::Moments moments = reference::norm_statistics(t.x, t.shape);
  return {{"mean", moments.mean}, {"var", moments.var}};
}

template <class T>
Results cpu_forward(const Case& t) {
  Buffer<T> x(t.shape.pixels(), t.shape.c, t.extra_pitch, t.x);
  const auto mean = to<T>(t.mean), rstd = to<T>(t.rstd), gamma = to<T>(t.gamma), beta = to<T>(t.beta);
  std::vector<Buffer<T>> ys;
  for (std::size_t j = 0; j < t.acts.size(); ++j)
    ys.emplace_back(t.shape.pixels(), t.shape.c, j == 0 ? 0 : t.extra_pitch);
  std::vector<Output<T>> outputs;
  for (std::size_t j = 0; j < ys.size(); ++j) outputs.push_back({ys[j].view(), t.acts[j]});
  cpu::norm_forward<T>(outputs, x.view(), mean.data(), rstd.data(), or_null(gamma), or_null(beta), t.shape,
                       t.dropout);
  Results results;
  for (Buffer<T>& y : ys) results.push_back({"y" + std::to_string(results.size()), y.values()});
  return results;
}

Results reference_forward(const Case& t) {
  const auto z = reference::normalise(t.x, t.mean, t.rstd, t.gamma, t.beta, t.shape);
  Results results;
  for (const Act& act : t.acts)
    results.push_back(
        {"y" + std::to_string(results.size()), reference::pointwise_forward(act, z, t.dropout)});
  return results;
}

template <class T>
Results cpu_backward(const Case& t) {
  const std::int64_t pixels = t.shape.pixels(), c = t.shape.c;
  Buffer<T> x(pixels, c, t.extra_pitch, t.x);
  Buffer<T> dx = output_buffer<T>(pixels, c, t.extra_pitch, t.write, t.before);
  Buffer<T> dgamma = output_buffer<T>(1, c, 0, t.write, t.before_parameters);
  Buffer<T> dbeta = output_buffer<T>(1, c, 0, t.write, t.before_parameters);
  std::vector<Buffer<T>> dys;
  for (std::size_t j = 0; j < t.dys.size(); ++j)
    dys.emplace_back(pixels, c, j == 0 ? 0 : t.extra_pitch, t.dys[j]);
  std::vector<OutputGradient<T>> gradients;
  for (std::size_t j = 0; j < dys.size(); ++j) gradients.push_back({dys[j].view(), t.acts[j]});
  const auto mean = to<T>(t.mean), rstd = to<T>(t.rstd), gamma = to<T>(t.gamma), beta = to<T>(t.beta);
  cpu::norm_backward<T>(dx.view(), t.write, dgamma.data(), dbeta.data(), t.write, gradients, x.view(),
                        mean.data(), rstd.data(), or_null(gamma), or_null(beta), t.shape, t.statistics,
                        t.dropout);
  return {{"dx", dx.values()}, {"dgamma", dgamma.values()}, {"dbeta", dbeta.values()}};
}

Results reference_backward(const Case& t) {
  const auto gradients = reference::norm_backward(t.acts, t.dys, t.x, t.mean, t.rstd, t.gamma, t.beta,
                                                  t.shape, t.statistics, t.dropout);
  return {{"dx", written(gradients.dx, t.write, t.before)},
          {"dgamma", written(gradients.dgamma, t.write, t.before_parameters)},
          {"dbeta", written(gradients.dbeta, t.write, t.before_parameters)}};
}

const ImplementationTable<Case> kStatistics("norm_batch_statistics",
                                            {{"reference", 0x1p-52, reference_statistics},
                                             {"cpu float", 0x1p-23, cpu_statistics<float>},
                                             {"cpu double", 0x1p-52, cpu_statistics<double>}});
const ImplementationTable<Case> kForward("norm_forward", {{"reference", 0x1p-52, reference_forward},
                                                          {"cpu float", 0x1p-23, cpu_forward<float>},
                                                          {"cpu double", 0x1p-52, cpu_forward<double>}});
const ImplementationTable<Case> kBackward("norm_backward", {{"reference", 0x1p-52, reference_backward},
                                                            {"cpu float", 0x1p-23, cpu_backward<float>},
                                                            {"cpu double", 0x1p-52, cpu_backward<double>}});

/// rstd of nearly equal values is large and multiplies every rounding of x, z and dz.
Tolerance tolerance_of(const Case& t) {
  double largest_rstd = 1;
  for (const double r : t.rstd) largest_rstd = std::max(largest_rstd, r);
  return {.length = static_cast<double>(t.shape.pixels_per_group), .factor = 8, .scale = 4 * largest_rstd};
}

const std::vector<NormShape> kShapes = {{1, 1, 1},   {1, 31, 1}, {1, 1, 31},  {2, 33, 7}, {3, 7, 33},
                                        {1, 97, 13}, {0, 5, 3},  {2, 0, 3},   {2, 5, 0},  {1, 1200, 3},
                                        {2, 64, 16}, {5, 1, 8},  {1, 40, 257}};

const Act kNone{Activation::none, 0}, kRelu{Activation::relu, 0}, kLeaky{Activation::leaky_relu, 0.2};

TEST_CASE("norm: the reference's backward is the gradient of its forward") {
  for (const NormShape shape : {NormShape{1, 6, 3}, NormShape{2, 5, 2}})
    for (const Statistics statistics : {Statistics::of_this_batch, Statistics::given})
      for (const double p : {0.0, 0.3}) {
        Case t = make_case(shape, 0, {{Activation::tanh, 0}, kLeaky}, p, Write::assign, statistics);
        const auto channels = static_cast<std::size_t>(shape.c);
        // One vector of everything there is a gradient for: x, gamma, beta.
        const auto loss = [&](std::span<const double> at) {
          const std::vector<double> x(at.begin(), at.end() - 2 * shape.c);
          const std::vector<double> gamma(at.end() - 2 * shape.c, at.end() - shape.c);
          const std::vector<double> beta(at.end() - shape.c, at.end());
          const reference::Moments moments =
              reference::norm_statistics(statistics == Statistics::of_this_batch ? x : t.x, shape);
          const auto z = reference::normalise(x, moments.mean, reference::norm_rstd(moments.var, kEps), gamma,
                                              beta, shape);
          double sum = 0;
          for (std::size_t j = 0; j < t.acts.size(); ++j)
            sum += dot(t.dys[j], reference::pointwise_forward(t.acts[j], z, t.dropout));
          return sum;
        };
        const reference::Moments moments = reference::norm_statistics(t.x, shape);
        const auto rstd = reference::norm_rstd(moments.var, kEps);
        const auto gradients = reference::norm_backward(t.acts, t.dys, t.x, moments.mean, rstd, t.gamma,
                                                        t.beta, shape, statistics, t.dropout);
        std::vector<double> at = t.x, gradient = gradients.dx;
        for (const auto* part : {&t.gamma, &t.beta}) at.insert(at.end(), part->begin(), part->end());
        for (const auto* part : {&gradients.dgamma, &gradients.dbeta})
          gradient.insert(gradient.end(), part->begin(), part->end());
        REQUIRE(at.size() == t.x.size() + 2 * channels);
        GradientCheckOptions options;
        options.step = 1e-4;  // small against the spread of x, which normalisation divides by
        options.absolute_tolerance = 1e-8;
        const auto result = check_gradient(loss, at, gradient, options);
        CHECK_MESSAGE(result.ok, result.message);
        CHECK(result.checked == at.size());
      }
}

TEST_CASE("norm_batch_statistics: equals the reference at odd sizes and pitches") {
  for (const NormShape& shape : kShapes)
    for (const std::int64_t extra : {0, 3}) {
      if (shape.pixels() == 0) continue;  // the mean of nothing is not a number in the reference
      const Case t = make_case(shape, extra, {kNone}, 0, Write::assign);
      kStatistics.check_all(
          t, {.length = 1, .factor = 4, .scale = 2});  // sums are taken in double: one rounding, and rstd's
    }
}

TEST_CASE("norm_batch_statistics: float data far from zero keep their variance") {
  const NormShape shape{2, 5000, 3};
  Case t = make_case(shape, 0, {kNone}, 0, Write::assign);
  for (const double middle : {1e4, 1e6}) {
    std::mt19937_64 random(5);
    std::normal_distribution<double> normal(middle, 1);
    for (double& v : t.x) v = static_cast<float>(normal(random));
    const auto truth = reference_statistics(t), ours = cpu_statistics<float>(t);
    for (std::size_t i = 0; i < truth[1].values.size(); ++i) {
      CHECK(ours[0].values[i] == static_cast<float>(truth[0].values[i]));
      // The inputs are what they are after rounding to float, so only a few of float's digits may be lost.
      CHECK(std::abs(ours[1].values[i] / truth[1].values[i] - 1) < 1e-6);
    }
  }
}

TEST_CASE("norm_batch_statistics: one far outlier does not spoil the rest, and a constant has no variance") {
  const NormShape shape{1, 4099, 1};
  Case t = make_case(shape, 0, {kNone}, 0, Write::assign);
  for (std::size_t i = 0; i < t.x.size(); ++i) t.x[i] = i == 0 ? 0 : 1e4 + static_cast<double>(i % 3);
  const auto truth = reference_statistics(t), ours = cpu_statistics<float>(t);
  CHECK(std::abs(ours[1].values[0] / truth[1].values[0] - 1) < 1e-5);
  for (double& v : t.x) v = 1234.5;
  CHECK(cpu_statistics<float>(t)[1].values[0] == 0);
  CHECK(cpu_statistics<float>(t)[0].values[0] == 1234.5);
}

TEST_CASE("norm_rstd: is 1/sqrt(var + eps), in place too") {
  std::vector<float> var = {0, 1, 3.99f, 1e10f};
  cpu::norm_rstd<float>(var.data(), var.data(), 0.01, 4);
  CHECK(var[0] == doctest::Approx(10));
  CHECK(var[1] == doctest::Approx(0.995037));
  CHECK(var[2] == doctest::Approx(0.5));
  CHECK(var[3] == doctest::Approx(1e-5));
}

TEST_CASE("norm_batch_statistics: gives mean and rstd, and mixes in the mean and the unbiased variance") {
  const Case t = make_case({1, 97, 13}, 3, {kNone}, 0, Write::assign);
  const auto all_in_one = []<class T>(const Case& of, bool running, T) {
    Buffer<T> x(of.shape.pixels(), of.shape.c, of.extra_pitch, of.x);
    Buffer<T> mean(of.shape.groups, of.shape.c, 0), rstd(of.shape.groups, of.shape.c, 0);
    Buffer<T> running_mean(1, of.shape.c, 0, of.before_parameters), running_var = running_mean;
    cpu::norm_batch_statistics<T>(mean.data(), rstd.data(), running ? running_mean.data() : nullptr,
                                  running ? running_var.data() : nullptr, x.view(), of.shape, kEps, 0.1);
    return Results{{"mean", mean.values()},
                   {"rstd", rstd.values()},
                   {"running_mean", running_mean.values()},
                   {"running_var", running_var.values()}};
  };
  const reference::Moments moments = reference::norm_statistics(t.x, t.shape);
  const auto rstd = reference::norm_rstd(moments.var, kEps);
  const auto close = [](double a, double b) { return std::abs(a - b) < 1e-5 * (1 + std::abs(b)); };
  for (const Results& ours : {all_in_one(t, true, 0.0f), all_in_one(t, true, 0.0)})
    for (std::size_t k = 0; k < rstd.size(); ++k) {
      CHECK(close(ours[0].values[k], moments.mean[k]));
      CHECK(close(ours[1].values[k], rstd[k]));
      CHECK(close(ours[2].values[k], 0.9 * t.before_parameters[k] + 0.1 * moments.mean[k]));
      CHECK(close(ours[3].values[k], 0.9 * t.before_parameters[k] + 0.1 * 97 / 96 * moments.var[k]));
    }
  const Results none = all_in_one(t, false, 0.0f);
  CHECK(none[1].values == all_in_one(t, true, 0.0f)[1].values);
  CHECK(none[2].values == t.before_parameters);

  const Case groups = make_case({2, 5, 3}, 0, {kNone}, 0, Write::assign);
  CHECK(all_in_one(groups, false, 0.0)[0].values.size() == 6);
  CHECK_THROWS_AS(all_in_one(groups, true, 0.0), ShapeError);  // whose running statistics would they be?
  float s[3] = {}, x[3] = {};
  CHECK_THROWS_AS(cpu::norm_batch_statistics<float>(s, s, s, nullptr, {x, 3}, {1, 1, 3}, kEps, 0.1),
                  ShapeError);
  CHECK_THROWS_AS(cpu::norm_batch_statistics<float>(s, s, s, s, {x, 3}, {1, 0, 3}, kEps, 0.1), ShapeError);
}

TEST_CASE("norm_forward: equals the reference at odd sizes and pitches, affine or not") {
  for (const NormShape& shape : kShapes)
    for (const std::int64_t extra : {0, 3})
      for (const double p : {0.0, 0.5})
        for (const bool affine : {true, false})
          for (const std::vector<Act>& acts : {std::vector<Act>{kNone}, {kRelu}, {kLeaky, kRelu}}) {
            const Case t = make_case(shape, extra, acts, p, Write::assign, Statistics::given, affine);
            kForward.check_all(t, {.length = 1, .factor = 8, .scale = tolerance_of(t).scale});
          }
}

TEST_CASE("norm_backward: equals the reference at odd sizes and pitches") {
  for (const NormShape& shape : kShapes)
    for (const std::int64_t extra : {0, 3})
      for (const Write write : {Write::assign, Write::add})
        for (const Statistics statistics : {Statistics::of_this_batch, Statistics::given})
          for (const double p : {0.0, 0.5})
            for (const bool affine : {true, false}) {
              const Case t = make_case(shape, extra, {kLeaky, kRelu}, p, write, statistics, affine);
              kBackward.check_all(t, tolerance_of(t));
            }
}

TEST_CASE("norm: every activation, alone and in pairs, equals the reference") {
  const std::vector<Activation> kinds = {Activation::none, Activation::relu, Activation::leaky_relu,
                                         Activation::tanh, Activation::sigmoid};
  for (const Activation first : kinds) {
    const Case alone = make_case({2, 19, 5}, 2, {{first, 0.2}}, 0, Write::assign);
    kForward.check_all(alone, tolerance_of(alone));
    kBackward.check_all(alone, tolerance_of(alone));
    for (const Activation second : kinds) {
      const Case pair = make_case({2, 19, 5}, 2, {{first, 0.2}, {second, 0.1}}, 0.25, Write::add);
      kForward.check_all(pair, tolerance_of(pair));
      kBackward.check_all(pair, tolerance_of(pair));
    }
  }
}

TEST_CASE("norm: a large tensor, cut into many pieces, equals the reference") {
  for (const NormShape shape : {NormShape{1, 2500, 37}, NormShape{3, 1111, 17}}) {
    const Case t = make_case(shape, 1, {kLeaky, kRelu}, 0.5, Write::assign);
    kStatistics.check_all(
        t,
        {.length = 1, .factor = 4, .scale = 2, .truth_length = static_cast<double>(shape.pixels_per_group)});
    kForward.check_all(t, tolerance_of(t));
    kBackward.check_all(t, tolerance_of(t));
  }
}

TEST_CASE("norm_backward: a gradient that is the same everywhere is taken out again") {
  Case t = make_case({1, 64, 2}, 0, {kNone}, 0, Write::assign);
  for (auto& dy : t.dys) std::fill(dy.begin(), dy.end(), 0.75);
  // It only moves the mean, and the mean is subtracted.
  const Results results = cpu_backward<double>(t);
  for (const double v : results[0].values) CHECK(std::abs(v) < 64 * 0x1p-52 * 4 * t.rstd[0]);
}

TEST_CASE("norm_backward: a constant channel gives dgamma zero and a finite dx") {
  Case t = make_case({1, 64, 2}, 0, {kNone}, 0, Write::assign);
  std::fill(t.x.begin(), t.x.end(), 3.5);
  t.mean = {3.5, 3.5};
  t.rstd = reference::norm_rstd({0, 0}, kEps);
  const Results results = cpu_backward<double>(t);
  for (const double v : results[1].values) CHECK(v == 0);
  kBackward.check_all(t, tolerance_of(t));
}

TEST_CASE("norm_backward: dx or the parameter gradients may be left out, and dx may be dy's own memory") {
  const Case t = make_case({2, 33, 7}, 0, {kLeaky}, 0.5, Write::assign);
  const Results all = cpu_backward<float>(t);
  const auto x = to<float>(t.x), mean = to<float>(t.mean), rstd = to<float>(t.rstd),
             gamma = to<float>(t.gamma), beta = to<float>(t.beta);
  const auto backward = [&](float* dx, float* dgamma, float* dbeta, const float* dy) {
    const std::vector<OutputGradient<float>> gradients = {{{dy, 7}, kLeaky}};
    cpu::norm_backward<float>({dx, 7}, Write::assign, dgamma, dbeta, Write::assign, gradients, {x.data(), 7},
                              mean.data(), rstd.data(), gamma.data(), beta.data(), t.shape, t.statistics,
                              t.dropout);
  };
  auto dy = to<float>(t.dys[0]);
  std::vector<float> dgamma(7), dbeta(7);
  backward(nullptr, dgamma.data(), dbeta.data(), dy.data());
  CHECK(std::vector<double>(dgamma.begin(), dgamma.end()) == all[1].values);
  CHECK(std::vector<double>(dbeta.begin(), dbeta.end()) == all[2].values);
  backward(dy.data(), nullptr, nullptr, dy.data());
  CHECK(std::vector<double>(dy.begin(), dy.end()) == all[0].values);
}

TEST_CASE("norm_batch_statistics: a single pixel has the biased variance, which is none") {
  const std::vector<double> x = {7};
  double mean = 0, rstd = 0, running_mean = 1, running_var = 1;
  cpu::norm_batch_statistics<double>(&mean, &rstd, &running_mean, &running_var, {x.data(), 1}, {1, 1, 1},
                                     0.25, 0.5);
  CHECK(mean == 7);
  CHECK(rstd == 2);
  CHECK(running_mean == 4);
  CHECK(running_var == 0.5);
}

TEST_CASE("norm: the same bits on any number of threads") {
  const Case t = make_case({2, 1531, 37}, 1, {kLeaky, kRelu}, 0.5, Write::add);
  check_same_bits_on_any_threads([&] { return cpu_statistics<float>(t); });
  check_same_bits_on_any_threads([&] { return cpu_forward<float>(t); });
  check_same_bits_on_any_threads([&] { return cpu_backward<float>(t); });
}

TEST_CASE("norm: bad arguments throw ShapeError") {
  std::vector<float> x(12), y(12), s(4, 1.0f);
  const NormShape shape{1, 3, 4};
  const auto statistics = [&](float* mean, View<const float> in, const NormShape& of) {
    cpu::norm_batch_statistics<float>(mean, s.data(), nullptr, nullptr, in, of, 0.1, 0.1);
  };
  CHECK_NOTHROW(statistics(s.data(), {x.data(), 4}, shape));
  CHECK_THROWS_AS(statistics(s.data(), {x.data(), 3}, shape), ShapeError);
  CHECK_THROWS_AS(statistics(nullptr, {x.data(), 4}, shape), ShapeError);
  CHECK_THROWS_AS(statistics(s.data(), {x.data(), 4}, {-1, 3, 4}), ShapeError);
  const std::vector<Output<float>> outputs = {{{y.data(), 4}, {}}}, narrow = {{{y.data(), 2}, {}}};
  const auto forward = [&](const std::vector<Output<float>>& to, const float* mean, double p) {
    cpu::norm_forward<float>(to, {x.data(), 4}, mean, s.data(), nullptr, nullptr, shape, {p, {}});
  };
  CHECK_NOTHROW(forward(outputs, s.data(), 0));
  CHECK_THROWS_AS(forward({}, s.data(), 0), ShapeError);
  CHECK_THROWS_AS(forward(narrow, s.data(), 0), ShapeError);
  CHECK_THROWS_AS(forward(outputs, nullptr, 0), ShapeError);
  CHECK_THROWS_AS(forward(outputs, s.data(), 1), ShapeError);
  const std::vector<OutputGradient<float>> gradients = {{{y.data(), 4}, {}}};
  CHECK_THROWS_AS(cpu::norm_backward<float>({x.data(), 2}, Write::assign, nullptr, nullptr, Write::assign,
                                            gradients, {x.data(), 4}, s.data(), s.data(), nullptr, nullptr,
                                            shape, Statistics::given, {}),
                  ShapeError);
}

}  // namespace
}  // namespace uptake::tests
