// The bookkeeping of autograd: who gets a gradient, when it is assigned, added or forgotten, and in what
// order nodes run. Gradients of the operations themselves: ops_gradient_test.cpp.
#include "nn/autograd.h"

#include <thread>

#include "kernels/base/memory.h"
#include "nn/adam.h"
#include "nn/init.h"
#include "nn/layers.h"
#include "tests/support/tensors.h"

namespace uptake::tests {
namespace {

using namespace nn;

const Act kTanh{Activation::tanh, 0}, kLinear{Activation::none, 0};
const Shape kShape{1, 2, 2, 3};

Tensor full(double value) { return Tensor::full(kShape, DType::f64, value); }
std::vector<double> all(double value) { return std::vector<double>(12, value); }

// y = factor * x, which writes its name down when its backward runs.
Var times(const Var& x, double factor, std::vector<double>* log = nullptr) {
  const auto scaled = [factor](const Tensor& t) {
    std::vector<double> values = values_of(t);
    for (double& v : values) v *= factor;
    return tensor_of(t.shape(), DType::f64, values);
  };
  return make_result("times", scaled(x.value()), {x}, [=](const Tensor& dy) {
    if (log) log->push_back(factor);
    x.deposit(scaled(dy));
  });
}

TEST_CASE("backward: each node runs once, after everything that uses its result") {
  std::vector<double> log;
  const Var x(full(1), true);
  const Var a = times(x, 2, &log);
  const Var b = times(a, 3, &log), c = times(a, 5, &log);
  const Var d = add(b, c), e = add(d, a);
  e.deposit(full(1));
  backward(e);
  CHECK(values_of(x.grad()) == all(2 * (3 + 5 + 1)));
  REQUIRE(log.size() == 3);
  CHECK(log[2] == 2);
}

TEST_CASE("backward: several roots share what is below them, in either order") {
  for (const bool exchanged : {false, true}) {
    std::vector<double> log;
    const Var x(full(1), true);
    const Var a = times(x, 2, &log), b = times(a, 3, &log);
    a.deposit(full(10));
    b.deposit(full(1));
    const std::vector<Var> roots = exchanged ? std::vector<Var>{b, a} : std::vector<Var>{a, b};
    backward(roots);
    CHECK(log == std::vector<double>{3, 2});
    CHECK(values_of(x.grad()) == all(2 * (10 + 3)));
  }
}

TEST_CASE("backward: a root that holds no gradient is an error that says what to do, and nothing is done") {
  const Var x(full(1), true);
  const Var y = times(x, 2), other = times(x, 3);
  other.deposit(full(1));
  for (const auto& roots : {std::vector<Var>{y}, {other, y}, {x}}) {
    const std::string text = message_of<std::logic_error>([&] { backward(roots); });
    CHECK_MESSAGE(contains(text, {"[1,2,2,3]", "no gradient", "loss", "deposit"}), text);
  }
  CHECK(contains(message_of<std::logic_error>([&] { backward(y); }), {"times"}));
  CHECK_FALSE(x.has_grad());
  backward(other);
  CHECK(values_of(x.grad()) == all(3));
  CHECK_NOTHROW(backward(x));  // a leaf that holds one: there is nothing to do
  CHECK_NOTHROW(backward(std::span<const Var>{}));
}

TEST_CASE("backward: a root that requires no gradient is an error") {
  const Var plain(full(1));
  const Var x(full(1), true);
  const auto under_no_grad = [&] {
    const NoGrad no_grad;
    return times(x, 2);
  };
  for (const Var& root : {plain, times(plain, 2), under_no_grad(), times(x, 2).detach()}) {
    root.deposit(full(1));
    const std::string text = message_of<std::logic_error>([&] { backward(root); });
    CHECK_MESSAGE(contains(text, {"[1,2,2,3]", "requires a gradient", "NoGrad"}), text);
  }
  CHECK(contains(message_of<std::logic_error>([] { backward(Var()); }), {"never given a value"}));
}

TEST_CASE("backward: a second time through the same operations is an error that names one") {
  const Var x(full(1), true);
  const Var y = times(x, 2);
  y.deposit(full(1));
  backward(y);
  y.deposit(full(1));
  const std::string text = message_of<std::logic_error>([&] { backward(y); });
  CHECK_MESSAGE(contains(text, {"times", "second time"}), text);
  CHECK(values_of(x.grad()) == all(2));
}

TEST_CASE("backward: an unused result and an undefined input are no obstacle") {
  const Var x(full(0.5), true);
  const std::vector<Var> two = pointwise(x, {{kTanh, {}}, {kLinear, {}}});
  two[1].deposit(full(3));
  backward(two[1]);
  CHECK(values_of(x.grad()) == all(3));
}

TEST_CASE("backward: the memory of the forward pass is free afterwards") {
  const auto& pool = kernels::host_memory();
  const Var x(Tensor::full({1, 16, 16, 8}, DType::f64, 0.5), true);
  const std::int64_t before = pool.statistics().in_use_bytes;
  Var y = x;
  for (int i = 0; i < 10; ++i) y = pointwise(y, {{kTanh, {}}})[0];
  const std::int64_t one = x.value().size() * 8;
  CHECK(pool.statistics().in_use_bytes == before + 10 * one);
  y.deposit(Tensor::full(x.shape(), DType::f64, 1));
  backward(y);
  // The root's value and x's gradient are left.
  CHECK(pool.statistics().in_use_bytes == before + 2 * one);
  // At no time were all values and all gradients there: each node is emptied before the next runs.
  CHECK(pool.statistics().peak_in_use_bytes < before + 20 * one);
}

TEST_CASE("a backward function holds what it reads and nothing else") {
  const auto& pool = kernels::host_memory();
  const auto in_use = [&] { return pool.statistics().in_use_bytes; };
  // 1 MiB each: what is between x and the result of an operation that does not read it is free at once.
  const Shape shape{1, 128, 128, 16};
  const std::int64_t one = shape.size() * 4;
  const Var x(Tensor::full(shape, DType::f32, 0.5), true);
  const Var skip(Tensor::full(shape, DType::f32, 1), true);
  using Operation = std::function<Var(const Var&)>;
  struct Case {
    const char* name;
    Operation run;
    std::int64_t held;  // beyond the result
  };
  const std::int64_t winners = shape.size() / 4 * 4;
  const Case cases[] = {
      {"reflection_pad", [](const Var& v) { return reflection_pad(v, 3); }, 0},
      {"upsample nearest", [](const Var& v) { return upsample(v, 2, Interpolation::nearest); }, 0},
      {"upsample bilinear", [](const Var& v) { return upsample(v, 2, Interpolation::bilinear); }, 0},
      {"avg_pool",
       [](const Var& v) {
         return avg_pool(v, {2, 2, 0});
       },
       0},
      {"max_pool",
       [](const Var& v) {
         return max_pool(v, {2, 2, 0});
       },
       winners},
      {"add", [&](const Var& v) { return add(v, skip); }, 0},
      {"concat", [&](const Var& v) { return concat(v, skip); }, 0},
      {"pointwise",
       [](const Var& v) {
         return pointwise(v, {{kTanh, {}}})[0];
       },
       one},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const std::int64_t before = in_use();
    const Var y = c.run(reflection_pad(x, 0));  // its input is nobody else's
    const std::int64_t result = in_use() - before - c.held;
    const std::int64_t bytes = y.value().size() * 4;
    CHECK(result >= bytes);
    CHECK(result <= bytes + bytes / 8);  // the pool may hand out a block of up to an eighth more
    y.deposit(Tensor::full(y.shape(), DType::f32, 1));
    backward(y);
    CHECK(x.has_grad());
  }
}

TEST_CASE("a chain of paddings, up-samplings and poolings holds its first input and its result") {
  const auto& pool = kernels::host_memory();
  const std::int64_t before = pool.statistics().in_use_bytes;
  const Var x(Tensor::zeros({1, 512, 512, 4}, DType::f32), true);  // 4 MiB
  Var h = reflection_pad(x, 1);
  for (int i = 0; i < 4; ++i)
    h = avg_pool(upsample(reflection_pad(h, 1), 2, Interpolation::nearest), {2, 2, 0});
  const auto held = static_cast<double>(pool.statistics().in_use_bytes - before) / 1048576;
  CHECK(held > 8);
  CHECK(held < 9);  // it was 107
}

TEST_CASE("a long chain of operations goes back and is destroyed without deep recursion") {
  const Var x(Tensor::full({1, 1, 1, 1}, DType::f64, 1), true);
  Var y = x;
  for (int i = 0; i < 5000; ++i) y = pointwise(y, {{kLinear, {}}})[0];
  y.deposit(Tensor::full({1, 1, 1, 1}, DType::f64, 2));
  backward(y);
  CHECK(x.grad().item() == 2);
}

TEST_CASE("gradients of a leaf add up until they are forgotten") {
  Var x(full(1), true);
  const auto pass = [&](double dy) {
    const Var y = times(x, 2);
    y.deposit(full(dy));
    backward(y);
  };
  CHECK_FALSE(x.has_grad());
  CHECK_FALSE(x.grad().defined());
  pass(1);
  pass(10);
  CHECK(values_of(x.grad()) == all(22));
  x.forget_gradient();
  CHECK_FALSE(x.has_grad());
  pass(3);
  CHECK(values_of(x.grad()) == all(6));
}

TEST_CASE("a parameter's gradient lives in its fixed place: assigned first, added to, and assigned again") {
  ParameterStore store(DType::f64);
  Parameter& filters = store.add_filters("weight", {3, 3, 1, 1, 1, 0});
  Parameter& bias = store.add_vector("bias", 3, Role::bias);
  Parameter& unused = store.add_vector("unused", 4, Role::bias);
  store.allocate();
  store.from_plain(filters, store.values(), vector_of(DType::f64, {1, 0, 0, 0, 1, 0, 0, 0, 1}));
  store.changed();
  Tensor stale = store.gradients();
  stale.fill(std::numeric_limits<double>::quiet_NaN());
  const double* place = bias.var().value().data<double>();
  const auto pass = [&](double dy) {
    const Var y = conv2d(Var(full(2)), filters, bias.var());
    y.deposit(full(dy));
    backward(y);
  };
  const auto gradient_of = [&](Parameter& p) { return values_of(store.to_plain(p, store.gradients())); };

  pass(1);  // NaN is overwritten: four pixels of 2 * 1
  CHECK(gradient_of(filters) == std::vector<double>(9, 8));
  CHECK(gradient_of(bias) == std::vector<double>(3, 4));
  pass(10);
  CHECK(gradient_of(filters) == std::vector<double>(9, 88));
  CHECK(gradient_of(bias) == std::vector<double>(3, 44));
  CHECK(bias.var().grad().data<double>() == store.gradients().data<double>() + bias.offset);
  CHECK(bias.var().value().data<double>() == place);

  CHECK_FALSE(unused.var().has_grad());
  CHECK(std::isnan(gradient_of(unused)[0]));
  store.finish_gradients();
  CHECK(gradient_of(unused) == std::vector<double>(4, 0));
  CHECK(gradient_of(filters) == std::vector<double>(9, 88));  // what was gathered stays

  store.forget_gradients();
  pass(0.5);
  CHECK(gradient_of(filters) == std::vector<double>(9, 4));
  CHECK(gradient_of(bias) == std::vector<double>(3, 2));
  store.forget_gradients();
  store.finish_gradients();
  CHECK(gradient_of(filters) == std::vector<double>(9, 0));
}

TEST_CASE("parameters that are not wanted get no gradient, while it passes on to the image") {
  ParameterStore store(DType::f64);
  Parameter& filters = store.add_filters("weight", {3, 3, 1, 1, 1, 0});
  Parameter& bias = store.add_vector("bias", 3, Role::bias);
  store.allocate();
  store.from_plain(filters, store.values(), vector_of(DType::f64, {1, 0, 0, 0, 1, 0, 0, 0, 1}));
  store.changed();
  store.set_requires_grad(false);
  const Var frozen = conv2d(Var(full(1)), filters, bias.var());
  CHECK_FALSE(frozen.requires_grad());
  const Var x(full(1), true);
  const Var y = conv2d(x, filters, bias.var());
  y.deposit(full(5));
  backward(y);
  CHECK(values_of(x.grad()) == all(5));
  CHECK_FALSE(filters.var().has_grad());
  CHECK_FALSE(bias.var().has_grad());
  store.set_requires_grad(true);
  CHECK(conv2d(Var(full(1)), filters, bias.var()).requires_grad());
}

TEST_CASE("NoGrad: operations leave no nodes on this thread, and nesting restores what was before") {
  const Var x(full(1), true);
  {
    const NoGrad outer;
    CHECK_FALSE(times(x, 2).requires_grad());
    {
      const NoGrad inner;
      CHECK_FALSE(times(x, 2).requires_grad());
    }
    CHECK_FALSE(times(x, 2).requires_grad());
    bool other_thread = false;
    std::thread([&] { other_thread = times(x, 2).requires_grad(); }).join();
    CHECK(other_thread);
  }
  CHECK(times(x, 2).requires_grad());
}

TEST_CASE("detach: the same elements, and no gradient comes back") {
  const Var x(full(1), true);
  const Var a = times(x, 2), cut = a.detach();
  CHECK(cut.value().data<double>() == a.value().data<double>());
  CHECK_FALSE(cut.requires_grad());
  const Var y = add(times(cut, 3), times(x, 7));
  y.deposit(full(1));
  backward(y);
  CHECK(values_of(x.grad()) == all(7));
  CHECK_FALSE(cut.has_grad());
  CHECK_FALSE(a.has_grad());
}

TEST_CASE("only inputs that want a gradient get one") {
  const Var x(full(1), true), plain(full(2));
  const Var y = concat(add(plain, x), plain);
  y.deposit(Tensor::full({1, 2, 2, 6}, DType::f64, 4));
  backward(y);
  CHECK(values_of(x.grad()) == all(4));
  CHECK_FALSE(plain.has_grad());
  CHECK_FALSE(add(plain, plain).requires_grad());
}

TEST_CASE("deposit: a gradient of another shape is refused, naming both") {
  const Var x(full(1), true);
  const std::string text = message_of<ShapeError>([&] {
    x.deposit(Tensor::zeros({1, 2, 2, 2}, DType::f64));
  });
  CHECK_MESSAGE(contains(text, {"[1,2,2,2]", "[1,2,2,3]"}), text);
}

TEST_CASE("gradient_target: assigned the first time, added to from then on") {
  Var x(full(1), true);
  Target first = x.gradient_target();
  CHECK(first.write == Write::assign);
  CHECK(first.dx.shape() == kShape);
  first.dx.fill(3);
  const Target second = x.gradient_target();
  CHECK(second.write == Write::add);
  CHECK(second.dx.data<double>() == first.dx.data<double>());
  x.forget_gradient();
  CHECK(x.gradient_target().write == Write::assign);
}

// Two layers of one network, of which the second reads its weights in backward.
struct TwoLayers {
  std::unique_ptr<ParameterStore> store = std::make_unique<ParameterStore>(DType::f64);
  Conv2d first{*store, "net.first", {.in = 3, .out = 3, .kernel = 1, .stride = 1, .pad = 0}};
  ConvTranspose2d second{*store, "net.second", {.in = 3, .out = 3, .kernel = 1, .stride = 1, .pad = 0}};
  Norm norm{*store, "net.norm", NormKind::batch, 3};

