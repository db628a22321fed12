// Errors, the device's properties, the control functions of simulator.h.
#include "tests/simulator/runtime.h"

#include <atomic>
#include <cstring>

#include "simulator/runtime_api.h"
#include "tests/simulator/scheduler.h"

namespace uptake::sim {
namespace {

struct LastError {
  cudaError_t code = cudaSuccess, described = cudaSuccess;
  std::string what, text;
};
LastError& last_error() {
  static thread_local LastError last;
  return last;
}

std::atomic<int> driver_version{CUDART_VERSION};

std::exception_ptr& kept_failure() {
  static std::exception_ptr& kept = *new std::exception_ptr;
  return kept;
}

struct ErrorText {
  cudaError_t code;
  const char *name, *meaning;
};
constexpr ErrorText kErrors[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration", "invalid configuration argument"},
    {cudaErrorInvalidMemcpyDirection, "cudaErrorInvalidMemcpyDirection", "invalid copy direction for memcpy"},
    {cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver",
     "CUDA driver version is insufficient for CUDA runtime version"},
    {cudaErrorInvalidDeviceFunction, "cudaErrorInvalidDeviceFunction", "invalid device function"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorIllegalState, "cudaErrorIllegalState",
     "the operation cannot be performed in the present state"},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    {cudaErrorIllegalAddress, "cudaErrorIllegalAddress", "an illegal memory access was encountered"},
    {cudaErrorLaunchOutOfResources, "cudaErrorLaunchOutOfResources",
     "too many resources requested for launch"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {cudaErrorNotSupported, "cudaErrorNotSupported", "operation not supported"},
    {cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported",
     "operation not permitted when stream is capturing"},
    {cudaErrorStreamCaptureInvalidated, "cudaErrorStreamCaptureInvalidated",
     "operation failed due to a previous error during capture"},
    {cudaErrorStreamCaptureMerge, "cudaErrorStreamCaptureMerge",
     "operation would result in a merge of separate capture sequences"},
    {cudaErrorStreamCaptureUnmatched, "cudaErrorStreamCaptureUnmatched",
     "capture was not ended in the same stream as it began"},
    {cudaErrorStreamCaptureUnjoined, "cudaErrorStreamCaptureUnjoined", "capturing stream has unjoined work"},
    {cudaErrorStreamCaptureIsolation, "cudaErrorStreamCaptureIsolation",
     "dependency created on uncaptured work in another stream"},
    {cudaErrorStreamCaptureImplicit, "cudaErrorStreamCaptureImplicit",
     "operation would make the legacy stream depend on a capturing blocking stream"},
    {cudaErrorCapturedEvent, "cudaErrorCapturedEvent",
     "operation not permitted on an event last recorded in a capturing stream"},
    {cudaErrorStreamCaptureWrongThread, "cudaErrorStreamCaptureWrongThread",
     "attempt to terminate a thread-local capture sequence from another thread"},
};

const ErrorText& text_of(cudaError_t code) {
  static constexpr ErrorText kUnknown{cudaErrorUnknown, "cudaErrorUnknown", "unknown error"};
  for (const ErrorText& known : kErrors)
    if (known.code == code) return known;
  return kUnknown;
}

}  // namespace

std::recursive_mutex& Lock::mutex() {
  static std::recursive_mutex& instance = *new std::recursive_mutex;
  return instance;
}

cudaError_t error(cudaError_t code, const std::string& what) {
  LastError& last = last_error();
  last.code = last.described = code;
  last.what = what;
  return code;
}

void run_pending(const Work& work) {
  if (const std::exception_ptr kept = std::exchange(kept_failure(), nullptr)) std::rethrow_exception(kept);
  try {
    work();
  } catch (...) {
    queues().forget();
    throw;
  }
}

void run_pending_quietly(const Work& work) {
  try {
    work();
  } catch (...) {
    queues().forget();
    kept_failure() = std::current_exception();
  }
}

const char* name(Schedule schedule) {
  switch (schedule) {
    case Schedule::forward:
      return "forward";
    case Schedule::reverse:
      return "reverse";
    case Schedule::shuffled:
      return "shuffled";
    case Schedule::warp_greedy:
      return "warp_greedy";
    case Schedule::reverse_greedy:
      return "reverse_greedy";
  }
  return "?";
}

void set_schedule(Schedule schedule, std::uint64_t seed) {
  const Lock lock;
  scheduler().schedule = schedule;
  scheduler().seed = seed;
}

void set_streams(Streams streams) {
  const Lock lock;
  run_pending([] { queues().run_all(); });
  queues().mode = streams;
}

void allow_early_return(bool allowed) {
  const Lock lock;
  scheduler().allow_early_return = allowed;
}

Allocations live_allocations() {
  const Lock lock;
  return memory().live();
}

void set_driver(int version) { driver_version = version; }

void set_device_memory(std::size_t bytes) {
  const Lock lock;
  memory().capacity = bytes;
}

void forget_failure() { kept_failure() = nullptr; }

}  // namespace uptake::sim

using namespace uptake::sim;

const char* cudaGetErrorName(cudaError_t code) { return text_of(code).name; }

const char* cudaGetErrorString(cudaError_t code) {
  LastError& last = last_error();
  if (code == cudaSuccess || code != last.described) return text_of(code).meaning;
  last.text = std::string(text_of(code).meaning) + ": " + last.what;
  return last.text.c_str();
}

cudaError_t cudaGetLastError() { return std::exchange(last_error().code, cudaSuccess); }
cudaError_t cudaPeekAtLastError() { return last_error().code; }

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 0;
  if (driver_version < CUDART_VERSION / 1000 * 1000)
    return error(cudaErrorInsufficientDriver, "by sim::set_driver");
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  return device == 0 ? cudaSuccess : error(cudaErrorInvalidDevice, "there is only device 0");
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device != 0) return error(cudaErrorInvalidDevice, "there is only device 0");
  *properties = {};
  std::strcpy(properties->name, "simulator");
  properties->totalGlobalMem = memory().capacity;
  properties->sharedMemPerBlock = SharedMemory::kStaticLimit;
  properties->sharedMemPerBlockOptin = SharedMemory::kLimit;
  properties->sharedMemPerMultiprocessor = SharedMemory::kLimit + 1024;
  properties->regsPerBlock = 65536;
  properties->warpSize = 32;
  properties->maxThreadsPerBlock = 1024;
  properties->maxThreadsDim[0] = properties->maxThreadsDim[1] = 1024;
  properties->maxThreadsDim[2] = 64;
  properties->maxGridSize[0] = 2147483647;
  properties->maxGridSize[1] = properties->maxGridSize[2] = 65535;
  properties->major = 9;
  properties->multiProcessorCount = 4;
  properties->maxThreadsPerMultiProcessor = 2048;
  properties->memoryBusWidth = 64;
  properties->l2CacheSize = 1 << 20;
  properties->unifiedAddressing = properties->concurrentKernels = properties->asyncEngineCount = 1;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  cudaDeviceProp properties;
  if (const cudaError_t code = cudaGetDeviceProperties(&properties, device); code != cudaSuccess) return code;
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
      *value = properties.maxThreadsPerBlock;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      *value = static_cast<int>(properties.sharedMemPerBlock);
      break;
    case cudaDevAttrWarpSize:
      *value = properties.warpSize;
      break;
    case cudaDevAttrClockRate:
    case cudaDevAttrMemoryClockRate:
      *value = 1000000;
      break;
    case cudaDevAttrMultiProcessorCount:
      *value = properties.multiProcessorCount;
      break;
    case cudaDevAttrL2CacheSize:
      *value = properties.l2CacheSize;
      break;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      *value = properties.maxThreadsPerMultiProcessor;
      break;
    case cudaDevAttrComputeCapabilityMajor:
      *value = properties.major;
      break;
    case cudaDevAttrComputeCapabilityMinor:
      *value = properties.minor;
      break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      *value = static_cast<int>(properties.sharedMemPerMultiprocessor);
      break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = static_cast<int>(properties.sharedMemPerBlockOptin);
      break;
    default:
      return error(cudaErrorInvalidValue, "an attribute that the simulator does not know");
  }
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = driver_version;
  return cudaSuccess;
}
