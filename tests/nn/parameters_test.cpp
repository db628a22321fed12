#include "nn/parameters.h"

#include <atomic>
#include <set>
#include <thread>

#include "kernels/base/memory.h"
#include "nn/adam.h"
#include "nn/init.h"
#include "nn/layers.h"
#include "tests/support/tensors.h"

namespace uptake::tests {
namespace {

using namespace nn;

constexpr DType kBoth[] = {DType::f32, DType::f64};

// One of everything, of sizes that leave gaps.
struct Net {
  ParameterStore store;
  Parameter& filters;
  Parameter& bias;
  Parameter& small;
  nn::Buffer& mean;
  Counter& batches;

  explicit Net(DType dtype)
      : store(dtype),
        filters(store.add_filters("one.weight", {3, 3, 3, 3, 1, 1})),
        bias(store.add_vector("one.bias", 3, Role::bias)),
        small(store.add_filters("two.weight", {1, 3, 4, 4, 1, 1})),
        mean(store.add_buffer("two.running_mean", 2, 0.5)),
        batches(store.add_counter("two.num_batches_tracked")) {
    store.allocate();
  }
};

TEST_CASE("parameters: entries keep the order of declaration, with PyTorch's names and shapes") {
  Net net(DType::f32);
  const auto& entries = net.store.entries();
  REQUIRE(entries.size() == 5);
  const std::pair<const char*, std::vector<std::int64_t>> expected[] = {{"one.weight", {3, 3, 3, 3}},
                                                                        {"one.bias", {3}},
                                                                        {"two.weight", {1, 3, 4, 4}},
                                                                        {"two.running_mean", {2}},
                                                                        {"two.num_batches_tracked", {}}};
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(entries[i].name == expected[i].first);
    CHECK(entries[i].shape == expected[i].second);
  }
  CHECK(std::get<Parameter*>(entries[2].what) == &net.small);
  CHECK(std::get<nn::Buffer*>(entries[3].what) == &net.mean);
  CHECK(std::get<Counter*>(entries[4].what) == &net.batches);
  CHECK(net.store.parameter_count() == 81 + 3 + 48);
  CHECK(values_of(net.mean.values) == std::vector<double>{0.5, 0.5});
  CHECK(net.batches.value == 0);
}

TEST_CASE("parameters: all live in one buffer, aligned, without overlap, and start as zeros") {
  for (const DType dtype : kBoth) {
    Net net(dtype);
    std::int64_t end = 0;
    for (Parameter& p : net.store.parameters()) {
      CHECK(p.offset >= end);
      CHECK(p.offset % ParameterStore::kAlign == 0);
      end = p.offset + p.elements();
      dispatch(dtype, [&]<class T>() {
        CHECK(p.var().value().data<T>() == net.store.values().data<T>() + p.offset);
        CHECK(reinterpret_cast<std::uintptr_t>(p.var().value().data<T>()) % 64 == 0);
        CHECK(p.var().gradient_target().dx.data<T>() == net.store.gradients().data<T>() + p.offset);
      });
      CHECK(p.var().requires_grad());
    }
    CHECK(net.store.values().size() >= end);
    CHECK(net.store.values().size() < end + ParameterStore::kAlign);
    CHECK(net.store.gradients().size() == net.store.values().size());
    CHECK(values_of(net.store.values()) ==
          std::vector<double>(static_cast<std::size_t>(net.store.values().size()), 0.0));
  }
}

TEST_CASE("parameters: a name declared twice, or after allocate(), is refused by name") {
  ParameterStore store(DType::f32);
  store.add_filters("a", {1, 1, 1, 1, 1, 0});
  store.add_vector("b", 1, Role::bias);
  store.add_buffer("c", 1, 0);
  store.add_counter("d");
  for (const char* name : {"a", "b", "c", "d"}) {
    const std::string quoted = name;
    for (const auto& declare : std::vector<std::function<void()>>{
             [&] {
               store.add_filters(name, {1, 1, 1, 1, 1, 0});
             },
             [&] { store.add_vector(name, 1, Role::bias); }, [&] { store.add_buffer(name, 1, 0); },
             [&] { store.add_counter(name); }}) {
      const std::string text = message_of<std::logic_error>(declare);
      CHECK_MESSAGE(contains(text, {" " + quoted + " ", "twice"}), text);
    }
  }
  CHECK(store.entries().size() == 4);
  store.allocate();
  const std::string text = message_of<std::logic_error>([&] { store.add_vector("late", 1, Role::bias); });
  CHECK_MESSAGE(contains(text, {"late", "allocate"}), text);
}

TEST_CASE("parameters: a version names one state of the values of one store") {
  ParameterStore one(DType::f32), two(DType::f32);
  one.add_vector("p", 3, Role::bias);
  two.add_vector("p", 3, Role::bias);
  std::set<std::uint64_t> seen;
  const auto is_new = [&](const ParameterStore& store) { return seen.insert(store.version()).second; };
  one.allocate();
  CHECK(is_new(one));
  two.allocate();
  CHECK(is_new(two));
  CHECK_FALSE(is_new(one));
  for (int time = 0; time < 2; ++time) {
    one.changed();
    CHECK(is_new(one));
    CHECK_FALSE(is_new(two));
  }
  Adam adam(one, {});
  adam.prepare(0.1);
  CHECK_FALSE(is_new(one));
  adam.apply();
  CHECK(is_new(one));
}

TEST_CASE("parameters: memory is there at first use, whatever that is") {
  for (const DType dtype : kBoth) {
    struct Layers {
      ParameterStore store;
      Conv2d conv{store, "conv", {.in = 2, .out = 2, .kernel = 3, .stride = 1}};
      ConvTranspose2d up{store, "up", {.in = 2, .out = 2}};
      Norm norm{store, "norm", NormKind::batch, 2};
      explicit Layers(DType type) : store(type) {}
    };
    const Var x(Tensor::full({1, 4, 4, 2}, dtype, 0.5));
    const std::pair<const char*, std::function<void(Layers&)>> uses[] = {
        {"conv", [&](Layers& l) { CHECK(values_of(l.conv.forward(x).value())[0] == 0); }},
        {"up", [&](Layers& l) { CHECK(values_of(l.up.forward(x).value())[0] == 0); }},
        {"norm", [&](Layers& l) { l.norm.forward(x, Mode::training({}), Act{}); }},
        {"values", [](Layers& l) { CHECK(values_of(l.store.values())[0] == 0); }},
        {"gradients", [](Layers& l) { CHECK(values_of(l.store.gradients())[0] == 0); }},
        {"initialise", [](Layers& l) { initialise(l.store, InitKind::normal, 0.02, 1, 0); }},
        {"Adam", [](Layers& l) { Adam(l.store, {}).step(0.1); }},
        {"set_requires_grad", [](Layers& l) { l.store.set_requires_grad(false); }},
        {"forget_gradients", [](Layers& l) { l.store.forget_gradients(); }},
        {"finish_gradients", [](Layers& l) { l.store.finish_gradients(); }},
        {"changed", [](Layers& l) { l.store.changed(); }},
        {"load",
         [&](Layers& l) {
           const Parameter& p = l.store.parameters()[0];
           l.store.from_plain(p, l.store.values(), Tensor::vector(p.elements(), dtype));
         }},
        {"var", [](Layers& l) { CHECK(l.store.parameters()[0].var().requires_grad()); }}};
    for (const auto& [name, use] : uses) {
      CAPTURE(std::string(name));
      Layers layers(dtype);
      use(layers);
      CHECK(layers.store.values().size() > 0);
      CHECK(layers.store.parameters()[0].compute().defined());
      CHECK_THROWS_AS(layers.store.add_vector("late", 1, Role::bias), std::logic_error);
      // Asking again does not begin anew.
      layers.store.values().slice(0, 1).fill(3);
      layers.store.allocate();
      CHECK(values_of(layers.store.values())[0] == 3);
    }
  }
}

TEST_CASE("parameters: names, shapes and counts need no memory") {
  const auto before = kernels::host_memory().statistics().in_use_bytes;
  ParameterStore store(DType::f32);
  const Conv2d conv(store, "conv", {.in = 64, .out = 64});
  CHECK(store.parameter_count() == 64 * 64 * 16 + 64);
  CHECK(store.entries()[0].shape == std::vector<std::int64_t>{64, 64, 4, 4});
  CHECK(kernels::host_memory().statistics().in_use_bytes == before);
}

TEST_CASE("parameters: several threads may be the first to use a store") {
  for (int time = 0; time < 20; ++time) {
    ParameterStore store(DType::f32);
    Parameter& p = store.add_vector("p", 1000, Role::bias);
    std::atomic<int> ready{0};
    std::vector<const float*> seen(4);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < seen.size(); ++t)
      threads.emplace_back([&, t] {
        ++ready;
        while (ready < static_cast<int>(seen.size())) std::this_thread::yield();
        seen[t] = p.var().value().data<float>();
      });
    for (auto& thread : threads) thread.join();
    for (const float* address : seen) CHECK(address == store.values().data<float>());
  }
}

