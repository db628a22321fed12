#include <algorithm>
#include <charconv>

#include "kernels/conv/cudnn/cudnn_plan.h"

namespace uptake::kernels::cuda::cudnn {
namespace {

// The engine that does everything, slowly: cuDNN's last resort in every list.
constexpr std::int64_t kGenericEngine = 0;

template <class Note>
bool has(const std::vector<Note>& notes, std::initializer_list<Note> any) {
  return std::any_of(any.begin(), any.end(),
                     [&](Note note) { return std::find(notes.begin(), notes.end(), note) != notes.end(); });
}

// What cuDNN tells of an engine before a plan is built.
void read_notes(Plan& plan, const Descriptor& engine) {
  const auto notes = engine.list<cudnnBackendNumericalNote_t>(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE);
  const auto behavior = engine.list<cudnnBackendBehaviorNote_t>(CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE);
  plan.deterministic = !has(notes, {CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC});
  plan.tensor_core = has(notes, {CUDNN_NUMERICAL_NOTE_TENSOR_CORE});
  plan.exact =
      !plan.tensor_core &&
      !has(notes,
           {CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS, CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION,
            CUDNN_NUMERICAL_NOTE_FFT, CUDNN_NUMERICAL_NOTE_WINOGRAD, CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_4x4,
            CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_6x6, CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_13x13});
  plan.runtime_compiled = has(behavior, {CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION});
}

EngineChoice read_choice(const Descriptor& config, const Descriptor& engine) {
  EngineChoice choice{engine.value<std::int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX), {}};
  for (const Descriptor& knob : config.descriptors(
           CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, CUDNN_KNOB_TYPE_COUNTS))
    choice.settings.emplace_back(
        static_cast<std::int64_t>(knob.value<cudnnBackendKnobType_t>(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE)),
        knob.value<std::int64_t>(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE));
  return choice;
}

// How many candidates were refused for what.
struct Refusals {
  int offered = 0, nondeterministic = 0, inexact = 0, compiled = 0, generic = 0, unsupported = 0,
      too_large = 0;
  std::int64_t least_workspace = -1;  // of those too large
  std::string last_error;

