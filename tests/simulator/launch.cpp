// Launching: the limits of a device, the pointers among the arguments, statistics.
#include <map>
#include <sstream>

#include "simulator/runtime_api.h"
#include "tests/simulator/kernel_name.h"
#include "tests/simulator/runtime.h"
#include "tests/simulator/scheduler.h"

namespace uptake::sim {
namespace {

struct Kernel {
  std::size_t launches = 0, dynamic_limit = SharedMemory::kStaticLimit;
  /// Of variables and dynamic part together: opting in to more lifts it.
  std::size_t shared_limit() const {
    return dynamic_limit > SharedMemory::kStaticLimit ? SharedMemory::kLimit : SharedMemory::kStaticLimit;
  }
};
std::map<const void*, Kernel>& kernels() {
  static auto& table = *new std::map<const void*, Kernel>;
  return table;
}

std::string text(const dim3& v) {
  return std::to_string(v.x) + " x " + std::to_string(v.y) + " x " + std::to_string(v.z);
}

cudaError_t check_limits(const Launch& launch) {
  const dim3 &grid = launch.grid, &block = launch.block;
  const auto refuse = [&](cudaError_t code, const std::string& what) {
    return error(code, "kernel " + kernel_name(launch.kernel) + ": " + what);
  };
  const std::uint64_t threads = std::uint64_t{block.x} * block.y * block.z;
  if (threads == 0 || grid.x == 0 || grid.y == 0 || grid.z == 0)
    return refuse(cudaErrorInvalidConfiguration,
                  "a grid of " + text(grid) + " blocks of " + text(block) + " threads is empty");
  if (block.x > 1024 || block.y > 1024 || block.z > 64 || threads > 1024)
    return refuse(cudaErrorInvalidConfiguration,
                  "a block of " + text(block) + " threads, the limit is 1024 (and 64 in z)");
  if (grid.x > 2147483647u || grid.y > 65535 || grid.z > 65535)
    return refuse(cudaErrorInvalidConfiguration,
                  "a grid of " + text(grid) + " blocks, the limits are 2147483647 x 65535 x 65535");
  const std::size_t limit = kernels()[launch.kernel].dynamic_limit;
  if (launch.dynamic_bytes > limit)
    return refuse(cudaErrorInvalidValue,
                  std::to_string(launch.dynamic_bytes) + " bytes of dynamic shared memory, the limit is " +
                      std::to_string(limit) +
                      (limit == SharedMemory::kStaticLimit ? " (more needs cudaFuncSetAttribute)" : ""));
  return cudaSuccess;
}

/// Pointers of the host, and pointers to what was freed. A structure's word that only looks like an address is not
/// one of any memory.
void check_arguments(const Launch& launch) {
  for (const ArgumentWord& word : launch.words) {
    const auto* address = reinterpret_cast<const void*>(word.value);
    const Where where = memory().where(address);
    if (where == Where::device || address == nullptr) continue;
    const char* what = nullptr;
    if (where == Where::freed_device) what = "a pointer to freed device memory";
    if (where == Where::pinned) what = "a pointer to page-locked host memory";
    if (where == Where::elsewhere && readable(address)) what = "a host pointer";
    if (what == nullptr && word.pointer) what = "a pointer to no memory at all";
    if (what == nullptr) continue;
    std::ostringstream message;
    message << "kernel " << kernel_name(launch.kernel) << ": argument " << word.argument;
    if (word.pointer)
      message << " is " << what;
    else
      message << " contains " << what << " at byte " << word.offset;
    message << " (" << address << ", " << memory().describe(address) << ")";
    throw Failure(message.str());
  }
}

}  // namespace

cudaError_t enqueue_launch(cudaStream_t stream, Launch launch) {
  const Lock lock;
  Queue* const queue = queue_of(stream);
  if (queue == nullptr) return unknown_stream();
  if (const cudaError_t code = check_limits(launch); code != cudaSuccess) return code;
  check_arguments(launch);
  launch.shared_limit = kernels()[launch.kernel].shared_limit();
  run_pending([&] { queue->add([launch = std::move(launch)] { run_launch(launch); }); });
  return cudaSuccess;
}

void run_launch(const Launch& launch) {
  check_arguments(launch);
  ++kernels()[launch.kernel].launches;
  try {
    const DeviceAtWork at_work;
    scheduler().run(launch);
  } catch (...) {
    memory().damage();
    throw;
  }
  const std::string damage = memory().damage();
  if (!damage.empty()) throw Failure("kernel " + kernel_name(launch.kernel) + ": " + damage);
}

std::size_t launch_count() {
  const Lock lock;
  std::size_t count = 0;
  for (const auto& [address, kernel] : kernels()) count += kernel.launches;
  return count;
}

std::map<std::string, std::size_t> launches_by_kernel() {
  const Lock lock;
  std::map<std::string, std::size_t> counts;
  for (const auto& [address, kernel] : kernels())
    if (kernel.launches > 0) counts[kernel_name(address)] += kernel.launches;
  return counts;
}

void reset() {
  const Lock lock;
  queues().forget();
  forget_captures();
  forget_failure();
  queues().mode = Streams::eager;
  set_schedule(Schedule::forward);
  allow_early_return(false);
  memory().capacity = Memory::kDefaultCapacity;
  set_driver(CUDART_VERSION);
  for (auto& [address, kernel] : kernels()) kernel.launches = 0;
}

}  // namespace uptake::sim

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  using namespace uptake::sim;
  const Lock lock;
  if (attribute == cudaFuncAttributePreferredSharedMemoryCarveout) return cudaSuccess;
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize)
    return error(cudaErrorInvalidValue, "an attribute that the simulator does not know");
  if (value < 0 || static_cast<std::size_t>(value) > SharedMemory::kLimit)
    return error(cudaErrorInvalidValue, std::to_string(value) + " bytes of shared memory, the limit is " +
                                            std::to_string(SharedMemory::kLimit));
  kernels()[kernel].dynamic_limit = static_cast<std::size_t>(value);
  return cudaSuccess;
}
