#include "kernels/softmax_loss.h"

#include "tests/cuda/placed.h"
#include "tests/reference/softmax_loss.h"

namespace uptake::tests {
namespace {

using namespace kernels;

struct Case {
  MatrixSize size{};
  Layout layout;
  Write write = Write::assign;
  double scale = 1;
  std::vector<double> x, before;
  std::vector<std::int32_t> labels;

  std::string describe() const {
    std::ostringstream text;
    text << "[" << size.pixels << "," << size.c << "]" << layout.describe() << ", scale " << scale
         << (write == Write::add ? ", add" : ", assign");
    return text.str();
  }
};

template <class T>
Case make_case(MatrixSize size) {
  Case t;
  t.size = size;
  t.x = rounded<T>(random_values(41, size.pixels * size.c, -4, 4));
  t.before = rounded<T>(random_values(42, size.pixels * size.c));
  for (std::int64_t i = 0; i < size.pixels; ++i)
    t.labels.push_back(static_cast<std::int32_t>(i * i % size.c));
  return t;
}

struct Outcome {
  double loss;
  std::vector<double> dx;
};

template <class T>
Outcome run(const Case& t, bool with_gradient = true) {
  const auto x = Placed<T>::input(t.size.pixels, t.size.c, t.layout, t.x);
  const auto dx = Placed<T>::output(t.size.pixels, t.size.c, t.layout, t.write, t.before);
  const DeviceArray<std::int32_t> labels(t.labels);
  const DeviceArray<double> loss(std::vector<double>{std::nan("")});
  cuda::softmax_cross_entropy<T>(loss.data(), with_gradient ? dx.view() : View<T>{}, t.write, x.view(),
                                 labels.data(), t.size.pixels, t.size.c, t.scale, cuda::compute_stream());
  return {loss.values()[0], with_gradient ? dx.values() : std::vector<double>{}};
}

Outcome reference_outcome(const Case& t) {
  reference::Loss loss = reference::softmax_cross_entropy(t.x, t.labels);
  for (double& v : loss.gradient) v *= t.scale;
  return {loss.value, written(loss.gradient, t.write, t.before)};
}

/// The value is a double made of floats, whatever T is; the gradient is stored as T.
template <class T>
void check(const Case& t) {
  static const ImplementationTable<Case> values("softmax_cross_entropy",
                                                {{"reference", 0x1p-52,
                                                  [](const Case& c) {
                                                    return Results{{"loss", {reference_outcome(c).loss}}};
                                                  }},
                                                 {name_of<T>(), 0x1p-23, [](const Case& c) {
                                                    return Results{{"loss", {run<T>(c).loss}}};
                                                  }}});
  static const ImplementationTable<Case> gradients("gradient of softmax_cross_entropy",
                                                   {{"reference", 0x1p-52,
                                                     [](const Case& c) {
                                                       return Results{{"dx", reference_outcome(c).dx}};
                                                     }},
                                                    {name_of<T>(), epsilon_of<T>(), [](const Case& c) {
                                                       return Results{{"dx", run<T>(c).dx}};
                                                     }}});
  // A softmax is wrong by the roundings of its sum and of an exponent of at most 8.
  const auto c = static_cast<double>(t.size.c);
  values.check_all(t,
                   {.length = 1, .factor = 8, .scale = 1, .truth_length = static_cast<double>(t.x.size())});
  gradients.check_all(t, {.length = 1,
                          .factor = storing_factor<T>(8 + std::sqrt(c)),
                          .scale = t.write == Write::add ? 2.0 : 0.0,
                          .truth_length = c});
}

template <class T>
void check_sizes() {
  for (const MatrixSize size : {MatrixSize{1, 1}, {1, 31}, {31, 2}, {33, 7}, {13, 32}, {0, 5}, {3, 264}})
    for (const Layout& layout : layouts(size.c))
      for (const Write write : {Write::assign, Write::add}) {
        Case t = make_case<T>(size);
        t.layout = layout;
        t.write = write;
        t.scale = 100;
        check<T>(t);
      }
}

TEST_CASE("softmax_cross_entropy: equals the reference at odd sizes and places") {
  each_schedule([] {
    check_sizes<float>();
    check_sizes<BFloat16>();
  });
}

TEST_CASE("softmax_cross_entropy: many blocks add up to the reference's value") {
  check<float>(make_case<float>({2053, 10}));
  check<float>(make_case<float>({701, 37}));
  check<BFloat16>(make_case<BFloat16>({1031, 24}));
}

TEST_CASE("softmax_cross_entropy: without dx only the value is computed, the same one; of nothing it is 0") {
  for (const MatrixSize size : {MatrixSize{33, 7}, {701, 32}}) {
    const Case t = make_case<float>(size);
    CHECK(run<float>(t, false).loss == run<float>(t).loss);
  }
  CHECK(run<float>(make_case<float>({0, 5})).loss == 0);
}

Outcome of_pixel(const std::vector<double>& x, std::int32_t label) {
  Case t;
  t.size = {1, static_cast<std::int64_t>(x.size())};
  t.x = x;
  t.labels = {label};
  return run<float>(t);
}

TEST_CASE("softmax_cross_entropy: extreme logits neither overflow nor lose their gradient") {
  for (const double large : {256.0, 16384.0, 0x1p100}) {
    const Outcome right = of_pixel({large, -large, 0}, 0), wrong = of_pixel({large, -large, 0}, 1);
    CHECK(right.loss == 0);
    CHECK(right.dx == std::vector<double>{0, 0, 0});
    CHECK(wrong.loss == doctest::Approx(2 * large));
    CHECK(wrong.dx == std::vector<double>{1, -1, 0});
  }
  CHECK(of_pixel({4096, 4097, 4099}, 1).loss == of_pixel({0, 1, 3}, 1).loss);
}

TEST_CASE("softmax_cross_entropy: a NaN logit and a label that is no class make the loss NaN") {
  CHECK(std::isnan(of_pixel({0, std::nan(""), 1}, 0).loss));
  for (const std::int32_t label : {-1, 3, 1 << 30}) CHECK(std::isnan(of_pixel({0, 2, 1}, label).loss));
}

TEST_CASE("softmax_cross_entropy: the same bits under all schedules") {
  const Case t = make_case<float>({701, 37});
  check_same_bits_under_all_schedules([&] {
    const Outcome outcome = run<float>(t);
    return Results{{"loss", {outcome.loss}}, {"dx", outcome.dx}};
  });
}

TEST_CASE("softmax_cross_entropy: bad arguments throw ShapeError") {
  const DeviceArray<float> memory(12);
  const DeviceArray<std::int32_t> labels(std::vector<std::int32_t>{0, 1, 2});
  const DeviceArray<double> value(1);
  const auto loss = [&](double* to, View<float> dx, View<const float> x, const std::int32_t* of,
                        std::int64_t pixels, std::int64_t c) {
    cuda::softmax_cross_entropy<float>(to, dx, Write::assign, x, of, pixels, c, 1, cuda::compute_stream());
  };
  const View<float> good{memory.data(), 4};
  CHECK_THROWS_AS(loss(nullptr, good, good, labels.data(), 3, 4), ShapeError);
  CHECK_THROWS_AS(loss(value.data(), {memory.data(), 3}, good, labels.data(), 3, 4), ShapeError);
  CHECK_THROWS_AS(loss(value.data(), good, {}, labels.data(), 3, 4), ShapeError);
  CHECK_THROWS_AS(loss(value.data(), good, good, nullptr, 3, 4), ShapeError);
  CHECK_THROWS_AS(loss(value.data(), good, good, labels.data(), -3, 4), ShapeError);
  CHECK_THROWS_AS(loss(value.data(), good, good, labels.data(), 3, 0), ShapeError);
}

}  // namespace
}  // namespace uptake::tests
