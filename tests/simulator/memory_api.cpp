// The runtime functions on memory: allocation, copies, fills.
#include <cstring>

#include "simulator/runtime_api.h"
#include "tests/simulator/runtime.h"

using namespace uptake::sim;

namespace {

struct Side {
  const void* address;
  Where where;
  bool on_device() const { return where == Where::device; }
  bool pageable() const { return where == Where::elsewhere; }
};

/// Empty when [side, side + bytes) may be copied.
std::string complaint(const Side& side, std::size_t bytes, const char* role) {
  if (side.address == nullptr) return std::string(role) + " is null";
  if (side.where == Where::freed_device) return std::string(role) + " is " + memory().describe(side.address);
  if (side.pageable() || memory().in_one_allocation(side.address, bytes)) return {};
  return std::string(role) + ": " + std::to_string(bytes) + " bytes from " + memory().describe(side.address) +
         " reach beyond it";
}

cudaError_t check_copy(const Side& to, const Side& from, std::size_t bytes, cudaMemcpyKind kind) {
  for (const auto& text : {complaint(to, bytes, "the destination"), complaint(from, bytes, "the source")})
    if (!text.empty()) return error(cudaErrorInvalidValue, text);
  const auto* a = static_cast<const char*>(to.address);
  const auto* b = static_cast<const char*>(from.address);
  if (a < b + bytes && b < a + bytes) return error(cudaErrorInvalidValue, "source and destination overlap");
  if (kind == cudaMemcpyDefault) return cudaSuccess;
  const int actual = from.on_device() * 2 + to.on_device();
  if (kind != actual)
    return error(cudaErrorInvalidMemcpyDirection, "the source is " + memory().describe(from.address) +
                                                      ", the destination " + memory().describe(to.address));
  return cudaSuccess;
}

/// The copy when its turn has come. In a graph, memory may have been freed since.
void run_copy(const Side& to, const Side& from, std::size_t bytes) {
  for (const Side& side : {to, from})
    if (memory().where(side.address) != side.where)
      throw Failure("a copy of " + std::to_string(bytes) +
                    " bytes uses memory that was freed: " + memory().describe(side.address));
  const DeviceAtWork at_work;
  std::memcpy(const_cast<void*>(to.address), from.address, bytes);
}

}  // namespace

cudaError_t cudaMalloc(void** result, std::size_t bytes) {
  const Lock lock;
  if (forbidden_by_capture()) return not_during_capture("cudaMalloc");
  *result = bytes == 0 ? nullptr : memory().allocate_device(bytes);
  if (bytes > 0 && *result == nullptr)
    return error(cudaErrorMemoryAllocation, std::to_string(bytes) + " bytes asked for, " +
                                                std::to_string(memory().live().device_bytes) + " of " +
                                                std::to_string(memory().capacity) + " bytes in use");
  return cudaSuccess;
}

cudaError_t cudaFree(void* address) {
  const Lock lock;
  if (address == nullptr) return cudaSuccess;
  if (forbidden_by_capture()) return not_during_capture("cudaFree");
  run_pending_quietly([] { queues().run_all(); });  // cudaFree waits for the device
  if (memory().free_device(address)) return cudaSuccess;
  return error(cudaErrorInvalidValue, "cudaFree of " + memory().describe(address));
}

cudaError_t cudaMallocHost(void** result, std::size_t bytes, unsigned) {
  const Lock lock;
  if (forbidden_by_capture()) return not_during_capture("cudaMallocHost");
  *result = bytes == 0 ? nullptr : memory().allocate_pinned(bytes);
  return cudaSuccess;
}

cudaError_t cudaHostAlloc(void** result, std::size_t bytes, unsigned flags) {
  return cudaMallocHost(result, bytes, flags);
}

cudaError_t cudaFreeHost(void* address) {
  const Lock lock;
  if (address == nullptr) return cudaSuccess;
  if (forbidden_by_capture()) return not_during_capture("cudaFreeHost");
  run_pending_quietly([] { queues().run_all(); });
  if (memory().free_pinned(address)) return cudaSuccess;
  return error(cudaErrorInvalidValue, "cudaFreeHost of " + memory().describe(address));
}

cudaError_t cudaMemGetInfo(std::size_t* free_bytes, std::size_t* total_bytes) {
  const Lock lock;
  *total_bytes = memory().capacity;
  *free_bytes = memory().capacity - memory().live().device_bytes;
  return cudaSuccess;
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  const Lock lock;
  *attributes = {cudaMemoryTypeUnregistered, -1, nullptr, const_cast<void*>(pointer)};
  const Where where = memory().where(pointer);
  if (where == Where::device) *attributes = {cudaMemoryTypeDevice, 0, const_cast<void*>(pointer), nullptr};
  if (where == Where::pinned) attributes->type = cudaMemoryTypeHost;
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  const Lock lock;
  Queue* const queue = queue_of(stream);
  if (queue == nullptr) return unknown_stream();
  if (bytes == 0) return cudaSuccess;
  const Side target{to, memory().where(to)}, source{from, memory().where(from)};
  if (const cudaError_t code = check_copy(target, source, bytes, kind); code != cudaSuccess) return code;
  if ((target.pageable() || source.pageable()) && queue->capture() && refused_while_captured(*queue))
    return not_during_capture("cudaMemcpyAsync with pageable host memory");
  if (source.pageable()) {  // the driver takes a copy before it returns
    const auto* bytes_from = static_cast<const char*>(from);
    auto staged = std::make_shared<std::vector<char>>(bytes_from, bytes_from + bytes);
    run_pending([&] { queue->add([=] { run_copy(target, {staged->data(), Where::elsewhere}, bytes); }); });
  } else {
    run_pending([&] { queue->add([=] { run_copy(target, source, bytes); }); });
  }
  if (target.pageable()) run_pending([&] { queue->run_all(); });  // the driver returns when it is done
  return cudaSuccess;
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  const Lock lock;
  if (forbidden_by_capture()) return not_during_capture("cudaMemcpy");
  const cudaError_t code = cudaMemcpyAsync(to, from, bytes, kind, nullptr);
  if (code == cudaSuccess) run_pending([] { queues().default_queue().run_all(); });
  return code;
}

cudaError_t cudaMemsetAsync(void* address, int value, std::size_t bytes, cudaStream_t stream) {
  const Lock lock;
  Queue* const queue = queue_of(stream);
  if (queue == nullptr) return unknown_stream();
  if (bytes == 0) return cudaSuccess;
  const Side target{address, memory().where(address)};
  const std::string text = complaint(target, bytes, "the destination");
  if (!text.empty()) return error(cudaErrorInvalidValue, text);
  if (!target.on_device())
    return error(cudaErrorInvalidValue, "the destination is " + memory().describe(address));
  run_pending([&] {
    queue->add([=] {
      if (memory().where(address) != Where::device)
        throw Failure("a fill of " + std::to_string(bytes) + " bytes uses " + memory().describe(address));
      const DeviceAtWork at_work;
      std::memset(address, value, bytes);
    });
  });
  return cudaSuccess;
}

cudaError_t cudaMemset(void* address, int value, std::size_t bytes) {
  const Lock lock;
  if (forbidden_by_capture()) return not_during_capture("cudaMemset");
  return cudaMemsetAsync(address, value, bytes, nullptr);
}
