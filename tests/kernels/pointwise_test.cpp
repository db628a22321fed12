#include "kernels/pointwise.h"

#include "kernels/base/gradient_check.h"
#include "tests/kernels/parity.h"
#include "tests/reference/pointwise.h"

namespace uptake::tests {
namespace {

using namespace kernels;

struct Case {
  std::int64_t pixels = 0, c = 0, extra_pitch = 0;
  std::vector<Act> acts;
  Dropout dropout;
  Write write = Write::assign;
  std::vector<double> x, before;
  std::vector<std::vector<double>> dys;

  std::string describe() const {
    std::ostringstream text;
    text << "[" << pixels << "," << c << "] pitch +" << extra_pitch << ", activations";
    for (const Act& act : acts) text << " " << static_cast<int>(act.kind);
    text << ", p " << dropout.p << (write == Write::add ? ", add" : ", assign");
    return text.str();
  }
};

Case make_case(MatrixSize size, std::int64_t extra_pitch, std::vector<Act> acts, double p, Write write) {
  const std::int64_t count = size.pixels * size.c;
  Case test_case{size.pixels,
                 size.c,
                 extra_pitch,
                 std::move(acts),
                 {p, {11, 2, 3}},
                 write,
                 random_values(1, count),
                 random_values(2, count),
                 {}};
  for (std::size_t i = 0; i < test_case.x.size(); i += 5) test_case.x[i] = 0;  // the kink has a stated slope
  for (std::size_t j = 0; j < test_case.acts.size(); ++j)
    test_case.dys.push_back(random_values(3 + j, count));
  return test_case;
}

template <class T>
Results cpu_forward(const Case& t) {
  Buffer<T> x(t.pixels, t.c, t.extra_pitch, t.x);
  std::vector<Buffer<T>> ys;
  for (std::size_t j = 0; j < t.acts.size(); ++j) ys.emplace_back(t.pixels, t.c, j == 0 ? 0 : t.extra_pitch);
  std::vector<Output<T>> outputs;
  for (std::size_t j = 0; j < ys.size(); ++j) outputs.push_back({ys[j].view(), t.acts[j]});
  cpu::pointwise_forward<T>(outputs, x.view(), t.pixels, t.c, t.dropout);
  Results results;
  for (Buffer<T>& y : ys) results.push_back({"y" + std::to_string(results.size()), y.values()});
  return results;
}

Results reference_forward(const Case& t) {
  Results results;
  for (const Act& act : t.acts)
    results.push_back(
        {"y" + std::to_string(results.size()), reference::pointwise_forward(act, t.x, t.dropout)});
  return results;
}

template <class T>
Results cpu_backward(const Case& t) {
  Buffer<T> x(t.pixels, t.c, t.extra_pitch, t.x);
  Buffer<T> dx = output_buffer<T>(t.pixels, t.c, t.extra_pitch, t.write, t.before);
  std::vector<Buffer<T>> dys;
  for (std::size_t j = 0; j < t.dys.size(); ++j)
    dys.emplace_back(t.pixels, t.c, j == 0 ? 0 : t.extra_pitch, t.dys[j]);
  std::vector<OutputGradient<T>> gradients;
  for (std::size_t j = 0; j < dys.size(); ++j) gradients.push_back({dys[j].view(), t.acts[j]});
  cpu::pointwise_backward<T>(dx.view(), t.write, gradients, x.view(), t.pixels, t.c, t.dropout);
  return {{"dx", dx.values()}};
}

Results reference_backward(const Case& t) {
  return {{"dx", written(reference::pointwise_backward(t.acts, t.dys, t.x, t.dropout), t.write, t.before)}};
}

const ImplementationTable<Case> kForward("pointwise_forward", {{"reference", 0x1p-52, reference_forward},
                                                               {"cpu float", 0x1p-23, cpu_forward<float>},
                                                               {"cpu double", 0x1p-52, cpu_forward<double>}});
const ImplementationTable<Case> kBackward("pointwise_backward",
                                          {{"reference", 0x1p-52, reference_backward},
                                           {"cpu float", 0x1p-23, cpu_backward<float>},
                                           {"cpu double", 0x1p-52, cpu_backward<double>}});

const std::vector<Activation> kKinds = {Activation::none, Activation::relu, Activation::leaky_relu,
                                        Activation::tanh, Activation::sigmoid};

TEST_CASE("pointwise: the reference's backward is the gradient of its forward") {
  for (const Activation kind : kKinds)
    for (const double p : {0.0, 0.4}) {
      std::vector<double> x = random_values(21, 40);
      for (double& v : x)
        if (std::abs(v) < 0.01) v = 0.1;  // the stencil reaches 0.004 and must not meet the kink
      const Act act{kind, 0.2}, other{Activation::leaky_relu, 0.3};
      const Dropout dropout{p, {5, 6, 7}};
      const auto w0 = random_values(22, 40), w1 = random_values(23, 40);
      const auto f = [&](std::span<const double> at) {
        const std::vector<double> in(at.begin(), at.end());
        return dot(w0, reference::pointwise_forward(act, in, dropout)) +
               dot(w1, reference::pointwise_forward(other, in, dropout));
      };
      const auto result =
          check_gradient(f, x, reference::pointwise_backward({act, other}, {w0, w1}, x, dropout));
      CHECK_MESSAGE(result.ok, result.message);
    }
}

TEST_CASE("pointwise: every activation equals the reference at odd sizes and pitches") {
  // A handful of roundings an element: tanh and exp are within 2 ulp, the derivative squares them.
  const Tolerance tolerance{.length = 1, .factor = 8, .scale = 1};
  for (const MatrixSize size : odd_sizes())
    for (const std::int64_t extra : {0, 3})
      for (const Activation kind : kKinds)
        for (const double p : {0.0, 0.5}) {
          kForward.check_all(make_case(size, extra, {{kind, 0.2}}, p, Write::assign), tolerance);
          kBackward.check_all(make_case(size, extra, {{kind, 0.2}}, p, Write::assign), tolerance);
          kBackward.check_all(make_case(size, extra, {{kind, 0.2}}, p, Write::add), tolerance);
        }
}

TEST_CASE("pointwise: every pair of outputs equals the reference") {
  const Tolerance tolerance{.length = 2, .factor = 8, .scale = 1};
  for (const Activation first : kKinds)
    for (const Activation second : kKinds)
      for (const double p : {0.0, 0.3})
        for (const std::int64_t extra : {0, 5}) {
          kForward.check_all(make_case({17, 13}, extra, {{first, 0.2}, {second, 0.1}}, p, Write::assign),
                             tolerance);
          kBackward.check_all(make_case({17, 13}, extra, {{first, 0.2}, {second, 0.1}}, p, Write::assign),
                              tolerance);
          kBackward.check_all(make_case({17, 13}, extra, {{first, 0.2}, {second, 0.1}}, p, Write::add),
                              tolerance);
        }
}

TEST_CASE("pointwise_forward: an output may be the input's own memory") {
  const std::vector<double> x = random_values(1, 33 * 7);
  Buffer<float> in(33, 7, 2, x), out(33, 7, 2);
  const std::vector<Output<float>> both = {{in.view(), {Activation::leaky_relu, 0.2}},
                                           {out.view(), {Activation::relu, 0}}};
  cpu::pointwise_forward<float>(both, in.view(), 33, 7, {});
  const auto leaky = in.values(), relu = out.values();
  for (std::size_t i = 0; i < x.size(); ++i) {
    CHECK(relu[i] == std::max(0.0, x[i]));
    CHECK(leaky[i] == (x[i] > 0 ? x[i] : static_cast<float>(0.2f * static_cast<float>(x[i]))));
  }
}

TEST_CASE("pointwise_backward: dx may be a dy's own memory") {
  const std::vector<double> x = random_values(1, 33 * 7), dy = random_values(2, 33 * 7);
  Buffer<float> at(33, 7, 0, x), gradient(33, 7, 0, dy);
  const std::vector<OutputGradient<float>> gradients = {{gradient.view(), {Activation::relu, 0}}};
  cpu::pointwise_backward<float>(gradient.view(), Write::assign, gradients, at.view(), 33, 7, {});
  const auto dx = gradient.values();
  for (std::size_t i = 0; i < x.size(); ++i) CHECK(dx[i] == (x[i] > 0 ? dy[i] : 0));
}

TEST_CASE("pointwise_forward: NaN and infinity pass through as they should") {
  const float inf = std::numeric_limits<float>::infinity();
  for (const Activation kind : kKinds) {
    std::vector<float> x = {inf, -inf, std::nanf("")}, y(3);
    const std::vector<Output<float>> outputs = {{{y.data(), 3}, {kind, 0.2}}};
    cpu::pointwise_forward<float>(outputs, {x.data(), 3}, 1, 3, {});
    CHECK(std::isnan(y[2]));
    const bool bounded = kind == Activation::tanh || kind == Activation::sigmoid;
    CHECK(y[0] == (bounded ? 1 : inf));
    if (kind == Activation::relu || kind == Activation::sigmoid) CHECK(y[1] == 0);
    if (kind == Activation::tanh) CHECK(y[1] == -1);
    if (kind == Activation::none || kind == Activation::leaky_relu) CHECK(y[1] == -inf);
  }
}

TEST_CASE("dropout: keeps a share of 1-p, scales it by 1/(1-p), and backward sees the same mask") {
  const std::int64_t pixels = 1000, c = 100;
  for (const double p : {0.1, 0.5, 0.9}) {
    std::vector<float> ones(static_cast<std::size_t>(pixels * c), 1.0f), y(ones.size()), dx(ones.size());
    const Dropout dropout{p, {123, 4, 5}};
    const std::vector<Output<float>> outputs = {{{y.data(), c}, {}}};
    cpu::pointwise_forward<float>(outputs, {ones.data(), c}, pixels, c, dropout);
    const std::vector<OutputGradient<float>> gradients = {{{ones.data(), c}, {}}};
    cpu::pointwise_backward<float>({dx.data(), c}, Write::assign, gradients, {ones.data(), c}, pixels, c,
                                   dropout);
    CHECK(y == dx);
    const auto scaled = static_cast<float>(1 / (1 - p));
    std::int64_t kept = 0, neighbours = 0;
    for (std::size_t i = 0; i < y.size(); ++i) {
      REQUIRE((y[i] == 0 || y[i] == scaled));
      kept += y[i] != 0;
      neighbours += i > 0 && y[i] != 0 && y[i - 1] != 0;
    }
    // Binomial: five standard deviations.
    const double n = static_cast<double>(y.size()), q = 1 - p;
    CHECK(std::abs(static_cast<double>(kept) - n * q) < 5 * std::sqrt(n * q * p));
    CHECK(std::abs(static_cast<double>(neighbours) - n * q * q) < 5 * std::sqrt(3 * n * q * q * (1 - q * q)));
  }
}

TEST_CASE("dropout: the mask belongs to the packed index, whatever the pitch, and changes with the step") {
  const Case packed = make_case({33, 7}, 0, {{Activation::none, 0}}, 0.5, Write::assign);
  const Case pitched = make_case({33, 7}, 9, {{Activation::none, 0}}, 0.5, Write::assign);
  CHECK(cpu_forward<float>(packed)[0].values == cpu_forward<float>(pitched)[0].values);
  Case later = packed;
  ++later.dropout.key.step;
  CHECK(cpu_forward<float>(packed)[0].values != cpu_forward<float>(later)[0].values);
}

TEST_CASE("dropout: an element is kept when its number is exactly p, and dropped when p is the next one up") {
  const RandomKey key{1, 2, 3};
  const std::vector<double> ones(7, 1.0);
  for (std::size_t i = 0; i < ones.size(); ++i) {
    std::vector<double> y(ones.size());
    const std::vector<Output<double>> outputs = {{{y.data(), 7}, {}}};
    const double p = uniform01(philox_word(key, i));
    cpu::pointwise_forward<double>(outputs, {ones.data(), 7}, 1, 7, {p, key});
    CHECK(y[i] == 1 / (1 - p));
    cpu::pointwise_forward<double>(outputs, {ones.data(), 7}, 1, 7, {std::nextafter(p, 1.0), key});
    CHECK(y[i] == 0);
  }
}

TEST_CASE("dropout: a probability next to 0 keeps all, next to 1 drops all") {
  const auto kept = [](double p) {
    std::vector<float> ones(4096, 1.0f), y(4096);
    const std::vector<Output<float>> outputs = {{{y.data(), 1}, {}}};
    cpu::pointwise_forward<float>(outputs, {ones.data(), 1}, 4096, 1, {p, {1, 2, 3}});
    return std::count_if(y.begin(), y.end(), [](float v) { return v != 0; });
  };
  CHECK(kept(1e-300) == 4096);
  CHECK(kept(1e-12) == 4096);
  CHECK(kept(std::nextafter(1.0, 0.0)) == 0);
}

TEST_CASE("pointwise: the same bits on any number of threads") {
  const Case t =
      make_case({2053, 37}, 1, {{Activation::leaky_relu, 0.2}, {Activation::relu, 0}}, 0.5, Write::add);
  check_same_bits_on_any_threads([&] { return cpu_forward<float>(t); });
  check_same_bits_on_any_threads([&] { return cpu_backward<float>(t); });
}

TEST_CASE("pointwise: bad arguments throw ShapeError") {
  std::vector<float> x(12), y(12);
  const Output<float> good{{y.data(), 4}, {}}, narrow{{y.data(), 3}, {}}, null{{nullptr, 4}, {}};
  const auto forward = [&](std::vector<Output<float>> outputs, std::int64_t pixels, double p) {
    cpu::pointwise_forward<float>(outputs, {x.data(), 4}, pixels, 4, {p, {}});
  };
  CHECK_NOTHROW(forward({good}, 3, 0));
  CHECK_NOTHROW(forward({null}, 0, 0));
  CHECK_THROWS_AS(forward({}, 3, 0), ShapeError);
  CHECK_THROWS_AS(forward({good, good, good}, 3, 0), ShapeError);
  CHECK_THROWS_AS(forward({narrow}, 3, 0), ShapeError);
  CHECK_THROWS_AS(forward({null}, 3, 0), ShapeError);
  CHECK_THROWS_AS(forward({good}, -1, 0), ShapeError);
  CHECK_THROWS_AS(forward({good}, 3, 1.0), ShapeError);
  CHECK_THROWS_AS(forward({good}, 3, -0.1), ShapeError);
  CHECK_THROWS_AS(forward({good}, 3, std::nan("")), ShapeError);
  const std::vector<OutputGradient<float>> gradients = {{{y.data(), 4}, {}}};
  CHECK_THROWS_AS(
      cpu::pointwise_backward<float>({x.data(), 3}, Write::assign, gradients, {x.data(), 4}, 3, 4, {}),
      ShapeError);
  CHECK_THROWS_AS(cpu::pointwise_backward<float>({x.data(), 4}, Write::assign, {}, {x.data(), 4}, 3, 4, {}),
                  ShapeError);
}

}  // namespace
}  // namespace uptake::tests