TEST_CASE("parameters: plain order in and out, of values and of any buffer of the same layout") {
  for (const DType dtype : kBoth) {
    Net net(dtype);
    const Tensor moments = Tensor::vector(net.store.values().size(), dtype);
    std::uint64_t seed = 1;
    for (Parameter& p : net.store.parameters()) {
      const auto values = random_values(seed++, p.elements()), others = random_values(seed++, p.elements());
      net.store.from_plain(p, net.store.values(), vector_of(dtype, values));
      net.store.from_plain(p, moments, vector_of(dtype, others));
      CHECK(values_of(net.store.to_plain(p, net.store.values())) == values);
      CHECK(values_of(net.store.to_plain(p, moments)) == others);
    }
    // One parameter does not write into another one's part.
    seed = 1;
    for (Parameter& p : net.store.parameters()) {
      CHECK(values_of(net.store.to_plain(p, net.store.values())) == random_values(seed, p.elements()));
      seed += 2;
    }
    // What comes out is a copy.
    Tensor copy = net.store.to_plain(net.bias, net.store.values());
    copy.fill(0);
    CHECK(values_of(net.bias.var().value()) == random_values(3, 3));
  }
}

TEST_CASE("parameters: the wrong number of values is refused, naming the parameter and both numbers") {
  Net net(DType::f32);
  for (Parameter* p : {&net.filters, &net.bias}) {
    const std::string text = message_of<ShapeError>(
        [&] { net.store.from_plain(*p, net.store.values(), Tensor::vector(80, DType::f32)); });
    CHECK_MESSAGE(contains(text, {p->name, "80", std::to_string(p->elements())}), text);
    CHECK_THROWS_AS(net.store.from_plain(*p, net.store.values(), Tensor::vector(p->elements(), DType::f64)),
                    std::logic_error);
  }
}

