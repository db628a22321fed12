// Which plan a convolution runs: chosen from cuDNN's candidates, or as it was chosen before. Internal to
// kernels/; only for files that are compiled in builds with cuDNN.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/conv/cudnn/conv_cudnn.h"
#include "kernels/conv/cudnn/cudnn_plan.h"

namespace uptake::kernels::cuda::cudnn {

/// A way to do what a request asks for.
struct Candidate {
  Plan plan;
  bool apart = false;  // the plan is the bare convolution: bias and activation follow as kernels of their own
};

/// Candidates that obey the options, the preferred one first: with autotune several to be timed, else one.
/// Throws CudaError, naming request and reasons, when there is none.
std::vector<Candidate> find_candidates(const PlanRequest& request, const ConvOptions& options,
                                       const Target& target);

/// A candidate as text for the plan cache, and the candidate of such a text: nothing when the text is damaged, or
/// names a plan that cuDNN does not build or the options do not allow.
std::string to_string(const Candidate& candidate);
std::optional<Candidate> restore_candidate(const PlanRequest& request, const ConvOptions& options,
                                           const Target& target, std::string_view text);

/// A text that differs where the choice may: cuDNN's version, the device, the request, the options.
std::string cache_key(const PlanRequest& request, const ConvOptions& options, const std::string& device_name);

}  // namespace uptake::kernels::cuda::cudnn
