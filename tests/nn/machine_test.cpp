#include "nn/machine.h"

#include <algorithm>
#include <sstream>

#include "kernels/base/device.h"
#include "kernels/base/memory.h"
#include "nn/layers.h"
#include "nn/option_error.h"
#include "tests/support/tensors.h"

namespace uptake::tests {
namespace {

using namespace nn;

// The option an error is about and its sentence, or nothing.
std::pair<std::string, std::string> refusal(const MachineOptions& options) {
  std::ostringstream note;
  try {
    choose_machine(options, note);
  } catch (const OptionError& e) {
    return {e.option(), e.what()};
  }
  return {};
}

TEST_CASE("machine: what the CPU does not know is refused by the option's name") {
  for (const Precision precision : {Precision::tf32, Precision::bf16}) {
    const auto [option, text] = refusal({.device = DeviceChoice::cpu, .precision = precision});
    CHECK(option == "precision");
    CHECK_MESSAGE(text.find(name_of(precision)) != std::string::npos, text);
    CHECK_MESSAGE(text.find("--") == std::string::npos, text);
  }
  const auto [option, text] = refusal({.device = DeviceChoice::cpu, .conv = "mine"});
  CHECK(option == "conv");
  for (const std::string& name : conv_names()) CHECK_MESSAGE(text.find(name) != std::string::npos, text);
  if (!kernels::cuda::why_unavailable().empty())
    CHECK(refusal({.device = DeviceChoice::cuda}).first == "device");
}

TEST_CASE("machine: an algorithm is for one device") {
  for (const std::string& name : conv_names()) {
    INFO(name);
    const auto mine = kernels::cpu::conv_algorithms();
    const bool known = name == "auto" || std::ranges::find(mine, name) != mine.end();
    CHECK(refusal({.device = DeviceChoice::cpu, .conv = name}).first == (known ? "" : "conv"));
  }
  std::ostringstream note;
  CHECK(choose_machine({.device = DeviceChoice::cpu, .conv = "plain"}, note).conv.algorithm == "plain");
  CHECK(note.str().empty());
}

struct Net {
  ParameterStore store;
  Conv2d conv{store, "conv", {.in = 64, .out = 32}};

  explicit Net(const Machine& machine) : store(machine) {
    store.allocate();
    store.from_plain(store.parameters().front(), store.values(),
                     random_tensor({1, 1, 1, 32 * 64 * 16}, DType::f32, 1, -1, 1));
    store.changed();
  }
  std::vector<double> operator()(const Tensor& x) const { return values_of(conv.forward(Var(x)).value()); }
};

TEST_CASE("machine: networks of one process compute their convolutions each in its own way") {
  if (kernels::cpu::conv_algorithms().front() != "onednn") return;
  const Tensor x = random_tensor({1, 16, 16, 64}, DType::f32, 2, -1, 1);
  const auto by = [](const char* algorithm) {
    Machine machine;
    machine.conv.algorithm = algorithm;
    return machine;
  };
  const std::vector<double> library = Net(by("onednn"))(x), loops = Net(by("plain"))(x);
  CHECK(distance(library, loops) < 1e-5);
  const Net one(by("onednn")), other(by("plain")), either(by("auto"));
  // The library keeps the filters as it likes them, loops keep nothing.
  const auto kept_bytes = [&](const Net& net) {
    const auto in_use = [] { return kernels::host_memory().statistics().in_use_bytes; };
    const std::int64_t before = in_use();
    net(x);
    return in_use() - before;
  };
  CHECK(kept_bytes(other) == 0);
  CHECK(kept_bytes(one) >= 32 * 64 * 16 * std::int64_t{sizeof(float)});
  for (int time = 0; time < 2; ++time) {
    CHECK(one(x) == library);
    CHECK(other(x) == loops);
    CHECK(either(x) == library);
  }
}

}  // namespace
}  // namespace uptake::tests
