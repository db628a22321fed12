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
struct Call {
  PlanRequest request;
  void* image;
  void* filters;
  void* result;
  void* bias;
  StreamHandle stream;

  bool to_image() const { return request.operation == Operation::backward_data; }
};

template <class P>
void* address(const P* p) {
  return const_cast<void*>(static_cast<const void*>(p));
}

// Bias and activation as kernels of their own, on what the convolution has written.
template <class T>
void run_epilogue(const Call<T>& call) {
  const Shape4 shape = call.to_image() ? call.request.geometry.x : call.request.geometry.y();
  const View<T> y{static_cast<T*>(call.to_image() ? call.image : call.result), shape.c};
  if (call.request.bias)
    add_bias<T>(y, static_cast<const float*>(call.bias), shape.pixels(), shape.c, call.stream);
  if (call.request.act.kind == Activation::none) return;
  const std::array outputs = {Output<T>{y, call.request.act}};
  pointwise_forward<T>(outputs, y, shape.pixels(), shape.c, Dropout{}, call.stream);
}

template <class T>
void run(const Candidate& candidate, const Call<T>& call, cudnnHandle_t handle) {
  const auto names = graph_tensors(call.request);
  const std::array<void*, 4> addresses = {call.image, call.filters, call.result, call.bias};
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
      throw CudaError(describe("cudnnBackendExecute of the " + to_string(call.request), status));
  }
  debug_synchronize(call.stream);
  if (candidate.apart) run_epilogue(call);
}

// Median over a few runs; the first one, which loads code, is not counted.
template <class T>
float milliseconds(const Candidate& candidate, const Call<T>& call, cudnnHandle_t handle) {
  constexpr std::size_t kRuns = 7;
  run(candidate, call, handle);
  std::array<float, kRuns> times{};
  Event start(Event::Timing::on), end(Event::Timing::on);
  for (float& time : times) {
    start.record(call.stream);
    run(candidate, call, handle);
    end.record(call.stream);
    end.wait();
    time = end.since(start);
  }
  std::nth_element(times.begin(), times.begin() + kRuns / 2, times.end());
  return times[kRuns / 2];
}

template <class T>
Candidate fastest(std::vector<Candidate> candidates, Call<T> call, cudnnHandle_t handle) {
  if (candidates.size() == 1) return std::move(candidates.front());
  // A gradient that is added to must not be added to here.
  std::optional<Scratch<T>> gradient;
  if (call.request.add) call.filters = gradient.emplace(call.request.geometry.filters.size()).data();
  std::size_t best = 0;
  float best_time = std::numeric_limits<float>::infinity();
  std::exception_ptr failure;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    try {  // some plans are found wanting only when they run
      if (const float time = milliseconds(candidates[i], call, handle); time < best_time) {
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
  const Candidate& of(const Call<T>& call, cudnnHandle_t handle) {
    const ConvOptions& options = conv_options();
    if (device_name_.empty()) device_name_ = device_info().name;
    const std::string key = cache_key(call.request, options, device_name_);
    if (const auto found = ready_.find(key); found != ready_.end()) return found->second;

    check_not_capturing(call);
    if (file_.path() != options.plan_cache) file_ = PlanFile(options.plan_cache);
    const Target target = Target::this_device(handle);
    if (const auto text = file_.find(key))
      if (auto restored = restore_candidate(call.request, options, target, *text))
        return ready_.emplace(key, std::move(*restored)).first->second;
    Candidate chosen = fastest(find_candidates(call.request, options, target), call, handle);
    file_.store(key, to_string(chosen));
    return ready_.emplace(key, std::move(chosen)).first->second;
  }

 private:
  template <class T>
  static void check_not_capturing(const Call<T>& call) {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    UPTAKE_CUDA_CHECK(cudaStreamIsCapturing(call.stream, &status));
    if (status != cudaStreamCaptureStatusNone)
      throw CudaError("cuDNN has not met the " + to_string(call.request) +
                      " before, and a plan cannot be made while the stream is captured: run the work once "
                      "before capturing it");
  }

  std::map<std::string, Candidate> ready_;  // never moves what it holds
  std::string device_name_;
  PlanFile file_;
};

bool is_aligned(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % kAlignment == 0; }

// The handle's lock guards the plans too.
template <class T>
void run(Call<T> call) {
  call.request.aligned =
      is_aligned(call.image) && is_aligned(call.filters) && is_aligned(call.result) && is_aligned(call.bias);
  const Handle handle(call.stream);
  run(Plans::of_process().of(call, handle), call, handle);
}

template <class T>
PlanRequest request_of(Operation operation, const ConvGeometry& geometry, const ConvEpilogue<T>& epilogue) {
  return {operation, geometry, kStorage<T>, epilogue.bias != nullptr, epilogue.act, false};
}

}  // namespace

template <class T>
void forward(const ConvGeometry& geometry, T* y, const T* x, const T* krsc, const ConvEpilogue<T>& epilogue,
             StreamHandle stream) {
  run(Call<T>{request_of(Operation::forward, geometry, epilogue), address(x), address(krsc), y,
              address(epilogue.bias), stream});
}

template <class T>
void backward_data(const ConvGeometry& geometry, T* dx, const T* dy, const T* krsc,
                   const ConvEpilogue<T>& epilogue, StreamHandle stream) {
  run(Call<T>{request_of(Operation::backward_data, geometry, epilogue), dx, address(krsc), address(dy),
              address(epilogue.bias), stream});
}

template <class T>
void backward_filters(const ConvGeometry& geometry, Accum<T>* dkrsc, Write write, const T* x, const T* dy,
                      StreamHandle stream) {
  PlanRequest request = request_of<T>(Operation::backward_filters, geometry, {});
  if constexpr (std::is_same_v<T, BFloat16>) {
    const std::int64_t count = geometry.filters.size();
    const Scratch<BFloat16> rounded(count);
    run(Call<T>{request, address(x), rounded.data(), address(dy), nullptr, stream});
    accumulate(dkrsc, write, rounded.data(), count, stream);
  } else {
    request.add = write == Write::add;
    run(Call<T>{request, address(x), dkrsc, address(dy), nullptr, stream});
  }
}

#define UPTAKE_INSTANTIATE(T)                                                                         \
  template void forward<T>(const ConvGeometry&, T*, const T*, const T*, const ConvEpilogue<T>&,       \
                           StreamHandle);                                                             \
  template void backward_data<T>(const ConvGeometry&, T*, const T*, const T*, const ConvEpilogue<T>&, \
                                 StreamHandle);                                                       \
  template void backward_filters<T>(const ConvGeometry&, float*, Write, const T*, const T*, StreamHandle);
UPTAKE_INSTANTIATE(float)
UPTAKE_INSTANTIATE(BFloat16)
#undef UPTAKE_INSTANTIATE

}  // namespace uptake::kernels::cuda::cudnn
