#include "kernels/norm.h"

#include "tests/cuda/placed.h"
#include "tests/reference/norm.h"

namespace uptake::tests {
namespace {

using namespace kernels;

constexpr double kEps = 1e-5, kMomentum = 0.1;

cuda::StreamHandle stream() { return cuda::compute_stream(); }

struct Case {
  NormShape shape;
  Layout layout;  // of x, dx and what belongs to the second output; the first one is packed and aligned
  bool affine = true;
  std::vector<Act> acts;
  Dropout dropout;
  Write write = Write::assign;
  Statistics statistics = Statistics::of_this_batch;
  bool step_on_device = false;
  std::vector<double> x, mean, rstd, gamma, beta, before, before_parameters;
  std::vector<std::vector<double>> dys;

  std::int64_t pixels() const { return shape.pixels(); }
  Layout layout_of(std::size_t output) const { return output == 0 ? Layout{} : layout; }
  std::string describe() const {
    std::ostringstream text;
    text << shape.groups << " groups of [" << shape.pixels_per_group << "," << shape.c << "]"
         << layout.describe() << (affine ? ", affine" : ", plain") << ", activations";
    for (const Act& act : acts) text << " " << static_cast<int>(act.kind);
    text << ", p " << dropout.p << (step_on_device ? " (step on the device)" : "")
         << (write == Write::add ? ", add" : ", assign")
         << (statistics == Statistics::given ? ", given statistics" : "");
    return text.str();
  }
};

/// Inputs that T can hold; statistics, parameters and their gradients are float whatever T is.
template <class T>
Case make_case(NormShape shape, Layout layout, std::vector<Act> acts, double p, Write write,
               Statistics statistics = Statistics::of_this_batch, bool affine = true) {
  Case t{shape,
         layout,
         affine,
         std::move(acts),
         {p, {11, 2, 3}},
         write,
         statistics,
         p > 0 && layout.lead == 16,  // with and without, in turn
         {},
         {},
         {},
         {},
         {},
         {},
         {},
         {}};
  const std::int64_t count = shape.pixels() * shape.c;
  t.x = rounded<T>(random_values(1, count));
  // In double: the gradient has one formula only where the mean is the mean.
  const reference::Moments moments = reference::norm_statistics(t.x, shape);
  t.mean = moments.mean;
  t.rstd = reference::norm_rstd(moments.var, kEps);
  if (affine) {
    t.gamma = random_values(5, shape.c, 0.5, 1.5);
    t.beta = random_values(6, shape.c, -1, 1);
  }
  t.before = rounded<T>(random_values(7, count));
  t.before_parameters = random_values(8, shape.c);
  for (std::size_t j = 0; j < t.acts.size(); ++j) t.dys.push_back(rounded<T>(random_values(9 + j, count)));
  return t;
}

/// What a call needs besides the tensors; with the step on the device, the key's own step is wrong on purpose.
struct Arguments {
  explicit Arguments(const Case& t)
      : mean(t.mean),
        rstd(t.rstd),
        gamma(t.gamma),
        beta(t.beta),
        step(std::vector<std::uint32_t>{t.dropout.key.step}),
        dropout(t.dropout) {
    if (!t.step_on_device) return;
    dropout.device_step = step.data();
    dropout.key.step += 17;
  }
  DeviceVector<float> mean, rstd, gamma, beta;
  DeviceArray<std::uint32_t> step;
  Dropout dropout;
};

// ---- statistics

template <class T>
Results cuda_statistics(const Case& t) {
  const auto x = Placed<T>::input(t.pixels(), t.shape.c, t.layout, t.x);
  const std::int64_t count = t.shape.groups * t.shape.c;
  const auto mean = Placed<float>::output(1, count, {}, Write::assign, {});
  const auto rstd = Placed<float>::output(1, count, {}, Write::assign, {});
  const auto running_mean = Placed<float>::output(1, t.shape.c, {}, Write::add, t.before_parameters);
  const auto running_var = Placed<float>::output(1, t.shape.c, {}, Write::add, t.before_parameters);
  const bool running = t.shape.groups == 1;
  cuda::norm_batch_statistics<T>(mean.data(), rstd.data(), running ? running_mean.data() : nullptr,
                                 running ? running_var.data() : nullptr, x.view(), t.shape, kEps, kMomentum,
                                 stream());
  return {{"mean", mean.values()},
          {"rstd", rstd.values()},
          {"running_mean", running_mean.values()},
          {"running_var", running_var.values()}};
}

Results reference_statistics(const Case& t) {
  const reference::Moments moments = reference::norm_statistics(t.x, t.shape);
  std::vector<double> running_mean = t.before_parameters, running_var = t.before_parameters;
  const auto n = static_cast<double>(t.shape.pixels_per_group);
  if (t.shape.groups == 1)
    for (std::size_t k = 0; k < running_mean.size(); ++k) {
      running_mean[k] += kMomentum * (moments.mean[k] - running_mean[k]);
      running_var[k] += kMomentum * (moments.var[k] * (n > 1 ? n / (n - 1) : 1) - running_var[k]);
    }
  return {{"mean", moments.mean},
          {"rstd", reference::norm_rstd(moments.var, kEps)},
          {"running_mean", running_mean},
          {"running_var", running_var}};
}

// ---- forward

template <class T>
Results cuda_forward(const Case& t) {
  const auto x = Placed<T>::input(t.pixels(), t.shape.c, t.layout, t.x);
  const Arguments a(t);
  std::vector<Placed<T>> ys;
  std::vector<Output<T>> outputs;
  for (std::size_t j = 0; j < t.acts.size(); ++j) {
    ys.push_back(Placed<T>::output(t.pixels(), t.shape.c, t.layout_of(j), Write::assign, {}));
    outputs.push_back({ys[j].view(), t.acts[j]});
  }
  cuda::norm_forward<T>(outputs, x.view(), a.mean.data(), a.rstd.data(), a.gamma.data(), a.beta.data(),
                        t.shape, a.dropout, stream());
  Results results;
  for (const Placed<T>& y : ys) results.push_back({"y" + std::to_string(results.size()), y.values()});
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

// ---- backward

/// Which results are asked for.
struct Wanted {
  bool dx = true, dgamma = true, dbeta = true;
};

template <class T>
Results cuda_backward(const Case& t, Wanted wanted = {}) {
  const std::int64_t c = t.shape.c;
  const auto x = Placed<T>::input(t.pixels(), c, t.layout, t.x);
  const auto dx = Placed<T>::output(t.pixels(), c, t.layout, t.write, t.before);
  const auto dgamma = Placed<float>::output(1, c, {}, t.write, t.before_parameters);
  const auto dbeta = Placed<float>::output(1, c, {}, t.write, t.before_parameters);
  const Arguments a(t);
  std::vector<Placed<T>> dys;
  std::vector<OutputGradient<T>> gradients;
  for (std::size_t j = 0; j < t.acts.size(); ++j) {
    dys.push_back(Placed<T>::input(t.pixels(), c, t.layout_of(j), t.dys[j]));
    gradients.push_back({dys[j].view(), t.acts[j]});
  }
  cuda::norm_backward<T>(wanted.dx ? dx.view() : View<T>{}, t.write, wanted.dgamma ? dgamma.data() : nullptr,
                         wanted.dbeta ? dbeta.data() : nullptr, t.write, gradients, x.view(), a.mean.data(),
                         a.rstd.data(), a.gamma.data(), a.beta.data(), t.shape, t.statistics, a.dropout,
                         stream());
  return {{"dx", dx.values()}, {"dgamma", dgamma.values()}, {"dbeta", dbeta.values()}};
}

Results reference_backward(const Case& t) {
  const auto gradients = reference::norm_backward(t.acts, t.dys, t.x, t.mean, t.rstd, t.gamma, t.beta,
                                                  t.shape, t.statistics, t.dropout);
  return {{"dx", written(gradients.dx, t.write, t.before)},
          {"dgamma", written(gradients.dgamma, t.write, t.before_parameters)},
          {"dbeta", written(gradients.dbeta, t.write, t.before_parameters)}};
}

/// dx is stored as T, the parameters' gradients as float: two tolerances, two tables.
Results only_dx(Results results) { return {results[0]}; }
Results only_parameters(Results results) { return {results[1], results[2]}; }

// ---- tolerances

/// rstd of nearly equal values is large and multiplies every rounding of x, z and dz.
double scale_of(const Case& t) {
  double largest = 1;
  for (const double r : t.rstd) largest = std::max(largest, r);
  return 4 * largest;
}

/// Of what is float: `factor` roundings a step of a sum of `length` terms.
Tolerance of_floats(const Case& t, double length) {
  return {.length = length, .factor = 8, .scale = scale_of(t)};
}

/// Of what is stored as T: the same, and for bfloat16 half a step of the largest number in addition.
template <class T>
Tolerance of_stored(const Case& t, double length) {
  if (!std::is_same_v<T, BFloat16>) return of_floats(t, length);
  return {.length = 1, .factor = storing_factor<T>(8 * std::sqrt(length) * scale_of(t)), .scale = 1};
}

template <class T>
void check_statistics(const Case& t) {
  static const ImplementationTable<Case> table(
      "norm_batch_statistics",
      {{"reference", 0x1p-52, reference_statistics}, {name_of<T>(), 0x1p-23, cuda_statistics<T>}});
  // Each merge rounds; there are about as many as the logarithm of their number, and a few in a row.
  table.check_all(
      t,
      {.length = 16, .factor = 1, .scale = 2, .truth_length = static_cast<double>(t.shape.pixels_per_group)});
}

template <class T>
void check_forward(const Case& t) {
  static const ImplementationTable<Case> table(
      "norm_forward",
      {{"reference", 0x1p-52, reference_forward}, {name_of<T>(), epsilon_of<T>(), cuda_forward<T>}});
  table.check_all(t, of_stored<T>(t, 1));
}

template <class T>
void check_backward(const Case& t) {
  static const ImplementationTable<Case> dx(
      "norm_backward",
      {{"reference", 0x1p-52, [](const Case& u) { return only_dx(reference_backward(u)); }},
       {name_of<T>(), epsilon_of<T>(), [](const Case& u) { return only_dx(cuda_backward<T>(u)); }}});
  static const ImplementationTable<Case> parameters(
      "norm_backward",
      {{"reference", 0x1p-52, [](const Case& u) { return only_parameters(reference_backward(u)); }},
       {name_of<T>(), 0x1p-23, [](const Case& u) { return only_parameters(cuda_backward<T>(u)); }}});
  const auto length = static_cast<double>(t.shape.pixels_per_group);
  dx.check_all(t, of_stored<T>(t, length));
  parameters.check_all(t, of_floats(t, length));
}

const Act kNone{Activation::none, 0}, kRelu{Activation::relu, 0}, kLeaky{Activation::leaky_relu, 0.2};

/// One block a column and several; channels that fill packs, that do so only when pixels are folded ([.,3],
/// [.,12]), and that do not; up to four groups and more.
const std::vector<NormShape> kShapes = {{1, 1, 1},   {1, 31, 1},   {1, 1, 31},  {2, 33, 7},   {3, 7, 33},
                                        {1, 97, 13}, {0, 5, 3},    {2, 5, 0},   {1, 1200, 3}, {2, 64, 16},
                                        {5, 1, 8},   {1, 40, 257}, {6, 24, 12}, {1, 33, 512}, {7, 9, 24}};
/// More rows than one block takes.
const std::vector<NormShape> kLargeShapes = {{1, 1111, 64}, {2, 5000, 3}, {6, 700, 16}, {1, 1536, 37}};

template <class T>
void check_all_statistics() {
  for (const auto* shapes : {&kShapes, &kLargeShapes})
    for (const NormShape& shape : *shapes)
      for (const Layout& layout : layouts(shape.c))
        check_statistics<T>(make_case<T>(shape, layout, {kNone}, 0, Write::assign));
}

TEST_CASE("norm_batch_statistics: equals the reference at odd sizes and places") {
  each_schedule([] {
    check_all_statistics<float>();
    check_all_statistics<BFloat16>();
  });
}

/// running_var with momentum 1: the variance itself, unbiased.
std::vector<double> variance_of(const std::vector<double>& x, const NormShape& shape) {
  const auto in = Placed<float>::input(shape.pixels(), shape.c, {}, x);
  const DeviceArray<float> mean(shape.c), rstd(shape.c),
      running_mean(std::vector<float>(static_cast<std::size_t>(shape.c))),
      running_var(std::vector<float>(static_cast<std::size_t>(shape.c)));
  cuda::norm_batch_statistics<float>(mean.data(), rstd.data(), running_mean.data(), running_var.data(),
                                     in.view(), shape, kEps, 1, stream());
  CHECK(running_mean.values() == mean.values());
  return running_var.values();
}

TEST_CASE("norm_batch_statistics: data far from zero keep their variance, a constant has none") {
  for (const NormShape shape : {NormShape{1, 5000, 3}, {1, 5000, 8}, {1, 200, 4}}) {
    const double n = static_cast<double>(shape.pixels_per_group), unbiased = n / (n - 1);
    for (const double middle : {1e4, 1e6}) {
      std::mt19937_64 random(5);
      std::normal_distribution<double> normal(middle, 1);
      std::vector<double> x(static_cast<std::size_t>(shape.pixels() * shape.c));
      for (double& v : x) v = static_cast<float>(normal(random));
      const auto truth = reference::norm_statistics(x, shape).var, ours = variance_of(x, shape);
      for (std::size_t k = 0; k < truth.size(); ++k)
        CHECK(std::abs(ours[k] / (truth[k] * unbiased) - 1) < 2e-6);
      // The first pixel, which all values are taken relative to, is an outlier.
      for (std::int64_t k = 0; k < shape.c; ++k) x[static_cast<std::size_t>(k)] = 0;
      const auto with = reference::norm_statistics(x, shape).var, ours_with = variance_of(x, shape);
      for (std::size_t k = 0; k < with.size(); ++k)
        CHECK(std::abs(ours_with[k] / (with[k] * unbiased) - 1) < 1e-5);
    }
    std::vector<double> x(static_cast<std::size_t>(shape.pixels() * shape.c), 1234.5);
    for (const double v : variance_of(x, shape)) CHECK(v == 0);
  }
}

TEST_CASE("norm_batch_statistics: no pixels give mean 0 and the rstd of no variance") {
  const DeviceArray<float> mean(6), rstd(6);
  for (const std::int64_t c : {2, 3}) {
    cuda::norm_batch_statistics<float>(mean.data(), rstd.data(), nullptr, nullptr, {}, {6 / c, 0, c}, 0.25,
                                       0.1, stream());
    CHECK(mean.values() == std::vector<double>(6, 0.0));
    CHECK(rstd.values() == std::vector<double>(6, 2.0));
  }
}

TEST_CASE("norm_rstd on the device: is 1/sqrt(var + eps), in place too") {
  std::vector<float> var(1031);
  for (std::size_t i = 0; i < var.size(); ++i) var[i] = static_cast<float>(i * i) * 0.37f;
  each_schedule([&] {
    const DeviceArray<float> on_device(var);
    cuda::norm_rstd<BFloat16>(on_device.data(), on_device.data(), 0.01, 1031, stream());
    const auto rstd = on_device.values();
    for (std::size_t i = 0; i < var.size(); ++i)
      CHECK(rstd[i] == doctest::Approx(1 / std::sqrt(static_cast<double>(var[i]) + 0.01)).epsilon(1e-6));
  });
}

template <class T>
void check_all_forward() {
  for (const NormShape& shape : kShapes)
    for (const Layout& layout : layouts(shape.c))
      for (const double p : {0.0, 0.5})
        for (const bool affine : {true, false})
          for (const std::vector<Act>& acts : {std::vector<Act>{kLeaky}, {kLeaky, kRelu}})
            check_forward<T>(make_case<T>(shape, layout, acts, p, Write::assign, Statistics::given, affine));
  for (const NormShape& shape : kLargeShapes)
    check_forward<T>(make_case<T>(shape, {}, {kLeaky, kRelu}, 0.5, Write::assign));
}

TEST_CASE("norm_forward: equals the reference at odd sizes and places, affine or not") {
  each_schedule([] {
    check_all_forward<float>();
    check_all_forward<BFloat16>();
  });
}

template <class T>
void check_all_backward() {
  for (const NormShape& shape : kShapes)
    for (const Layout& layout : layouts(shape.c))
      for (const double p : {0.0, 0.5}) {
        check_backward<T>(make_case<T>(shape, layout, {kLeaky}, p, Write::assign));
        check_backward<T>(make_case<T>(shape, layout, {kLeaky, kRelu}, p, Write::add));
        check_backward<T>(make_case<T>(shape, layout, {kLeaky}, p, Write::add, Statistics::given, false));
        check_backward<T>(make_case<T>(shape, layout, {kLeaky, kRelu}, p, Write::assign, Statistics::given));
      }
  for (const NormShape& shape : kLargeShapes)
    for (const Statistics statistics : {Statistics::of_this_batch, Statistics::given})
      check_backward<T>(make_case<T>(shape, {}, {kLeaky, kRelu}, 0.5, Write::add, statistics));
}

TEST_CASE("norm_backward: equals the reference at odd sizes and places, float") {
  each_schedule([] { check_all_backward<float>(); });
}

TEST_CASE("norm_backward: equals the reference at odd sizes and places, bfloat16") {
  each_schedule([] { check_all_backward<BFloat16>(); });
}

template <class T>
void check_activations() {
  const std::vector<Activation> kinds = {Activation::none, Activation::relu, Activation::leaky_relu,
                                         Activation::tanh, Activation::sigmoid};
  for (const Layout& layout : {Layout{8, 8}, Layout{0, 5}})
    for (const Activation first : kinds) {
      const Case alone = make_case<T>({2, 19, 8}, layout, {{first, 0.2}}, 0, Write::assign);
      check_forward<T>(alone);
      check_backward<T>(alone);
      for (const Activation second : kinds) {
        const Case pair = make_case<T>({2, 19, 8}, layout, {{first, 0.2}, {second, 0.1}}, 0.25, Write::add);
        check_forward<T>(pair);
        check_backward<T>(pair);
      }
    }
}

TEST_CASE("norm on the device: every activation, alone and in pairs, equals the reference") {
  check_activations<float>();
  check_activations<BFloat16>();
}

TEST_CASE("norm on the device: the same bits under every schedule") {
  for (const NormShape& shape : {NormShape{1, 1111, 64}, {2, 100, 24}, {6, 700, 16}}) {
    const Case t = make_case<BFloat16>(shape, {8, 8}, {kLeaky, kRelu}, 0.5, Write::add);
    check_same_bits_under_all_schedules([&] { return cuda_statistics<BFloat16>(t); });
    check_same_bits_under_all_schedules([&] { return cuda_forward<BFloat16>(t); });
    check_same_bits_under_all_schedules([&] { return cuda_backward<BFloat16>(t); });
  }
}

TEST_CASE("norm_backward: what is not wanted is not written, and the rest is the same") {
  for (const NormShape& shape : {NormShape{1, 1111, 64}, {2, 33, 7}, {6, 24, 12}, {5, 700, 16}})
    for (const Statistics statistics : {Statistics::of_this_batch, Statistics::given}) {
      const Case t = make_case<float>(shape, {}, {kLeaky}, 0.5, Write::add, statistics);
      const Results all = cuda_backward<float>(t);
      for (const Wanted& wanted : {Wanted{false, true, true},
                                   {true, false, true},
                                   {true, true, false},
                                   {true, false, false},
                                   {false, false, true},
                                   {false, false, false}}) {
        const Results some = cuda_backward<float>(t, wanted);
        CHECK(some[0].values == (wanted.dx ? all[0].values : t.before));
        CHECK(some[1].values == (wanted.dgamma ? all[1].values : t.before_parameters));
        CHECK(some[2].values == (wanted.dbeta ? all[2].values : t.before_parameters));
      }
    }
}

TEST_CASE("norm on the device: y may be x's own memory, and dx that of x or of a dy") {
  for (const NormShape& shape : {NormShape{2, 33, 7}, {1, 1111, 64}}) {
    const Case t = make_case<float>(shape, {}, {kLeaky}, 0.5, Write::assign);
    const Arguments a(t);
    const auto both = Placed<float>::output(t.pixels(), shape.c, {}, Write::add, t.x);
    const std::vector<Output<float>> outputs = {{both.view(), kLeaky}};
    cuda::norm_forward<float>(outputs, both.view(), a.mean.data(), a.rstd.data(), a.gamma.data(),
                              a.beta.data(), shape, a.dropout, stream());
    CHECK(both.values() == cuda_forward<float>(t)[0].values);
    for (const bool over_x : {true, false}) {
      const auto x = Placed<float>::output(t.pixels(), shape.c, {}, Write::add, t.x);
      const auto dy = Placed<float>::output(t.pixels(), shape.c, {}, Write::add, t.dys[0]);
      const auto& dx = over_x ? x : dy;
      const std::vector<OutputGradient<float>> gradients = {{dy.view(), kLeaky}};
      cuda::norm_backward<float>(dx.view(), Write::assign, nullptr, nullptr, Write::assign, gradients,
                                 x.view(), a.mean.data(), a.rstd.data(), a.gamma.data(), a.beta.data(), shape,
                                 t.statistics, a.dropout, stream());
      CHECK(dx.values() == cuda_backward<float>(t)[0].values);
    }
  }
}

#if defined(UPTAKE_SIMULATOR)
TEST_CASE("norm on the device: one launch a call where a block has whole columns") {
  const auto launches = [](const NormShape& shape, const auto& call) {
    const Case t = make_case<BFloat16>(shape, {}, {kLeaky, kRelu}, 0, Write::assign);
    const std::size_t before = sim::launch_count();
    call(t);
    return sim::launch_count() - before;
  };
  // The encoder at 256 x 256, batch 1, from 32 x 32 pixels down.
  for (const NormShape& shape : {NormShape{1, 1024, 256}, {1, 256, 512}, {1, 4, 512}, {2, 961, 512}}) {
    CHECK(launches(shape, cuda_statistics<BFloat16>) == 1);
    CHECK(launches(shape, cuda_forward<BFloat16>) == 1);
    CHECK(launches(shape, [](const Case& t) { cuda_backward<BFloat16>(t); }) == 1);
  }
  CHECK(launches({1, 4096, 64}, cuda_statistics<BFloat16>) == 2);
  CHECK(launches({1, 4096, 64}, [](const Case& t) { cuda_backward<BFloat16>(t); }) == 3);
}
#endif

TEST_CASE("norm on the device: bad arguments throw ShapeError") {
  const DeviceArray<float> x(12), y(12), s(4);
  const NormShape shape{1, 3, 4};
  const auto statistics = [&](float* mean, float* running_mean, float* running_var, std::int64_t pitch,
                              const NormShape& of) {
    cuda::norm_batch_statistics<float>(mean, s.data(), running_mean, running_var, {x.data(), pitch}, of, 1e-5,
                                       0.1, stream());
  };
  CHECK_THROWS_AS(statistics(s.data(), nullptr, nullptr, 3, shape), ShapeError);
  CHECK_THROWS_AS(statistics(nullptr, nullptr, nullptr, 4, shape), ShapeError);
  CHECK_THROWS_AS(statistics(s.data(), nullptr, nullptr, 4, {-1, 3, 4}), ShapeError);
  CHECK_THROWS_AS(statistics(s.data(), y.data(), nullptr, 4, shape), ShapeError);
  CHECK_THROWS_AS(statistics(s.data(), y.data(), y.data() + 4, 4, {1, 0, 4}), ShapeError);
  CHECK_THROWS_AS(statistics(s.data(), y.data(), y.data() + 4, 4, {3, 1, 4}), ShapeError);
  const std::vector<Output<float>> outputs = {{{y.data(), 4}, {}}}, narrow = {{{y.data(), 2}, {}}};
  const auto forward = [&](const std::vector<Output<float>>& to, const float* mean, double p) {
    cuda::norm_forward<float>(to, {x.data(), 4}, mean, s.data(), nullptr, nullptr, shape, {p, {}}, stream());
  };
  CHECK_THROWS_AS(forward({}, s.data(), 0), ShapeError);
  CHECK_THROWS_AS(forward(narrow, s.data(), 0), ShapeError);
  CHECK_THROWS_AS(forward(outputs, nullptr, 0), ShapeError);
  CHECK_THROWS_AS(forward(outputs, s.data(), 1), ShapeError);
  const std::vector<OutputGradient<float>> gradients = {{{y.data(), 4}, {}}};
  const auto backward = [&](std::int64_t dx_pitch, const float* mean) {
    cuda::norm_backward<float>({x.data(), dx_pitch}, Write::assign, nullptr, nullptr, Write::assign,
                               gradients, {x.data(), 4}, mean, s.data(), nullptr, nullptr, shape,
                               Statistics::given, {}, stream());
  };
  CHECK_THROWS_AS(backward(2, s.data()), ShapeError);
  CHECK_THROWS_AS(backward(4, nullptr), ShapeError);
}

}  // namespace
}  // namespace uptake::tests
