// Bias and activation inside cuDNN's convolution. What cuDNN brings compiled is checked in full; what it compiles
// itself needs the driver, of which the CUDA toolkit has a stand-in: with that, cuDNN compiles the kernel and fails
// only where it would load it onto the GPU.
#include <dlfcn.h>
#include <doctest/doctest.h>

#include <filesystem>

#include "kernels/conv/cudnn/conv_choice.h"
#include "kernels/conv/cudnn/conv_graph.h"
#include "tests/cudnn/described_gpu.h"

namespace uptake::tests {
namespace {

using namespace kernels::cuda::cudnn;
using Operation = kernels::ConvOperation;
using kernels::Act;
using kernels::Activation;
using kernels::ConvOptions;

constexpr Act kLeaky{Activation::leaky_relu, 0.2};

// The driver, or the toolkit's stand-in for it, beside the library that cudnnGetVersion is in.
bool driver_or_stand_in() {
  if (dlopen("libcuda.so.1", RTLD_LAZY) != nullptr) return true;
  Dl_info cudnn{};
  if (dladdr(reinterpret_cast<void*>(&cudnnGetVersion), &cudnn) == 0) return false;
  // "stubs" is what the toolkit calls that folder.
  const auto stand_in = std::filesystem::path(cudnn.dli_fname).parent_path() / "stubs" / "libcuda.so";
  return dlopen(stand_in.c_str(), RTLD_LAZY) != nullptr;
}

PlanRequest fused(Operation operation, Storage storage, bool bias, const Act& act, std::int64_t channels) {
  PlanRequest request;
  request.operation = operation;
  request.geometry = {{4, 64, 64, channels}, {64, channels, 4, 4, 2, 1}};
  request.storage = storage;
  request.bias = bias;
  request.act = act;
  return request;
}

}  // namespace

TEST_CASE("fused: float32 with a bias is one plan, without compiling, exact or with TF32") {
  const PlanRequest request = fused(Operation::forward, Storage::float32, true, {}, 8);
  for (const bool tf32 : {false, true}) {
    ConvOptions options;
    options.tf32 = tf32;
    const PlanReport report = describe_plan(request, options, h100_description());
    CHECK(report.fused);
    CHECK(report.deterministic);
    CHECK(report.exact == !tf32);
    CHECK_FALSE(report.runtime_compiled);
  }
}

TEST_CASE("fused: without autotune nothing is compiled, and no fallback is taken for the sake of fusion") {
  for (const Math& math : kMath)
    for (const Operation operation : {Operation::forward, Operation::backward_data})
      for (const Act& act : {kLeaky, Act{Activation::tanh}}) {
        const PlanRequest request = fused(operation, math.storage, true, act, 8);
        PlanRequest bare = request;
        bare.bias = false;
        bare.act = {};
        const PlanReport report = describe_plan(request, options_of(math), h100_description());
        CHECK_FALSE(report.fused);
        CHECK(report.choice == "apart " + describe_plan(bare, options_of(math), h100_description()).choice);
      }
}

TEST_CASE("fused: what cuDNN compiles for bias and activation is accepted up to loading it") {
  if (!driver_or_stand_in()) {
    MESSAGE("SKIPPED: neither a CUDA driver nor the toolkit's stand-in for it was found");
    return;
  }
  const Target target = Target::described(h100_description());

  // Where compiling is not allowed, it is not tried.
  std::string why_none;
  const PlanRequest leaky = fused(Operation::forward, Storage::bfloat16, true, kLeaky, 6);
  const PlanLimits limits{.fallbacks = false, .workspace_bytes = 1 << 20};
  CHECK(find_plans(operation_graph(leaky, target), target, limits, 1, &why_none).empty());
  CHECK(why_none.find("compiled at run time") != std::string::npos);
  CHECK(why_none.find("not supported") == std::string::npos);

  struct Case {
    PlanRequest request;
    const char* used_by;
  };
  for (const Case& c :
       {Case{fused(Operation::forward, Storage::bfloat16, true, kLeaky, 6), "discriminator"},
        Case{fused(Operation::forward, Storage::float32, true, kLeaky, 6), "discriminator"},
        Case{fused(Operation::backward_data, Storage::bfloat16, true, {}, 8), "U-Net's last"}}) {
    const std::string words = to_string(c.request) + ", " + c.used_by;
    CAPTURE(words);
    Descriptor heuristic(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    target.apply_to_heuristic(heuristic);
    heuristic.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, operation_graph(c.request, target))
        .set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_HEUR_MODE_A)
        .finalize();
    const auto configs =
        heuristic.descriptors(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    REQUIRE_FALSE(configs.empty());
    Descriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    target.apply_to_plan(plan);
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configs.front());
    std::string why_not;
    const bool loaded = plan.try_finalize(&why_not);
    CAPTURE(why_not);
    CHECK((loaded || why_not.find("cuLibraryLoadData") != std::string::npos));
  }
}

}  // namespace uptake::tests
