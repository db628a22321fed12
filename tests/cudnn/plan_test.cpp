// Every convolution of every network has a plan on an H100 that is deterministic, within the workspace cap and,
// in float32, exact. Proved without a GPU: cuDNN plans for the description of one.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>

#include "tests/cudnn/described_gpu.h"
#include "tests/cudnn/networks.h"

namespace uptake::tests {
namespace {

using namespace kernels::cuda::cudnn;
using Operation = kernels::ConvOperation;
using kernels::ConvOptions;
using kernels::cuda::CudaError;

constexpr Operation kOperations[] = {Operation::forward, Operation::backward_data,
                                     Operation::backward_filters};

// What training asks of one layer: its result with bias and activation, and its two gradients, the filters' one
// also added to what is there (which BFloat16 does after cuDNN).
std::vector<PlanRequest> requests_of(const Layer& layer, const Math& math) {
  std::vector<PlanRequest> requests;
  for (const Operation operation : kOperations) {
    PlanRequest& request = requests.emplace_back();
    request.operation = operation;
    request.geometry = layer.geometry;
    request.storage = math.storage;
    if (operation != (layer.transposed ? Operation::backward_data : Operation::forward)) continue;
    request.bias = layer.bias;
    request.act = layer.act;
  }
  if (math.storage == Storage::float32) requests.emplace_back(requests.back()).add = true;
  return requests;
}

PlanRequest example(Operation operation = Operation::forward, Storage storage = Storage::float32) {
  PlanRequest request;
  request.operation = operation;
  request.geometry = {{4, 64, 64, 128}, {256, 128, 4, 4, 2, 1}};
  request.storage = storage;
  return request;
}

std::string refusal(const PlanRequest& request, const ConvOptions& options) {
  try {
    describe_plan(request, options, h100_description());
  } catch (const CudaError& error) {
    return error.what();
  }
  return "";
}

// One line of the printed table.
struct Summary {
  int plans = 0, tensor_core = 0, generic = 0;  // generic: engine 0, cuDNN's last resort
  std::int64_t sum = 0, most = 0;
  std::set<std::int64_t> engines[3];
};

void print(const std::string& label, const Summary& s) {
  std::printf(
      "%-26s %4d plans, %4d on tensor cores, %2d generic, workspace %7.1f MB in all, %6.1f MB at most;",
      label.c_str(), s.plans, s.tensor_core, s.generic, static_cast<double>(s.sum) / 1e6,
      static_cast<double>(s.most) / 1e6);
  const char* names[] = {" forward", " data", " filters"};
  for (std::size_t i = 0; i < 3; ++i) {
    std::printf("%s", names[i]);
    for (const std::int64_t engine : s.engines[i]) std::printf(" %d", static_cast<int>(engine));
  }
  std::printf("\n");
}

}  // namespace

TEST_CASE("networks: the layers add up to the known sizes of the networks") {
  // The reference's counts of parameters, less normalisations and biases.
  const auto networks = all_networks(1, 3);
  const auto elements = [&](std::size_t i) { return networks[i].filter_elements(); };
  CHECK(networks[0].name == "unet_256");
  CHECK(elements(0) == 54413955 - 9856 - 3);
  CHECK(elements(1) == elements(0) - 3 * 512 * 512 * 16);  // one level less: a 512-to-512 and a 1024-to-512
  CHECK(elements(2) == 9 * 2 * 256 * 256 * 9 + 2 * (64 * 3 * 49 + 64 * 128 * 9 + 128 * 256 * 9));
  CHECK(elements(3) == 2768705 - 1792 - 65);
  CHECK(elements(4) == 6 * 64 + 64 * 128 + 128);

  const auto result = [&](std::size_t i) { return networks[i].layers.back().geometry; };
  CHECK(result(0).x == Shape4{1, 256, 256, 3});
  CHECK(result(2).y() == Shape4{1, 256, 256, 3});
  CHECK(result(3).y() == Shape4{1, 30, 30, 1});
  CHECK(result(4).y() == Shape4{1, 256, 256, 1});
}

TEST_CASE(
    "plans: every convolution of every network has one that is deterministic, exact in float32 and within "
    "the cap") {
  for (const Math& math : kMath) {
    const ConvOptions options = options_of(math);
    std::map<std::string, PlanReport> reports;  // by the request's words: networks share layers
    for (const std::int64_t n : {1, 4, 16, 64})
      for (const std::int64_t channels : {1, 3})
        for (const NetworkLayers& network : all_networks(n, channels)) {
          Summary summary;
          for (const Layer& layer : network.layers)
            for (const PlanRequest& request : requests_of(layer, math)) {
              const std::string words = to_string(request);
              CAPTURE(words);
              auto found = reports.find(words);
              if (found == reports.end()) {
                REQUIRE_NOTHROW(
                    found =
                        reports.emplace(words, describe_plan(request, options, h100_description())).first);
                const PlanReport& report = found->second;
                CHECK(report.deterministic);
                CHECK(report.workspace_bytes <= options.workspace_cap_bytes);
                CHECK_FALSE(report.runtime_compiled);
                if (math.storage == Storage::float32 && !math.tf32) {
                  CHECK_FALSE(report.tensor_core);
                  CHECK(report.exact);
                }
              }
              const PlanReport& report = found->second;
              ++summary.plans;
              summary.tensor_core += report.tensor_core;
              summary.generic += report.engine == 0;
              summary.sum += report.workspace_bytes;
              summary.most = std::max(summary.most, report.workspace_bytes);
              summary.engines[static_cast<int>(request.operation)].insert(report.engine);
            }
          if (channels == 3)
            print(std::string(math.name) + " " + network.name + " n=" + std::to_string(n), summary);
        }
  }
}

TEST_CASE("plans: the deterministic filter refuses what cuDNN would rather take") {
  ConvOptions any;
  any.deterministic = false;
  int refused = 0;
  for (const Math& math : kMath) {
    any.tf32 = math.tf32;
    for (const Layer& layer : unet(16, 8, 3).layers) {
      PlanRequest request;
      request.operation = Operation::backward_filters;
      request.geometry = layer.geometry;
      request.storage = math.storage;
      const PlanReport first = describe_plan(request, any, h100_description());
      if (first.deterministic) continue;
      ++refused;
      const PlanReport taken = describe_plan(request, options_of(math), h100_description());
      CHECK(taken.deterministic);
      CHECK(taken.choice != first.choice);
    }
  }
  CHECK(refused > 0);
}

TEST_CASE("plans: TF32 and BFloat16 use the tensor cores where the channels allow it") {
  for (const Operation operation : kOperations) {
    CHECK(describe_plan(example(operation), options_of(kMath[1]), h100_description()).tensor_core);
    CHECK(describe_plan(example(operation, Storage::bfloat16), {}, h100_description()).tensor_core);
    CHECK_FALSE(describe_plan(example(operation), {}, h100_description()).tensor_core);
  }
}

TEST_CASE("plans: for tensors that start anywhere there are plans too") {
  for (const Math& math : kMath)
    for (const Operation operation : kOperations)
      for (const std::int64_t channels : {3, 128}) {
        PlanRequest request = example(operation, math.storage);
        request.geometry.x.c = request.geometry.filters.c = channels;
        request.aligned = false;
        const PlanReport report = describe_plan(request, options_of(math), h100_description());
        CHECK(report.deterministic);
        CHECK((report.exact || math.tf32 || math.storage == Storage::bfloat16));
      }
}

TEST_CASE("plans: shapes that no network has are planned too") {
  for (const ConvGeometry& g :
       {ConvGeometry{{1, 1, 1, 1}, {1, 1, 1, 1, 1, 0}}, ConvGeometry{{2, 5, 7, 17}, {3, 17, 3, 5, 1, 2}},
        ConvGeometry{{1, 40, 41, 8}, {8, 8, 1, 1, 17, 0}}, ConvGeometry{{3, 13, 31, 6}, {40, 6, 3, 3, 3, 1}},
        ConvGeometry::transposed({2, 3, 2, 8}, {8, 16, 4, 4, 2, 1}, 1),
        ConvGeometry::transposed({1, 4, 3, 2}, {2, 3, 5, 5, 3, 1}, 2)})
    for (const Math& math : kMath)
      for (const Operation operation : kOperations) {
        PlanRequest request;
        request.operation = operation;
        request.geometry = g;
        request.storage = math.storage;
        const std::string words = to_string(request);
        CAPTURE(words);
        CHECK_NOTHROW(describe_plan(request, options_of(math), h100_description()));
      }
}

TEST_CASE("plans: the workspace cap changes the choice") {
  ConvOptions options;
  const PlanReport roomy = describe_plan(example(), options, h100_description());
  REQUIRE(roomy.workspace_bytes > 0);
  options.workspace_cap_bytes = roomy.workspace_bytes - 1;
  const PlanReport tight = describe_plan(example(), options, h100_description());
  CHECK(tight.workspace_bytes < roomy.workspace_bytes);
  CHECK(tight.choice != roomy.choice);
  options.workspace_cap_bytes = roomy.workspace_bytes;
  CHECK(describe_plan(example(), options, h100_description()).choice == roomy.choice);
}

TEST_CASE("plans: when nothing fits, the error says what was asked for and what stood in the way") {
  ConvOptions options;
  options.workspace_cap_bytes = -1;
  const std::string text = refusal(example(Operation::backward_filters), options);
  CAPTURE(text);
  for (const char* part : {"filter gradient", "float32", "[4,64,64,128]", "[256,128,4,4] stride 2 pad 1",
                           "[4,32,32,256]", "deterministic", "exact in float32", "workspace at most -1 bytes",
                           "cuDNN offered", "over the workspace cap"})
    CHECK(text.find(part) != std::string::npos);
}

TEST_CASE("plans: a device description that is no such thing is refused") {
  CHECK_THROWS_AS(describe_plan(example(), {}, ""), CudaError);
  CHECK_THROWS_AS(describe_plan(example(), {}, "{}"), CudaError);
  CHECK_THROWS_AS(describe_plan(example(), {}, "not JSON"), CudaError);
}

TEST_CASE("plans: words for a request name everything that makes it different") {
  PlanRequest request = example();
  std::set<std::string> words = {to_string(request)};
  request.bias = true;
  words.insert(to_string(request));
  request.act = {Activation::leaky_relu, 0.2};
  words.insert(to_string(request));
  request.act = {Activation::tanh};
  words.insert(to_string(request));
  request = example(Operation::backward_filters);
  words.insert(to_string(request));
  request.add = true;
  words.insert(to_string(request));
  request.aligned = false;
  words.insert(to_string(request));
  words.insert(to_string(example(Operation::backward_data)));
  words.insert(to_string(example(Operation::forward, Storage::bfloat16)));
  CHECK(words.size() == 9);
}

}  // namespace uptake::tests
