// Convolutions by cuDNN. Images are packed [n,h,w,c], filters packed [k,r,s,c], arithmetic is in float whatever
// the storage; float storage is exact unless ConvOptions::tf32 allows the tensor cores. Bias and activation are
// part of cuDNN's kernel where it offers that, else kernels of their own.
//
// cuDNN offers several plans for a convolution. The first one in its own order of preference is taken that obeys
// ConvOptions: deterministic, exact, workspace within the cap. With autotune the first few are timed and the
// fastest is taken; plans that fuse bias and activation by compiling a kernel, seconds for each, take part only
// then. A choice is kept for the process, and in the file ConvOptions::plan_cache for the next one; a file that
// cannot be read or written is no error.
// The first call for a geometry finds the plan, which a stream that is being captured does not allow: run a step
// once before capturing it.
//
// Throws CudaError: no plan fits (the text says what was asked and why not), a plan
// is missing while the stream captures, or cuDNN failed. Internal to kernels/.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "kernels/base/device.h"
#include "kernels/base/types.h"
#include "kernels/conv/conv.h"

namespace uptake::kernels::cuda::cudnn {

/// Everything but empty images and filters. T is float or BFloat16.
template <class T>
bool supports(const ConvCall<T>& call) {
  return !call.is_empty() && call.geometry.filters.size() > 0;
}

/// A gradient of BFloat16 filters is rounded to BFloat16 by cuDNN before it is assigned or added in float.
template <class T>
void run(const ConvCall<T>& call, const ConvOptions& options, StreamHandle stream);

enum class Storage { float32, bfloat16 };

/// One convolution to be planned.
struct PlanRequest {
  ConvOperation operation = ConvOperation::forward;
  ConvGeometry geometry;
  Storage storage = Storage::float32;
  bool bias = false;  // forward and backward_data, like act
  Act act;
  bool add = false;     // backward_filters: the gradient is added to what is there
  bool aligned = true;  // every tensor starts at a multiple of 16 bytes; else of its elements' size
  bool fused() const { return bias || act.kind != Activation::none; }
};

/// "forward convolution of float32 images [4,256,256,3] with filters [64,3,4,4] stride 2 pad 1, ...".
std::string to_string(const PlanRequest& request);

/// What a plan is, and how it was found.
struct PlanReport {
  std::int64_t engine = -1;  // cuDNN's number of the algorithm
  std::int64_t workspace_bytes = 0;
  bool deterministic = false;
  bool tensor_core = false;
  bool exact = false;             // sums of products in float: no rounding of inputs, no transforms
  bool runtime_compiled = false;  // cuDNN compiles it with NVRTC when it is built
  bool fused = false;             // bias and activation are in the plan, not in kernels that follow it
  std::string choice;             // engine and settings, as the plan cache stores them
};

/// The plan that the operations above would take first on the GPU described in `device_json`
/// (CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION). Needs no GPU. Throws CudaError where they would.
PlanReport describe_plan(const PlanRequest& request, const ConvOptions& options,
                         std::string_view device_json);

}  // namespace uptake::kernels::cuda::cudnn