TEST_CASE("parameters: after writing plain values and changed(), a convolution uses them") {
  for (const DType dtype : kBoth) {
    Net net(dtype);
    const Var x(random_tensor({1, 4, 4, 3}, dtype, 1));
    std::vector<double> identity(81, 0.0);
    for (std::size_t k = 0; k < 3; ++k) identity[(k * 3 + k) * 9 + 4] = 1;  // the middle tap
    for (const double factor : {1.0, -2.0}) {
      std::vector<double> taps = identity, expected = values_of(x.value());
      for (double& v : taps) v *= factor;
      for (double& v : expected) v *= factor;
      net.store.from_plain(net.filters, net.store.values(), vector_of(dtype, taps));
      net.store.changed();
      CHECK(values_of(conv2d(x, net.filters, Var()).value()) == expected);
    }
  }
}

// Filters that convolutions keep repacked copies of.
struct Convolutions {
  ParameterStore store;
  Parameter &down, &up;

  explicit Convolutions(DType dtype)
      : store(dtype),
        down(store.add_filters("down", {64, 16, 4, 4, 2, 1})),
        up(store.add_filters("up", {64, 16, 4, 4, 2, 1})) {
    store.allocate();
  }
  Var forward(const Var& x) { return conv_transpose2d(conv2d(x, down, Var()), up, Var(), 0); }
};

TEST_CASE("parameters: initialise() and Adam leave no convolution with old values") {
  for (const DType dtype : kBoth) {
    CAPTURE(nn::to_string(dtype));
    Convolutions net(dtype);
    const Var x(random_tensor({1, 8, 8, 16}, dtype, 1));
    const auto like_fresh_ones = [&] {
      Convolutions fresh(dtype);
      for (std::size_t i : {0u, 1u})
        fresh.store.from_plain(fresh.store.parameters()[i], fresh.store.values(),
                               net.store.to_plain(net.store.parameters()[i], net.store.values()));
      fresh.store.changed();
      return values_of(net.forward(x).value()) == values_of(fresh.forward(x).value());
    };
    net.forward(x);  // makes the copies
    initialise(net.store, InitKind::normal, 0.1, 1, 0);
    CHECK(like_fresh_ones());
    Adam adam(net.store, {});
    for (int step = 0; step < 2; ++step) {
      const Var y = net.forward(x);
      y.deposit(random_tensor(y.shape(), dtype, 2));
      backward(y);
      adam.step(0.1);
      CHECK(like_fresh_ones());
    }
  }
}

TEST_CASE("parameters: the gaps between parameters stay zero through training") {
  for (const DType dtype : kBoth) {
    Net net(dtype);
    for (Parameter& p : net.store.parameters())
      net.store.from_plain(p, net.store.values(),
                           vector_of(dtype, random_values(p.elements(), p.elements())));
    net.store.changed();
    Adam adam(net.store, {});
    const auto padding = [&](const Tensor& flat) {
      // What is left of the buffer when the parameters' own elements are taken out.
      const Tensor clean = Tensor::vector(flat.size(), dtype);
      for (Parameter& p : net.store.parameters()) net.store.from_plain(p, clean, net.store.to_plain(p, flat));
      return distance(values_of(flat), values_of(clean));
    };
    for (std::uint64_t step = 0; step < 4; ++step) {
      const Var x(random_tensor({2, 5, 6, 3}, dtype, step + 1));
      // Twice through the same filters, so that gradients are assigned and added.
      const Var y = conv2d(conv2d(conv2d(x, net.filters, net.bias.var()), net.filters, net.bias.var()),
                           net.small, Var());
      y.deposit(random_tensor(y.shape(), dtype, step + 100));
      backward(y);
      net.store.finish_gradients();
      CHECK(padding(net.store.gradients()) == 0);
      adam.step(0.1);
      CHECK(padding(net.store.values()) == 0);
      CHECK(padding(adam.first_moments()) == 0);
      CHECK(padding(adam.second_moments()) == 0);
    }
    CHECK(values_of(net.store.to_plain(net.bias, net.store.values())) != random_values(3, 3));
  }
}

}  // namespace
}  // namespace uptake::tests
