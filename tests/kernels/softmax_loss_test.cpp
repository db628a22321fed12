#include "kernels/softmax_loss.h"

#include "kernels/base/gradient_check.h"
#include "tests/kernels/parity.h"
#include "tests/reference/softmax_loss.h"

namespace uptake::tests {
namespace {

using namespace kernels;

struct Case {
  MatrixSize size{};
  std::int64_t extra_pitch = 0;
  Write write = Write::assign;
  double scale = 1;
  std::vector<double> x, before;
  std::vector<std::int32_t> labels;

  std::string describe() const {
    std::ostringstream text;
    text << "[" << size.pixels << "," << size.c << "] pitch +" << extra_pitch << ", scale " << scale
         << (write == Write::add ? ", add" : ", assign");
    return text.str();
  }
};

Case make_case(MatrixSize size) {
  Case t;
  t.size = size;
  t.x = random_values(41, size.pixels * size.c, -4, 4);
  t.before = random_values(42, size.pixels * size.c);
  for (std::int64_t i = 0; i < size.pixels; ++i)
    t.labels.push_back(static_cast<std::int32_t>(i * i % size.c));
  return t;
}

template <class T>
Results run_cpu(const Case& t) {
  Buffer<T> x(t.size.pixels, t.size.c, t.extra_pitch, t.x);
  Buffer<T> dx = output_buffer<T>(t.size.pixels, t.size.c, t.extra_pitch, t.write, t.before);
  const double loss = cpu::softmax_cross_entropy<T>(dx.view(), t.write, x.view(), t.labels.data(),
                                                    t.size.pixels, t.size.c, t.scale);
  return {{"loss", {loss}}, {"dx", dx.values()}};
}

Results run_reference(const Case& t) {
  reference::Loss loss = reference::softmax_cross_entropy(t.x, t.labels);
  for (double& v : loss.gradient) v *= t.scale;
  return {{"loss", {loss.value}}, {"dx", written(loss.gradient, t.write, t.before)}};
}

const ImplementationTable<Case> kSoftmax("softmax_cross_entropy", {{"reference", 0x1p-52, run_reference},
                                                                   {"cpu float", 0x1p-23, run_cpu<float>},
                                                                   {"cpu double", 0x1p-52, run_cpu<double>}});

const std::vector<MatrixSize>& sizes() {
  static const std::vector<MatrixSize> all = {{1, 1},   {1, 31},  {31, 1}, {33, 2},    {7, 33},
                                              {13, 32}, {64, 10}, {0, 5},  {17, 1003}, {1031, 37}};
  return all;
}

/// Loss and gradient of one pixel in float.
std::pair<double, std::vector<float>> of_pixel(const std::vector<float>& x, std::int32_t label) {
  std::vector<float> dx(x.size());
  const auto c = static_cast<std::int64_t>(x.size());
  return {cpu::softmax_cross_entropy<float>({dx.data(), c}, Write::assign, {x.data(), c}, &label, 1, c, 1),
          dx};
}

TEST_CASE("softmax_cross_entropy: equals the reference at odd sizes and pitches") {
  for (const MatrixSize size : sizes())
    for (const std::int64_t extra : {0, 3})
      for (const Write write : {Write::assign, Write::add}) {
        Case t = make_case(size);
        t.extra_pitch = extra;
        t.write = write;
        t.scale = 10;
        // Each term is wrong by a few roundings of logits of at most 8; a softmax by those of its sum.
        kSoftmax.check_all(t, {.length = 1,
                               .factor = 8,
                               .scale = 8,
                               .truth_length = static_cast<double>(size.pixels + size.c)});
      }
}

TEST_CASE("softmax_cross_entropy: the reference's gradient is the gradient of its value") {
  for (const MatrixSize size : {MatrixSize{3, 5}, {4, 1}, {1, 2}}) {
    const Case t = make_case(size);
    const auto f = [&](std::span<const double> at) {
      return reference::softmax_cross_entropy({at.begin(), at.end()}, t.labels).value;
    };
    const auto result = check_gradient(f, t.x, run_reference(t)[1].values);
    CHECK_MESSAGE(result.ok, t.describe() << ": " << result.message);
  }
}

TEST_CASE("softmax_cross_entropy: equals values computed by hand") {
  const auto [loss, dx] = of_pixel({0, 0, 0, 0}, 2);
  CHECK(loss == doctest::Approx(std::log(4.0)));
  CHECK(dx == std::vector<float>{0.25f, 0.25f, -0.75f, 0.25f});
  CHECK(of_pixel({static_cast<float>(std::log(3.0)), 0}, 0).first == doctest::Approx(std::log(4.0 / 3)));
  CHECK(of_pixel({5}, 0).first == 0);  // one class is always right
}

TEST_CASE("softmax_cross_entropy: extreme logits neither overflow nor lose their gradient") {
  for (const float large : {200.0f, 1e4f, 1e30f}) {
    const auto right = of_pixel({large, -large, 0}, 0), wrong = of_pixel({large, -large, 0}, 1);
    CHECK(right.first == 0);
    CHECK(right.second == std::vector<float>{0, 0, 0});
    CHECK(wrong.first == doctest::Approx(2.0 * static_cast<double>(large)));
    CHECK(wrong.second == std::vector<float>{1, -1, 0});
  }
  // A constant added to all logits changes nothing.
  CHECK(of_pixel({4096, 4097, 4099}, 1).first == of_pixel({0, 1, 3}, 1).first);
  CHECK(std::isnan(of_pixel({0, std::nanf(""), 1}, 0).first));
}

TEST_CASE("softmax_cross_entropy: without dx the same value; over x itself the same gradient") {
  const Case t = make_case({33, 7});
  auto x = to<float>(t.x);
  const View<float> view{x.data(), 7};
  const Results expected = run_cpu<float>(t);
  const auto run = [&](View<float> dx) {
    return cpu::softmax_cross_entropy<float>(dx, Write::assign, view, t.labels.data(), 33, 7, 1);
  };
  CHECK(run({}) == expected[0].values[0]);
  CHECK(run(view) == expected[0].values[0]);
  CHECK(std::vector<double>(x.begin(), x.end()) == expected[1].values);
}

TEST_CASE("softmax_cross_entropy: the same bits on any number of threads") {
  const Case t = make_case({2053, 37});
  check_same_bits_on_any_threads([&] { return run_cpu<float>(t); });
}

TEST_CASE("softmax_cross_entropy: bad labels and sizes throw ShapeError") {
  std::vector<float> x(12);
  const std::vector<std::int32_t> good = {0, 3, 1};
  const auto run = [&](View<float> dx, View<const float> logits, const std::int32_t* labels,
                       std::int64_t pixels, std::int64_t c) {
    return cpu::softmax_cross_entropy<float>(dx, Write::assign, logits, labels, pixels, c, 1);
  };
  const View<float> view{x.data(), 4};
  CHECK_NOTHROW(run(view, view, good.data(), 3, 4));
  CHECK_THROWS_AS(run({x.data(), 3}, view, good.data(), 3, 4), ShapeError);
  CHECK_THROWS_AS(run({}, {}, good.data(), 3, 4), ShapeError);
  CHECK_THROWS_AS(run({}, view, nullptr, 3, 4), ShapeError);
  CHECK_THROWS_AS(run({}, view, good.data(), -3, 4), ShapeError);
  CHECK_THROWS_AS(run({}, view, good.data(), 3, 0), ShapeError);
  for (const std::int32_t bad : {-1, 4, 1 << 30}) {
    const std::vector<std::int32_t> labels = {0, bad, 1};
    CHECK_THROWS_AS(run({}, view, labels.data(), 3, 4), ShapeError);
  }
}

}  // namespace
}  // namespace uptake::tests
