// Choosing among the ways cuDNN knows to run an operation graph. Internal to kernels/; only for files that are
// compiled in builds with cuDNN.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/conv/cudnn/cudnn_graph.h"

namespace uptake::kernels::cuda::cudnn {

/// An algorithm and its settings, enough to build the same plan again for the same graph.
struct EngineChoice {
  std::int64_t engine = -1;
  std::vector<std::pair<std::int64_t, std::int64_t>> settings;  // cuDNN's knobs and their values
  bool operator==(const EngineChoice&) const = default;
};
/// "57 2=11 14=3", and back; nothing for any other text.
std::string to_string(const EngineChoice& choice);
std::optional<EngineChoice> parse_choice(std::string_view text);

/// What a plan must obey.
struct PlanLimits {
  bool deterministic = true;
  bool exact = false;  // products and sums in float: no tensor core, no rounding of inputs, no transforms
  bool runtime_compiled = false;  // algorithms that cuDNN compiles when the plan is built (about a second)
  bool fallbacks = true;          // what cuDNN offers only so that there is something: it may be very slow
  std::int64_t workspace_bytes = 0;
};

/// A plan that was built, and so is supported.
struct Plan {
  Descriptor descriptor;
  EngineChoice choice;
  std::int64_t workspace_bytes = 0;
  bool deterministic = false, tensor_core = false, exact = false, runtime_compiled = false;
};

/// The first `most` plans within the limits, in cuDNN's order of preference: heuristic mode A, then, if asked
/// for, its list of fallbacks. When there is none, why_none says how many were refused for what.
std::vector<Plan> find_plans(const Descriptor& graph, const Target& target, const PlanLimits& limits,
                             std::size_t most, std::string* why_none = nullptr);

/// The plan of a choice made before, if cuDNN still builds it and it is within the limits.
std::optional<Plan> rebuild_plan(const Descriptor& graph, const Target& target, const PlanLimits& limits,
                                 const EngineChoice& choice);

/// The addresses of the graph's tensors, by name.
Descriptor variant_pack(std::span<const std::int64_t> names, std::span<void* const> addresses,
                        void* workspace);

}  // namespace uptake::kernels::cuda::cudnn
