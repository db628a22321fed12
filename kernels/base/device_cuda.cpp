#include "kernels/base/device.h"

#include <cstring>
#include <exception>

#include "kernels/base/check.h"

namespace uptake::kernels::cuda {
namespace {

// Destructors cannot report; a failure while the process ends has nobody to tell it to.
void ignore([[maybe_unused]] cudaError_t error) noexcept {}

constexpr int kOldestArchitecture = 80;

/// cudaErrorInsufficientDriver is what the runtime says without any driver, too.
std::string about_driver() {
  int driver = 0, runtime = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) return "this machine has no NVIDIA driver";
  ignore(cudaRuntimeGetVersion(&runtime));
  return "the NVIDIA driver is too old: it is for CUDA " + std::to_string(driver / 1000) + "." +
         std::to_string(driver % 1000 / 10) + ", this build needs one for CUDA " +
         std::to_string(runtime / 1000);
}

}  // namespace

bool built_with_cuda() { return true; }

bool built_with_cudnn() {
#ifdef UPTAKE_HAS_CUDNN
  return true;
#else
  return false;
#endif
}

std::string why_unavailable() {
  int count = 0;
  if (const cudaError_t error = cudaGetDeviceCount(&count); error != cudaSuccess) {
    cudaGetLastError();  // it would be reported by the next launch
    if (error == cudaErrorInsufficientDriver) return about_driver();
    return std::string("no GPU can be used: ") + cudaGetErrorString(error);
  }
  if (count == 0) return "this machine has no GPU";
  const DeviceInfo info = device_info();
  if (info.major * 10 + info.minor < kOldestArchitecture)
    return "the GPU (" + info.name + ") has compute capability " + std::to_string(info.major) + "." +
           std::to_string(info.minor) + ", this build needs 8.0 or newer";
  return "";
}

DeviceInfo device_info() {
  DeviceInfo info;
  int device = 0;
  UPTAKE_CUDA_CHECK(cudaGetDevice(&device));
  cudaDeviceProp properties;
  UPTAKE_CUDA_CHECK(cudaGetDeviceProperties(&properties, device));
  info.name = properties.name;
  info.major = properties.major;
  info.minor = properties.minor;
  return info;
}

Stream::Stream() { UPTAKE_CUDA_CHECK(cudaStreamCreateWithFlags(&handle_, cudaStreamNonBlocking)); }

Stream::~Stream() {
  if (handle_ != nullptr) ignore(cudaStreamDestroy(handle_));
}

StreamHandle compute_stream() {
  // Never destroyed: the driver may be gone before static objects are.
  static const auto* stream = new Stream;
  return *stream;
}

void synchronize(StreamHandle stream) { UPTAKE_CUDA_CHECK(cudaStreamSynchronize(stream)); }

Event::Event(Timing timing) {
  UPTAKE_CUDA_CHECK(
      cudaEventCreateWithFlags(&handle_, timing == Timing::on ? cudaEventDefault : cudaEventDisableTiming));
}

Event::~Event() {
  if (handle_ != nullptr) ignore(cudaEventDestroy(handle_));
}

void Event::record(StreamHandle stream) { UPTAKE_CUDA_CHECK(cudaEventRecord(handle_, stream)); }

bool Event::done() const {
  const cudaError_t error = cudaEventQuery(handle_);
  if (error == cudaErrorNotReady) return false;
  UPTAKE_CUDA_CHECK(error);
  return true;
}

void Event::wait() const { UPTAKE_CUDA_CHECK(cudaEventSynchronize(handle_)); }

void Event::make_wait(StreamHandle stream) const {
  UPTAKE_CUDA_CHECK(cudaStreamWaitEvent(stream, handle_, 0));
}

float Event::since(const Event& start) const {
  float milliseconds = 0;
  UPTAKE_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, start.handle_, handle_));
  return milliseconds;
}

std::byte* allocate_bytes(std::size_t bytes) {
  void* block = nullptr;
  if (bytes > 0) UPTAKE_CUDA_CHECK(cudaMalloc(&block, bytes));
  return static_cast<std::byte*>(block);
}

void release_bytes(std::byte* block) noexcept { ignore(cudaFree(block)); }

PinnedBuffer::PinnedBuffer(std::size_t bytes) : bytes_(bytes) {
  void* block = nullptr;
  if (bytes > 0) UPTAKE_CUDA_CHECK(cudaMallocHost(&block, bytes));
  data_ = static_cast<std::byte*>(block);
}

PinnedBuffer::~PinnedBuffer() {
  if (data_ != nullptr) ignore(cudaFreeHost(data_));
}

void copy_bytes(void* to, const void* from, std::size_t bytes, StreamHandle stream) {
  if (bytes == 0) return;
  UPTAKE_CUDA_CHECK(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, stream));
}

void set_bytes(void* to, int value, std::size_t bytes, StreamHandle stream) {
  if (bytes == 0) return;
  UPTAKE_CUDA_CHECK(cudaMemsetAsync(to, value, bytes, stream));
}

MemoryPool& device_memory() {
  static const MemorySource source{[](std::size_t bytes) { return allocate_bytes(bytes); },
                                   [](std::byte* block, std::size_t) { release_bytes(block); }, 256, false};
  static auto* pool = new MemoryPool(source);
  return *pool;
}

Graph Graph::capture(StreamHandle stream, const std::function<void()>& work) {
  // Thread-local: the loader's threads may go on using the driver meanwhile.
  UPTAKE_CUDA_CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  std::exception_ptr problem;
  try {
    work();
  } catch (...) {
    problem = std::current_exception();
  }
  cudaGraph_t recorded = nullptr;
  const cudaError_t error = cudaStreamEndCapture(stream, &recorded);
  if (problem) {
    if (recorded != nullptr) ignore(cudaGraphDestroy(recorded));
    cudaGetLastError();
    std::rethrow_exception(problem);
  }
  UPTAKE_CUDA_CHECK(error);
  Graph graph;
  const cudaError_t counted = cudaGraphGetNodes(recorded, nullptr, &graph.nodes_);
  const cudaError_t made = cudaGraphInstantiate(&graph.handle_, recorded, 0);
  ignore(cudaGraphDestroy(recorded));
  UPTAKE_CUDA_CHECK(counted);
  UPTAKE_CUDA_CHECK(made);
  return graph;
}

Graph::~Graph() {
  if (handle_ != nullptr) ignore(cudaGraphExecDestroy(handle_));
}

void Graph::launch(StreamHandle stream) const { UPTAKE_CUDA_CHECK(cudaGraphLaunch(handle_, stream)); }

}  // namespace uptake::kernels::cuda
