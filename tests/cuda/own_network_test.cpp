// A network and a loss of one's own on the CUDA backend against the CPU: the same weights, the same pictures, the same
// gradients.
#include "nn/adam.h"
#include "nn/losses.h"
#include "nn/network.h"
#include "tests/cuda/on_device.h"
#include "tests/support/gradients.h"
#include "tests/support/temporary_folder.h"

namespace uptake::tests {
namespace {

using namespace nn;

class Small : public Network {
 public:
  Small(DType dtype, Device device)
      : Network(dtype, device),
        conv_(store_, "conv", {.in = 2, .out = 4}),
        head_(store_, "head", {.in = 4, .out = 3, .height = 2, .width = 3}) {
    store_.allocate();
  }
  Var forward(const Var& x, const Mode&) override { return head_.forward(leaky_relu(conv_.forward(x))); }

 private:
  Conv2d conv_;
  Linear head_;
};

struct Outcome {
  double loss;
  std::vector<double> gradients;
};

/// One step of a network with a loss that uses all arithmetic there is.
Outcome outcome_of(DType dtype, Device device) {
  Small network(dtype, device);
  std::uint64_t seed = 3;
  for (Parameter& p : network.store().parameters())
    network.store().from_plain(p, network.store().values(),
                               vector_of(DType::f32, random_values(seed++, p.elements(), -0.5, 0.5)));
  network.store().changed();
  // Numbers that bfloat16 holds.
  const Tensor picture = tensor_of({2, 4, 6, 2}, DType::f32, rounded<BFloat16>(random_values(1, 96)));
  const Tensor target = tensor_of({2, 1, 1, 3}, DType::f32, rounded<BFloat16>(random_values(2, 6, 0.25, 1)));
  const auto there = [&](const Tensor& t) { return t.to(device).to(dtype); };

  const Var y = network.forward(Var(there(picture)), Mode::training({}));
  const Var t(there(target));
  const Var own = mean(sqrt(square(y - t) + 0.01) * (2 - t) / (exp(-abs(y)) + 1) + log(1.5 + square(y)) / 2);
  const Var loss = own + 0.5 * l1_loss(y, t.value()) + sum(sigmoid(y)) / 6 + 1 / (1 + mean(tanh(y) * y)) +
                   softmax_cross_entropy(y, std::vector<int>{2, 0});
  backward(loss);
  network.store().finish_gradients();
  Outcome outcome{loss.value().item(), {}};
  for (Parameter& p : network.store().parameters())
    for (const double v : values_of(network.store().to_plain(p, network.store().gradients())))
      outcome.gradients.push_back(v);
  return outcome;
}

TEST_CASE("own network: loss and gradients are the CPU's") {
  const Outcome cpu = outcome_of(DType::f32, Device::cpu);
  REQUIRE(std::isfinite(cpu.loss));
  each_schedule([&] {
    const Outcome gpu = outcome_of(DType::f32, Device::cuda);
    CHECK(gpu.loss == doctest::Approx(cpu.loss).epsilon(1e-5));
    CHECK(distance(gpu.gradients, cpu.gradients) < 1e-5);
  });
  // bfloat16 has 8 bits: each of some ten operations rounds to one part in 512.
  const Outcome half = outcome_of(DType::bf16, Device::cuda);
  CHECK(half.loss == doctest::Approx(cpu.loss).epsilon(0.02));
  CHECK(distance(half.gradients, cpu.gradients) < 0.05);
}

TEST_CASE("own network: what the GPU saves, the CPU loads") {
  const TemporaryFolder folder;
  Small gpu(DType::bf16, Device::cuda), cpu(DType::f32, Device::cpu);
  for (Parameter& p : gpu.store().parameters())
    gpu.store().from_plain(p, gpu.store().values(),
                           vector_of(DType::f32, random_values(7, p.elements(), -0.5, 0.5)));
  gpu.store().changed();
  gpu.save(folder / "network");
  cpu.load(folder / "network");
  for (std::size_t i = 0; i < 4; ++i) {
    Parameter &a = gpu.store().parameters()[i], &b = cpu.store().parameters()[i];
    CHECK(values_of(gpu.store().to_plain(a, gpu.store().values())) ==
          values_of(cpu.store().to_plain(b, cpu.store().values())));
  }
}

TEST_CASE("own network: a label that is no class is refused before the GPU sees it") {
  const Var logits(Tensor::zeros({2, 1, 1, 3}, DType::f32, Device::cuda));
  CHECK_THROWS_AS(softmax_cross_entropy(logits, std::vector<int>{0, 3}), ShapeError);
  CHECK_THROWS_AS(softmax_cross_entropy(logits, std::vector<int>{0}), ShapeError);
}

}  // namespace
}  // namespace uptake::tests