  std::string text() const {
    std::string s = "cuDNN offered " + std::to_string(offered) + " plans";
    if (offered == 0 && !last_error.empty()) s += " (" + last_error + ")";
    const auto add = [&](int count, const std::string& what) {
      if (count > 0) s += ", " + std::to_string(count) + " " + what;
    };
    add(nondeterministic, "not deterministic");
    add(inexact, "not exact in float32");
    add(compiled, "compiled at run time");
    add(generic, "a fallback");
    add(too_large, "over the workspace cap (the least wants " + std::to_string(least_workspace) + " bytes)");
    add(unsupported, "not supported (the last: " + last_error + ")");
    return s;
  }
};

// The plan of an engine configuration, if it is within the limits. What the engine tells of itself is looked at
// before the plan is built, which may take a second.
std::optional<Plan> build(const Descriptor& config, const Target& target, const PlanLimits& limits,
                          Refusals& refusals) {
  ++refusals.offered;
  const auto engines = config.descriptors(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_BACKEND_ENGINE_DESCRIPTOR, 1);
  if (engines.empty()) throw CudaError("cuDNN: an engine configuration without an engine");
  Plan plan{Descriptor(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR), {}};
  read_notes(plan, engines.front());
  const auto refuse = [](int& count) {
    ++count;
    return std::nullopt;
  };
  if (limits.deterministic && !plan.deterministic) return refuse(refusals.nondeterministic);
  if (limits.exact && !plan.exact) return refuse(refusals.inexact);
  if (!limits.runtime_compiled && plan.runtime_compiled) return refuse(refusals.compiled);
  plan.choice = read_choice(config, engines.front());
  if (!limits.fallbacks && plan.choice.engine == kGenericEngine) return refuse(refusals.generic);

  target.apply_to_plan(plan.descriptor);
  plan.descriptor.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
  if (!plan.descriptor.try_finalize(&refusals.last_error)) return refuse(refusals.unsupported);
  plan.workspace_bytes = plan.descriptor.value<std::int64_t>(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
  if (plan.workspace_bytes > limits.workspace_bytes) {
    if (refusals.too_large == 0 || plan.workspace_bytes < refusals.least_workspace)
      refusals.least_workspace = plan.workspace_bytes;
    return refuse(refusals.too_large);
  }
  return plan;
}

// Configurations in order of preference; none when the heuristic has nothing to say about the graph.
std::vector<Descriptor> configurations(const Descriptor& graph, const Target& target,
                                       cudnnBackendHeurMode_t mode, std::string& why_not) {
  Descriptor heuristic(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  target.apply_to_heuristic(heuristic);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph).set(CUDNN_ATTR_ENGINEHEUR_MODE, mode);
  if (!heuristic.try_finalize(&why_not)) return {};
  return heuristic.descriptors(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
}

bool read_number(std::string_view& text, std::int64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool skip(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string to_string(const EngineChoice& choice) {
  std::string s = std::to_string(choice.engine);
  for (const auto& [knob, value] : choice.settings)
    s += " " + std::to_string(knob) + "=" + std::to_string(value);
  return s;
}

std::optional<EngineChoice> parse_choice(std::string_view text) {
  EngineChoice choice;
  if (!read_number(text, choice.engine) || choice.engine < 0) return std::nullopt;
  while (!text.empty()) {
    auto& [knob, value] = choice.settings.emplace_back();
    if (!skip(text, ' ') || !read_number(text, knob) || !skip(text, '=') || !read_number(text, value))
      return std::nullopt;
    if (knob < 0 || knob >= CUDNN_KNOB_TYPE_COUNTS) return std::nullopt;
  }
  return choice;
}

std::vector<Plan> find_plans(const Descriptor& graph, const Target& target, const PlanLimits& limits,
                             std::size_t most, std::string* why_none) {
  std::vector<Plan> plans;
  Refusals refusals;
  for (const auto mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    if (plans.size() >= most || (mode == CUDNN_HEUR_MODE_FALLBACK && !limits.fallbacks)) break;
    for (const Descriptor& config : configurations(graph, target, mode, refusals.last_error)) {
      if (plans.size() >= most) break;
      auto plan = build(config, target, limits, refusals);
      if (!plan) continue;
      // The fallbacks repeat some of mode A.
      const bool known = std::any_of(plans.begin(), plans.end(),
                                     [&](const Plan& other) { return other.choice == plan->choice; });
      if (!known) plans.push_back(std::move(*plan));
    }
  }
  if (plans.empty() && why_none != nullptr) *why_none = refusals.text();
  return plans;
}

std::optional<Plan> rebuild_plan(const Descriptor& graph, const Target& target, const PlanLimits& limits,
                                 const EngineChoice& choice) {
  Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  target.apply_to_engine(engine);
  try {
    engine.set(CUDNN_ATTR_ENGINE_OPERATION_GRAPH, graph).set(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, choice.engine);
    if (!engine.try_finalize()) return std::nullopt;
    std::vector<Descriptor> knobs;
    for (const auto& [knob, value] : choice.settings)
      knobs.emplace_back(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR)
          .set(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, static_cast<cudnnBackendKnobType_t>(knob))
          .set(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, value)
          .finalize();
    Descriptor config(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    config.set(CUDNN_ATTR_ENGINECFG_ENGINE, engine);
    if (!knobs.empty()) config.set_all(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, knobs);
    if (!config.try_finalize()) return std::nullopt;
    Refusals refusals;
    return build(config, target, limits, refusals);
  } catch (const CudaError&) {
    return std::nullopt;  // a setting that this cuDNN does not know
  }
}

Descriptor variant_pack(std::span<const std::int64_t> names, std::span<void* const> addresses,
                        void* workspace) {
  Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set_all(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, names)
      .set_all(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, addresses)
      .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, workspace)
      .finalize();
  return pack;
}

}  // namespace uptake::kernels::cuda::cudnn