  TwoLayers() { initialise(*store, InitKind::normal, 0.5, 3, 0); }
  Var run(const std::string& what, const Var& x) {
    if (what == "net.first") return first.forward(x);
    if (what == "net.second") return second.forward(x);
    return norm.forward(x, Mode::training({}), kTanh);
  }
};

TEST_CASE("weights changed between forward and backward are an error that names the parameter") {
  for (const char* layer : {"net.first", "net.second", "net.norm"}) {
    CAPTURE(std::string(layer));
    TwoLayers net;
    Adam adam(*net.store, {});
    const std::function<void()> changes[] = {[&] {
                                               Tensor values = net.store->values();
                                               values.fill(10);
                                               net.store->changed();
                                             },
                                             [&] { adam.step(0.1); },
                                             [&] { initialise(*net.store, InitKind::normal, 0.5, 4, 0); }};
    for (const auto& change : changes) {
      const Var x(full(0.5), true);
      const Var y = net.run(layer, x);
      y.deposit(full(1));
      change();
      const std::string text = message_of<std::logic_error>([&] { backward(y); });
      CHECK_MESSAGE(contains(text, {std::string(layer) + ".weight", "changed", "forward"}), text);
      CHECK_FALSE(x.has_grad());
      // The next pass has the new weights and goes through.
      const Var again = net.run(layer, x);
      again.deposit(full(1));
      CHECK_NOTHROW(backward(again));
      CHECK(x.has_grad());
      net.store->forget_gradients();
    }
  }
}

TEST_CASE("a network's step between another's forward and backward is none of its business") {
  TwoLayers generator, discriminator;
  Adam adam(*discriminator.store, {});
  const Var x(full(0.5), true);
  const Var fake = generator.run("net.first", x);
  const Var judged = discriminator.run("net.second", fake.detach());
  judged.deposit(full(1));
  backward(judged);
  adam.step(0.1);
  discriminator.store->set_requires_grad(false);
  const Var again = discriminator.run("net.second", fake);
  again.deposit(full(1));
  CHECK_NOTHROW(backward(again));
  CHECK(x.has_grad());
  CHECK_FALSE(discriminator.store->parameters()[0].var().has_grad());
}

TEST_CASE("a network that is gone before backward is an error, not a use of freed memory") {
  for (const char* layer : {"net.first", "net.second"}) {
    CAPTURE(std::string(layer));
    auto net = std::make_unique<TwoLayers>();
    const Var x(full(0.5), true);
    const Var y = net->run(layer, x);
    y.deposit(full(1));
    net.reset();
    const std::string text = message_of<std::logic_error>([&] { backward(y); });
    CHECK_MESSAGE(contains(text, {std::string(layer) + ".weight"}), text);
  }
}

}  // namespace
}  // namespace uptake::tests
