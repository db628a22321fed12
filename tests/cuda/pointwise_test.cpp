#include "kernels/pointwise.h"

#include "tests/cuda/placed.h"
#include "tests/reference/pointwise.h"

namespace uptake::tests {
namespace {

using namespace kernels;

struct Case {
  std::int64_t pixels = 0, c = 0;
  Layout layout;  // of x, dx and the second output; the first output is packed and aligned
  std::vector<Act> acts;
  Dropout dropout;
  Write write = Write::assign;
  bool step_on_device = false;
  std::vector<double> x, before;
  std::vector<std::vector<double>> dys;

  std::string describe() const {
    std::ostringstream text;
    text << "[" << pixels << "," << c << "]" << layout.describe() << ", activations";
    for (const Act& act : acts) text << " " << static_cast<int>(act.kind);
    text << ", p " << dropout.p << (step_on_device ? " (step on the device)" : "")
         << (write == Write::add ? ", add" : ", assign");
    return text.str();
  }
};

/// Inputs that T can hold.
template <class T>
Case make_case(MatrixSize size, Layout layout, std::vector<Act> acts, double p, Write write) {
  const std::int64_t count = size.pixels * size.c;
  Case t{size.pixels,
         size.c,
         layout,
         std::move(acts),
         {p, {11, 2, 3}},
         write,
         p > 0 && layout.lead == 16,  // with and without, in turn
         rounded<T>(random_values(1, count)),
         rounded<T>(random_values(2, count)),
         {}};
  for (std::size_t i = 0; i < t.x.size(); i += 5) t.x[i] = 0;  // the kink has a stated slope
  for (std::size_t j = 0; j < t.acts.size(); ++j) t.dys.push_back(rounded<T>(random_values(3 + j, count)));
  return t;
}

Layout layout_of(const Case& t, std::size_t output) { return output == 0 ? Layout{} : t.layout; }

/// The case's dropout; with the step on the device, the key's own step is wrong on purpose.
struct DeviceDropout {
  explicit DeviceDropout(const Case& t)
      : step(std::vector<std::uint32_t>{t.dropout.key.step}), dropout(t.dropout) {
    if (!t.step_on_device) return;
    dropout.device_step = step.data();
    dropout.key.step += 17;
  }
  DeviceArray<std::uint32_t> step;
  Dropout dropout;
};

template <class T>
Results cuda_forward(const Case& t) {
  const auto x = Placed<T>::input(t.pixels, t.c, t.layout, t.x);
  const DeviceDropout dropout(t);
  std::vector<Placed<T>> ys;
  std::vector<Output<T>> outputs;
  for (std::size_t j = 0; j < t.acts.size(); ++j) {
    ys.push_back(Placed<T>::output(t.pixels, t.c, layout_of(t, j), Write::assign, {}));
    outputs.push_back({ys[j].view(), t.acts[j]});
  }
  cuda::pointwise_forward<T>(outputs, x.view(), t.pixels, t.c, dropout.dropout, cuda::compute_stream());
  Results results;
  for (const Placed<T>& y : ys) results.push_back({"y" + std::to_string(results.size()), y.values()});
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
Results cuda_backward(const Case& t) {
  const auto x = Placed<T>::input(t.pixels, t.c, t.layout, t.x);
  const auto dx = Placed<T>::output(t.pixels, t.c, t.layout, t.write, t.before);
  const DeviceDropout dropout(t);
  std::vector<Placed<T>> dys;
  std::vector<OutputGradient<T>> gradients;
  for (std::size_t j = 0; j < t.acts.size(); ++j) {
    dys.push_back(Placed<T>::input(t.pixels, t.c, layout_of(t, j), t.dys[j]));
    gradients.push_back({dys[j].view(), t.acts[j]});
  }
  cuda::pointwise_backward<T>(dx.view(), t.write, gradients, x.view(), t.pixels, t.c, dropout.dropout,
                              cuda::compute_stream());
  return {{"dx", dx.values()}};
}

Results reference_backward(const Case& t) {
  return {{"dx", written(reference::pointwise_backward(t.acts, t.dys, t.x, t.dropout), t.write, t.before)}};
}

/// Checks both directions of a case. `roundings`: tanh and exp are within 2 ulp, the derivative squares them.
template <class T>
void check(MatrixSize size, Layout layout, const std::vector<Act>& acts, double p, Write write) {
  static const ImplementationTable<Case> forward(
      "pointwise_forward",
      {{"reference", 0x1p-52, reference_forward}, {name_of<T>(), epsilon_of<T>(), cuda_forward<T>}});
  static const ImplementationTable<Case> backward(
      "pointwise_backward",
      {{"reference", 0x1p-52, reference_backward}, {name_of<T>(), epsilon_of<T>(), cuda_backward<T>}});
  const Tolerance tolerance{.length = 1, .factor = storing_factor<T>(8), .scale = 1};
  const Case t = make_case<T>(size, layout, acts, p, write);
  if (write == Write::assign) forward.check_all(t, tolerance);
  backward.check_all(t, tolerance);
}

const std::vector<Activation> kKinds = {Activation::none, Activation::relu, Activation::leaky_relu,
                                        Activation::tanh, Activation::sigmoid};
const Act kLeaky{Activation::leaky_relu, 0.2}, kRelu{Activation::relu, 0}, kTanh{Activation::tanh, 0};

/// Odd sizes, and such that packs fit.
std::vector<MatrixSize> sizes() {
  std::vector<MatrixSize> all = odd_sizes();
  for (const MatrixSize size : {MatrixSize{3, 24}, {37, 8}, {130, 64}, {5, 2056}, {4099, 3}})
    all.push_back(size);
  return all;
}

template <class T>
void check_sizes() {
  for (const MatrixSize size : sizes())
    for (const Layout& layout : layouts(size.c))
      for (const double p : {0.0, 0.5})
        for (const Write write : {Write::assign, Write::add}) {
          check<T>(size, layout, {kLeaky}, p, write);
          check<T>(size, layout, {kLeaky, kRelu}, p, write);
        }
}

TEST_CASE("pointwise: equals the reference at odd sizes and places, float") {
  each_schedule([] { check_sizes<float>(); });
}

TEST_CASE("pointwise: equals the reference at odd sizes and places, bfloat16") {
  each_schedule([] { check_sizes<BFloat16>(); });
}

template <class T>
void check_activations() {
  for (const Layout& layout : {Layout{0, 16}, Layout{8, 8}, Layout{0, 5}})
    for (const double p : {0.0, 0.3})
      for (const Activation first : kKinds) {
        check<T>({17, 16}, layout, {{first, 0.2}}, p, Write::assign);
        for (const Activation second : kKinds)
          for (const Write write : {Write::assign, Write::add})
            check<T>({17, 16}, layout, {{first, 0.2}, {second, 0.1}}, p, write);
      }
}

TEST_CASE("pointwise: every activation, alone and in pairs, equals the reference") {
  check_activations<float>();
  check_activations<BFloat16>();
}

TEST_CASE("pointwise: the same bits under every schedule") {
  const Case t = make_case<BFloat16>({130, 64}, {8, 8}, {kLeaky, kTanh}, 0.5, Write::add);
  check_same_bits_under_all_schedules([&] { return cuda_forward<BFloat16>(t); });
  check_same_bits_under_all_schedules([&] { return cuda_backward<BFloat16>(t); });
}

TEST_CASE("pointwise: an output may be the input's own memory, and dx that of a dy") {
  for (const std::int64_t c : {7, 16}) {
    const Case t = make_case<float>({33, c}, {}, {kLeaky, kRelu}, 0.5, Write::assign);
    const Results expected = cuda_forward<float>(t), expected_back = cuda_backward<float>(t);
    const auto both = Placed<float>::output(33, c, {}, Write::add, t.x);
    const auto other = Placed<float>::output(33, c, {}, Write::assign, {});
    const std::vector<Output<float>> outputs = {{both.view(), kLeaky}, {other.view(), kRelu}};
    const DeviceDropout dropout(t);
    cuda::pointwise_forward<float>(outputs, both.view(), 33, c, dropout.dropout, cuda::compute_stream());
    CHECK(both.values() == expected[0].values);
    CHECK(other.values() == expected[1].values);

    const auto x = Placed<float>::input(33, c, {}, t.x), dy = Placed<float>::input(33, c, {}, t.dys[0]);
    const auto dx = Placed<float>::output(33, c, {}, Write::add, t.dys[1]);
    const std::vector<OutputGradient<float>> gradients = {{dy.view(), kLeaky}, {dx.view(), kRelu}};
    cuda::pointwise_backward<float>(dx.view(), Write::assign, gradients, x.view(), 33, c, dropout.dropout,
                                    cuda::compute_stream());
    CHECK(dx.values() == expected_back[0].values);
  }
}

TEST_CASE("pointwise_forward: NaN and infinity pass through as they should") {
  const float inf = std::numeric_limits<float>::infinity();
  for (const Activation kind : kKinds) {
    const DeviceArray<float> x(std::vector<float>{inf, -inf, std::nanf(""), 0}), y(4);
    const std::vector<Output<float>> outputs = {{{y.data(), 4}, {kind, 0.2}}};
    cuda::pointwise_forward<float>(outputs, {x.data(), 4}, 1, 4, {}, cuda::compute_stream());
    const auto values = y.values();
    CHECK(std::isnan(values[2]));
    const bool bounded = kind == Activation::tanh || kind == Activation::sigmoid;
    CHECK(values[0] == (bounded ? 1 : inf));
    if (kind == Activation::relu || kind == Activation::sigmoid) CHECK(values[1] == 0);
    if (kind == Activation::tanh) CHECK(values[1] == -1);
    if (kind == Activation::none || kind == Activation::leaky_relu) CHECK(values[1] == -inf);
  }
}

TEST_CASE("dropout on the device: the same elements as the reference at the edges of p") {
  const RandomKey key{0x123456789abcdefull, 0xfffffff0u, 0xffffffffu};
  const DeviceArray<float> ones(std::vector<float>(64, 1.0f)), y(64);
  for (const double p : {1e-300, uniform01(philox_word(key, 37)),
                         std::nextafter(uniform01(philox_word(key, 37)), 1.0), std::nextafter(1.0, 0.0)}) {
    const std::vector<Output<float>> outputs = {{{y.data(), 64}, {}}};
    cuda::pointwise_forward<float>(outputs, {ones.data(), 64}, 1, 64, {p, key}, cuda::compute_stream());
    const auto values = y.values();
    for (std::size_t i = 0; i < values.size(); ++i)
      CHECK((values[i] != 0) == (reference::dropout_factor({p, key}, i) != 0));
  }
}

TEST_CASE("pointwise on the device: bad arguments throw ShapeError") {
  const DeviceArray<float> x(12), y(12);
  const Output<float> good{{y.data(), 4}, {}}, narrow{{y.data(), 3}, {}}, null{{nullptr, 4}, {}};
  const auto forward = [&](std::vector<Output<float>> outputs, std::int64_t pixels, double p) {
    cuda::pointwise_forward<float>(outputs, {x.data(), 4}, pixels, 4, {p, {}}, cuda::compute_stream());
  };
  CHECK_NOTHROW(forward({null}, 0, 0));
  CHECK_THROWS_AS(forward({}, 3, 0), ShapeError);
  CHECK_THROWS_AS(forward({good, good, good}, 3, 0), ShapeError);
  CHECK_THROWS_AS(forward({narrow}, 3, 0), ShapeError);
  CHECK_THROWS_AS(forward({null}, 3, 0), ShapeError);
  CHECK_THROWS_AS(forward({good}, -1, 0), ShapeError);
  CHECK_THROWS_AS(forward({good}, 3, 1.0), ShapeError);
  CHECK_THROWS_AS(forward({good}, 3, std::nan("")), ShapeError);
  const auto backward = [&](std::vector<OutputGradient<float>> gradients, std::int64_t pitch) {
    cuda::pointwise_backward<float>({x.data(), pitch}, Write::assign, gradients, {x.data(), 4}, 3, 4, {},
                                    cuda::compute_stream());
  };
  CHECK_THROWS_AS(backward({{{y.data(), 4}, {}}}, 3), ShapeError);
  CHECK_THROWS_AS(backward({}, 4), ShapeError);
}

}  // namespace
}  // namespace uptake::tests
