#include "kernels/conv/cudnn/conv_cudnn.h"

#include <algorithm>
#include <array>
#include <exception>
#include <limits>
#include <map>
#include <mutex>
#include <span>

#include "kernels/conv/cudnn/conv_choice.h"
#include "kernels/conv/cudnn/conv_graph.h"
#include "kernels/conv/cudnn/plan_file.h"
#include "kernels/detail/launch.cuh"
#include "kernels/elementwise.h"
#include "kernels/pointwise.h"

namespace uptake::kernels::cuda::cudnn {
namespace {

template <class T>
inline constexpr Storage kStorage = Storage::float32;
template <>
inline constexpr Storage kStorage<BFloat16> = Storage::bfloat16;

// A request with its memory. cuDNN takes all addresses as void*; it writes only what the operation assigns.
template <class T>
struct Work {
  PlanRequest request;
  void* image;
  void* filters;
  void* result;
  void* bias;
  StreamHandle stream;

  bool to_image() const { return request.operation == ConvOperation::backward_data; }
};

template <class P>
void* address(const P* p) {
  return const_cast<void*>(static_cast<const void*>(p));
}

// Bias and activation as kernels of their own, on what the convolution has written.
template <class T>
void run_epilogue(const Work<T>& work) {
  const Shape4 shape = work.to_image() ? work.request.geometry.x : work.request.geometry.y();
  const View<T> y{static_cast<T*>(work.to_image() ? work.image : work.result), shape.c};
  if (work.request.bias)
    add_bias<T>(y, static_cast<const float*>(work.bias), shape.pixels(), shape.c, work.stream);
  if (work.request.act.kind == Activation::none) return;
  const std::array outputs = {Output<T>{y, work.request.act}};
  pointwise_forward<T>(outputs, y, shape.pixels(), shape.c, Dropout{}, work.stream);
}

template <class T>
void run(const Candidate& candidate, const Work<T>& work, cudnnHandle_t handle) {
  const auto names = graph_tensors(work.request);
  const std::array<void*, 4> addresses = {work.image, work.filters, work.result, work.bias};
  // A bias that is added apart is no tensor of the graph.
  const std::size_t count = candidate.apart ? 3 : names.size();
  {
    const Plan& plan = candidate.plan;
    std::optional<Scratch<std::byte>> workspace;
    if (plan.workspace_bytes > 0) workspace.emplace(plan.workspace_bytes);
    const Descriptor pack = variant_pack(std::span(names).first(count), std::span(addresses).first(count),
                                         workspace ? workspace->data() : nullptr);
    const cudnnStatus_t status = cudnnBackendExecute(handle, plan.descriptor.get(), pack.get());
    if (status != CUDNN_STATUS_SUCCESS)
      throw CudaError(describe("cudnnBackendExecute of the " + to_string(work.request), status));
  }
  debug_synchronize(work.stream);
  if (candidate.apart) run_epilogue(work);
}

// Median over a few runs; the first one, which loads code, is not counted.
template <class T>
float milliseconds(const Candidate& candidate, const Work<T>& work, cudnnHandle_t handle) {
  constexpr std::size_t kRuns = 7;
  run(candidate, work, handle);
  std::array<float, kRuns> times{};
  Event start(Event::Timing::on), end(Event::Timing::on);
  for (float& time : times) {
    start.record(work.stream);
    run(candidate, work, handle);
    end.record(work.stream);
    end.wait();
    time = end.since(start);
  }
  std::nth_element(times.begin(), times.begin() + kRuns / 2, times.end());
  return times[kRuns / 2];
}

template <class T>
Candidate fastest(std::vector<Candidate> candidates, Work<T> work, cudnnHandle_t handle) {
  if (candidates.size() == 1) return std::move(candidates.front());
  // A gradient that is added to must not be added to here.
  std::optional<Scratch<T>> gradient;
  if (work.request.add) work.filters = gradient.emplace(work.request.geometry.filters.size()).data();
  std::size_t best = 0;
  float best_time = std::numeric_limits<float>::infinity();
  std::exception_ptr failure;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    try {  // some plans are found wanting only when they run
      if (const float time = milliseconds(candidates[i], work, handle); time < best_time) {
        best = i;
        best_time = time;
      }
    } catch (const CudaError&) {
      failure = std::current_exception();
    }
  }
  if (best_time == std::numeric_limits<float>::infinity() && failure) std::rethrow_exception(failure);
  return std::move(candidates[best]);
}

// The plans of this process, and the file that keeps their choices for the next one.
class Plans {
 public:
  static Plans& of_process() {
    // Never destroyed: at the end of the process cuDNN may be gone before it.
    static auto* const plans = new Plans;
    return *plans;
  }

  template <class T>
  const Candidate& of(const Work<T>& work, const ConvOptions& options, cudnnHandle_t handle) {
    if (device_name_.empty()) device_name_ = device_info().name;
    const std::string key = cache_key(work.request, options, device_name_);
    if (const auto found = ready_.find(key); found != ready_.end()) return found->second;

    check_not_capturing(work);
    if (file_.path() != options.plan_cache) file_ = PlanFile(options.plan_cache);
    const Target target = Target::this_device(handle);
    if (const auto text = file_.find(key))
      if (auto restored = restore_candidate(work.request, options, target, *text))
        return ready_.emplace(key, std::move(*restored)).first->second;
    Candidate chosen = fastest(find_candidates(work.request, options, target), work, handle);
    file_.store(key, to_string(chosen));
    return ready_.emplace(key, std::move(chosen)).first->second;
  }

 private:
  template <class T>
  static void check_not_capturing(const Work<T>& work) {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    UPTAKE_CUDA_CHECK(cudaStreamIsCapturing(work.stream, &status));
    if (status != cudaStreamCaptureStatusNone)
      throw CudaError("cuDNN has not met the " + to_string(work.request) +
                      " before, and a plan cannot be made while the stream is captured: run the work once "
                      "before capturing it");
  }

  std::map<std::string, Candidate> ready_;  // never moves what it holds
  std::string device_name_;
  PlanFile file_;
};

// The handle's lock guards the plans too.
template <class T>
void run(Work<T> work, const ConvOptions& options) {
  work.request.aligned = true;
  for (const void* p : {work.image, work.filters, work.result, work.bias})
    work.request.aligned = work.request.aligned && is_aligned(p, kAlignment);
  const Handle handle(work.stream);
  run(Plans::of_process().of(work, options, handle), work, handle);
}

}  // namespace

template <class T>
void run(const ConvCall<T>& call, const ConvOptions& options, StreamHandle stream) {
  const bool of_filters = call.operation == ConvOperation::backward_filters;
  Work<T> work{{call.operation, call.geometry, kStorage<T>, call.epilogue.bias != nullptr, call.epilogue.act},
               call.image,
               of_filters ? call.filter_gradient : address(call.filters.krsc),
               call.result,
               address(call.epilogue.bias),
               stream};
  if constexpr (std::is_same_v<T, BFloat16>) {
    if (of_filters) {
      const std::int64_t count = call.geometry.filters.size();
      const Scratch<BFloat16> rounded(count);
      work.filters = rounded.data();
      run(work, options);
      return accumulate(call.filter_gradient, call.write, rounded.data(), count, stream);
    }
  } else {
    work.request.add = of_filters && call.write == Write::add;
  }
  run(work, options);
}

template void run(const ConvCall<float>&, const ConvOptions&, StreamHandle);
template void run(const ConvCall<BFloat16>&, const ConvOptions&, StreamHandle);

}  // namespace uptake::kernels::cuda::cudnn
