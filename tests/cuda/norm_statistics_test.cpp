#include "tests/cuda/norm_cases.h"

namespace uptake::tests::norm {
namespace {

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

TEST_CASE("norm_batch_statistics: the same bits under every schedule") {
  for (const NormShape& shape : {NormShape{1, 1111, 64}, {2, 100, 24}, {6, 700, 16}}) {
    const Case t = make_case<BFloat16>(shape, {8, 8}, {kNone}, 0, Write::assign);
    check_same_bits_under_all_schedules([&] { return cuda_statistics<BFloat16>(t); });
  }
}

#if defined(UPTAKE_SIMULATOR)
TEST_CASE("norm_batch_statistics: one launch where a block has whole columns") {
  const auto launches = [](const NormShape& shape) {
    const Case t = make_case<BFloat16>(shape, {}, {kNone}, 0, Write::assign);
    const std::size_t before = sim::launch_count();
    cuda_statistics<BFloat16>(t);
    return sim::launch_count() - before;
  };
  // The encoder at 256 x 256, batch 1, from 32 x 32 pixels down.
  for (const NormShape& shape : {NormShape{1, 1024, 256}, {1, 256, 512}, {1, 4, 512}, {2, 961, 512}})
    CHECK(launches(shape) == 1);
  CHECK(launches({1, 4096, 64}) == 2);
}
#endif

TEST_CASE("norm_batch_statistics on the device: bad arguments throw ShapeError") {
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
}

}  // namespace
}  // namespace uptake::tests::norm
