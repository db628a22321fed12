// A training loop that has found its stride asks the operating system for no memory.
#include "kernels/base/memory.h"
#include "nn/adam.h"
#include "nn/init.h"
#include "nn/layers.h"
#include "nn/losses.h"
#include "tests/support/tensors.h"

namespace uptake::tests {
namespace {

using namespace nn;

// A U-Net of one level: everything that a pix2pix generator is made of.
class SmallNet {
 public:
  explicit SmallNet(DType dtype)
      : store(dtype),
        first_(store, "first", {.in = 3, .out = 16}),
        down_(store, "down", {.in = 16, .out = 24, .bias = false}),
        down_norm_(store, "down_norm", NormKind::batch, 24),
        up_(store, "up", {.in = 24, .out = 16, .bias = false}),
        up_norm_(store, "up_norm", NormKind::instance, 16),
        last_(store, "last", {.in = 32, .out = 3}) {
    store.allocate();
    initialise(store, InitKind::normal, 0.1, 1, 0);
  }

  Var forward(const Var& x, const Mode& mode) const {
    const Act leaky{Activation::leaky_relu, 0.2}, relu{Activation::relu, 0}, tanh{Activation::tanh, 0};
    const Var a = first_.forward(x);
    const Shape s = a.shape();
    const Tensor whole = Tensor::empty({s.n, s.h, s.w, 32}, a.dtype());
    const auto skip = pointwise(a, {{leaky, {}}, {relu, whole.channels(16, 32)}});
    const Var b = down_norm_.forward(down_.forward(skip[0]), mode, relu);
    const Var c =
        up_norm_.forward(up_.forward(b), mode, {{relu, whole.channels(0, 16)}}, dropout_of(mode, 0.5, 1))[0];
    return pointwise(last_.forward(join(c, skip[1], whole)), {{tanh, {}}})[0];
  }

  ParameterStore store;

 private:
  Conv2d first_, down_;
  Norm down_norm_;
  ConvTranspose2d up_;
  Norm up_norm_;
  ConvTranspose2d last_;
};

TEST_CASE("a steady training loop allocates nothing, holds nothing more, and learns") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    CAPTURE(nn::to_string(dtype));
    SmallNet net(dtype);
    Adam adam(net.store, {});
    const Tensor image = random_tensor({2, 16, 12, 3}, dtype, 1, -1, 1);
    const Tensor target = random_tensor({2, 16, 12, 3}, dtype, 2, -0.5, 0.5);
    const auto step = [&](std::uint32_t number) {
      const Var fake = net.forward(Var(image), Mode::training({1, 0, number}));
      const Var loss = l1_loss(fake, target);
      backward(loss);
      adam.step(2e-3);
      return loss.value().item();
    };
    const double first = step(0);
    step(1);
    const auto before = kernels::host_memory().statistics();
    double last = first;
    for (std::uint32_t number = 2; number < 12; ++number) {
      last = step(number);
      const auto now = kernels::host_memory().statistics();
      CHECK(now.system_allocations == before.system_allocations);
      CHECK(now.held_bytes == before.held_bytes);
      CHECK(now.in_use_bytes == before.in_use_bytes);
      CHECK(now.peak_in_use_bytes == before.peak_in_use_bytes);
    }
    CHECK(last < first);
    // The pool was in use at all, or nothing was measured.
    CHECK(before.system_allocations > 20);
  }
}

TEST_CASE("a steady inference loop allocates nothing and leaves no node behind") {
  SmallNet net(DType::f32);
  const Tensor image = random_tensor({1, 16, 12, 3}, DType::f32, 1, -1, 1);
  const NoGrad no_grad;
  const auto run = [&] { return values_of(net.forward(Var(image), Mode::inference()).value()); };
  const auto first = run();
  const auto before = kernels::host_memory().statistics();
  for (int i = 0; i < 5; ++i) {
    CHECK(run() == first);
    CHECK(kernels::host_memory().statistics().system_allocations == before.system_allocations);
    CHECK(kernels::host_memory().statistics().in_use_bytes == before.in_use_bytes);
  }
}

}  // namespace
}  // namespace uptake::tests
