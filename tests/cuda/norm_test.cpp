#include "tests/cuda/norm_cases.h"

namespace uptake::tests::norm {
namespace {

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

template <class T>
void check_all_forward() {
  for (const NormShape& shape : kShapes)
    for (const Layout& layout : layouts(shape.c))
      for (const double p : {0.0, 0.5})
        for (const bool affine : {true, false})
          for (const std::vector<Act>& acts : {std::vector<Act>{kLeaky}, {kLeaky, kRelu}})
            check_forward<T>(make_case<T>(shape, layout, acts, p, Write::assign, Statistics::given, affine));
}

TEST_CASE("norm_forward: equals the reference at odd sizes and places, affine or not") {
  check_all_forward<float>();
  check_all_forward<BFloat16>();
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
}

TEST_CASE("norm_backward: equals the reference at odd sizes and places") {
  check_all_backward<float>();
  check_all_backward<BFloat16>();
}

template <class T>
void check_both_ways() {
  for (const auto* shapes : {&kShapes, &kLargeShapes})
    for (const NormShape& shape : *shapes) {
      const Case t = make_case<T>(shape, {}, {kLeaky, kRelu}, 0.5, Write::add);
      check_forward<T>(t);
      check_backward<T>(t);
      const Case given = make_case<T>(shape, {0, 5}, {kLeaky}, 0, Write::assign, Statistics::given);
      check_forward<T>(given);
      check_backward<T>(given);
    }
}

TEST_CASE("norm on the device: equals the reference under every schedule") {
  each_schedule([] {
    check_both_ways<float>();
    check_both_ways<BFloat16>();
  });
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

TEST_CASE("norm on the device: more groups than a grid has blocks beside each other") {
  const Case t =
      make_case<float>({65537, 1, 1}, {}, {kLeaky}, 0, Write::assign, Statistics::given, /*affine=*/false);
  check_forward<float>(t);
  const auto dx = cuda_backward<float>(t, {true, false, false})[0].values,
             truth = reference_backward(t)[0].values;
  for (std::size_t i = 65530; i < dx.size(); ++i) CHECK(dx[i] == doctest::Approx(truth[i]).epsilon(1e-6));
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
    CHECK(launches(shape, cuda_forward<BFloat16>) == 1);
    CHECK(launches(shape, [](const Case& t) { cuda_backward<BFloat16>(t); }) == 1);
  }
  CHECK(launches({1, 4096, 64}, [](const Case& t) { cuda_backward<BFloat16>(t); }) == 3);
}
#endif

TEST_CASE("norm on the device: bad arguments throw ShapeError") {
  const DeviceArray<float> x(12), y(12), s(4);
  const NormShape shape{1, 3, 4};
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
}  // namespace uptake::tests::norm
