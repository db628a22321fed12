// Networks of one process with different convolutions on the GPU.
#include "nn/machine.h"

#include "nn/layers.h"
#include "tests/cuda/on_device.h"
#include "tests/support/tensors.h"

namespace uptake::tests {
namespace {

using nn::Device;

std::vector<double> forward(const std::string& algorithm, const Tensor& x) {
  nn::Machine machine{Device::cuda, DType::f32, {}};
  machine.conv.algorithm = algorithm;
  nn::ParameterStore store(machine);
  const nn::Conv2d conv(store, "conv", {.in = 8, .out = 4});
  store.allocate();
  store.from_plain(store.parameters().front(), store.values(),
                   random_tensor({1, 1, 1, 4 * 8 * 16}, DType::f32, 1, -1, 1));
  store.changed();
  return values_of(conv.forward(nn::Var(x)).value().to(Device::cpu));
}

TEST_CASE("machine: networks of one process compute their convolutions each in its own way on the GPU") {
  const Tensor x = random_tensor({1, 6, 6, 8}, DType::f32, 2, -1, 1).to(Device::cuda);
  const std::vector<double> naive = forward("naive", x), gemm = forward("implicit_gemm", x);
  CHECK(distance(gemm, naive) < 1e-5);
#if defined(UPTAKE_SIMULATOR)
  const auto launches = [](const std::string& part) {
    std::size_t count = 0;
    for (const auto& [kernel, times] : sim::launches_by_kernel())
      if (kernel.find(part) != std::string::npos) count += times;
    return count;
  };
  for (const auto& [algorithm, kernel, other] :
       {std::tuple{"naive", "conv_naive_forward", "conv_implicit_gemm_data"},
        {"implicit_gemm", "conv_implicit_gemm_data", "conv_naive_forward"},
        {"own", "conv_implicit_gemm_data", "conv_naive_forward"}}) {
    INFO(algorithm);
    const std::size_t before = launches(kernel), of_other = launches(other);
    forward(algorithm, x);
    CHECK(launches(kernel) == before + 1);
    CHECK(launches(other) == of_other);
  }
#endif
}

}  // namespace
}  // namespace uptake::tests
