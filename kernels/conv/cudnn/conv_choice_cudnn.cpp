#include "kernels/conv/cudnn/conv_choice.h"
#include "kernels/conv/cudnn/conv_graph.h"

namespace uptake::kernels::cuda::cudnn {
namespace {

// With autotune: enough to meet every algorithm that cuDNN thinks well of; of those it compiles only a few.
constexpr std::size_t kTimedPlans = 10;
constexpr std::size_t kTimedFusedPlans = 3;

constexpr std::string_view kApart = "apart ";

PlanRequest without_epilogue(PlanRequest request) {
  request.bias = false;
  request.act = {};
  return request;
}

PlanLimits limits_of(const PlanRequest& request, const ConvOptions& options) {
  return {
      .deterministic = options.deterministic,
      .exact = request.storage == Storage::float32 && !options.tf32,
      // A fused plan saves one pass over the result at best. Neither seconds of compilation nor a fallback
      // are worth that unseen.
      .runtime_compiled = request.fused() && options.autotune,
      .fallbacks = !request.fused(),
      .workspace_bytes = options.workspace_cap_bytes};
}

std::string describe(const ConvOptions& options, const PlanRequest& request) {
  std::string s = options.deterministic ? "deterministic" : "any order of sums";
  if (request.storage == Storage::float32) s += options.tf32 ? ", TF32 allowed" : ", exact in float32";
  return s + ", workspace at most " + std::to_string(options.workspace_cap_bytes) + " bytes";
}

}  // namespace

std::vector<Candidate> find_candidates(const PlanRequest& request, const ConvOptions& options,
                                       const Target& target) {
  std::vector<Candidate> candidates;
  if (request.fused()) {
    const std::size_t most = options.autotune ? kTimedFusedPlans : 1;
    for (Plan& plan : find_plans(operation_graph(request, target), target, limits_of(request, options), most))
      candidates.push_back({std::move(plan), false});
    if (!candidates.empty() && !options.autotune) return candidates;
  }
  const PlanRequest bare = without_epilogue(request);
  std::string why_none;
  for (Plan& plan : find_plans(operation_graph(bare, target), target, limits_of(bare, options),
                               options.autotune ? kTimedPlans : 1, &why_none))
    candidates.push_back({std::move(plan), request.fused()});
  if (candidates.empty())
    throw CudaError("cuDNN has no plan for the " + to_string(request) + ", asked for as " +
                    describe(options, request) + ": " + why_none);
  return candidates;
}

std::string to_string(const Candidate& candidate) {
  return (candidate.apart ? std::string(kApart) : std::string()) + to_string(candidate.plan.choice);
}

std::optional<Candidate> restore_candidate(const PlanRequest& request, const ConvOptions& options,
                                           const Target& target, std::string_view text) {
  const bool apart = text.starts_with(kApart);
  if (apart) text.remove_prefix(kApart.size());
  if (apart && !request.fused()) return std::nullopt;
  const auto choice = parse_choice(text);
  if (!choice) return std::nullopt;
  const PlanRequest planned = apart ? without_epilogue(request) : request;
  auto plan = rebuild_plan(operation_graph(planned, target), target, limits_of(planned, options), *choice);
  if (!plan) return std::nullopt;
  return Candidate{std::move(*plan), apart};
}

std::string cache_key(const PlanRequest& request, const ConvOptions& options,
                      const std::string& device_name) {
  std::string key = "cudnn " + std::to_string(cudnnGetVersion()) + "|" + device_name + "|" + key_of(request);
  if (request.storage == Storage::float32) key += options.tf32 ? "|tf32" : "|exact";
  key += options.deterministic ? "|deterministic" : "|any order";
  key += options.autotune ? "|timed" : "|first";
  return key + "|" + std::to_string(options.workspace_cap_bytes);
}

PlanReport describe_plan(const PlanRequest& request, const ConvOptions& options,
                         std::string_view device_json) {
  const auto candidates = find_candidates(request, options, Target::described(device_json));
  const Candidate& first = candidates.front();
  const Plan& plan = first.plan;
  return {.engine = plan.choice.engine,
          .workspace_bytes = plan.workspace_bytes,
          .deterministic = plan.deterministic,
          .tensor_core = plan.tensor_core,
          .exact = plan.exact,
          .runtime_compiled = plan.runtime_compiled,
          .fused = request.fused() && !first.apart,
          .choice = to_string(first)};
}

}  // namespace uptake::kernels::cuda::cudnn
