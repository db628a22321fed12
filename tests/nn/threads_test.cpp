// Networks on several threads at once give what they give on one.
#include <functional>
#include <thread>

#include "nn/init.h"
#include "nn/layers.h"
#include "nn/losses.h"
#include "tests/support/tensors.h"

namespace uptake::tests {
namespace {

using namespace nn;

constexpr std::size_t kThreads = 4;
constexpr int kRounds = 100;

// Down, down, up: each kind of convolution, of shapes for which a library wants scratch memory.
struct Net {
  ParameterStore store{DType::f32};
  Conv2d first{store, "first", {.in = 3, .out = 32}}, second{store, "second", {.in = 32, .out = 64}};
  ConvTranspose2d up{store, "up", {.in = 64, .out = 3}};

  Net() {
    store.allocate();
    initialise(store, InitKind::kaiming, 1, 1, 0);
  }
  Var forward(const Var& x) const {
    const Act act{Activation::leaky_relu, 0.2};
    return up.forward(second.forward(first.forward(x, act), act));
  }
};

// Most run the same primitives, one runs others.
Tensor input_of(std::size_t thread) {
  const std::int64_t side = thread == 0 ? 48 : 32;
  return random_tensor({2, side, side, 3}, DType::f32, thread + 1, -1, 1);
}

std::vector<double> infer(const Net& net, const Tensor& x) {
  const NoGrad no_grad;
  return values_of(net.forward(Var(x)).value());
}

// The result and the gradients of one step.
std::vector<double> train(Net& net, const Tensor& x) {
  const Var input(x, true);
  const Var y = net.forward(input);
  backward(mse_loss(y, Tensor::zeros(y.shape(), DType::f32)));
  std::vector<double> all = values_of(y.value());
  for (const Tensor& t : {input.grad(), net.store.gradients()})
    for (const double v : values_of(t)) all.push_back(v);
  net.store.forget_gradients();
  return all;
}

// How many of the threads' results are not what one thread computed before.
int wrong(const std::function<std::function<std::vector<double>()>(std::size_t)>& work_of) {
  std::vector<std::vector<double>> truth;
  for (std::size_t t = 0; t < kThreads; ++t) truth.push_back(work_of(t)());
  std::vector<int> bad(kThreads);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      const auto work = work_of(t);
      for (int round = 0; round < kRounds; ++round) bad[t] += work() != truth[t];
    });
  for (std::thread& thread : threads) thread.join();
  int total = 0;
  for (const int b : bad) total += b;
  return total;
}

TEST_CASE("threads: one network translates different images at the same time") {
  const Net net;
  CHECK(wrong([&](std::size_t t) { return [&net, x = input_of(t)] { return infer(net, x); }; }) == 0);
}

TEST_CASE("threads: a network that is new to all of them is packed once, for all") {
  const Net known;
  const std::vector<double> truth = infer(known, input_of(0));
  for (int round = 0; round < kRounds; ++round) {
    const Net net;
    std::vector<int> same(kThreads);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] { same[t] = infer(net, input_of(0)) == truth; });
    for (std::thread& thread : threads) thread.join();
    CHECK(same == std::vector<int>(kThreads, 1));
  }
}

TEST_CASE("threads: each its own network, translating and training") {
  const auto own = [] { return std::make_shared<Net>(); };
  CHECK(wrong([&](std::size_t t) { return [net = own(), x = input_of(t)] { return infer(*net, x); }; }) == 0);
  CHECK(wrong([&](std::size_t t) { return [net = own(), x = input_of(t)] { return train(*net, x); }; }) == 0);
}

}  // namespace
}  // namespace uptake::tests
