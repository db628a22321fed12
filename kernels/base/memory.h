// Memory for tensors: aligned blocks, kept and handed out again, so that a steady training step asks the
// operating system or the driver for nothing. Thread-safe.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace uptake::kernels {

/// Where a pool's blocks come from.
struct MemorySource {
  std::byte* (*allocate)(std::size_t bytes);  // throws when there is no more
  void (*release)(std::byte* block, std::size_t bytes);
  std::size_t alignment;
  bool addressable;  // by the CPU: then a block that nobody uses is marked for AddressSanitizer
};

/// 64-byte aligned memory of this process.
const MemorySource& host_source();

/// A cache of blocks by size. A released block serves the next request that it fits without wasting more than
/// an eighth of itself.
class MemoryPool {
 public:
  struct Statistics {
    std::int64_t system_allocations = 0;  // blocks ever asked of the operating system
    std::int64_t held_bytes = 0;          // in use or cached
    std::int64_t peak_in_use_bytes = 0;
    std::int64_t in_use_bytes = 0;
  };

  explicit MemoryPool(const MemorySource& source = host_source()) : source_(source) {}
  /// Every block must have come back.
  ~MemoryPool() { trim(); }
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;

  /// A block that returns to the pool when its last owner lets go. Contents are unspecified.
  /// Throws std::bad_alloc when the system has no more memory (a device's source: CudaError), also after what
  /// is cached was given back.
  std::shared_ptr<std::byte> allocate(std::size_t bytes);

  /// Returns cached blocks that nobody uses to the system.
  void trim();

  Statistics statistics() const;

 private:
  std::byte* allocate_from_source(std::size_t bytes);
  void release(std::byte* block, std::size_t bytes);
  void hide(std::byte* block, std::size_t bytes) const;
  void show(std::byte* block, std::size_t bytes) const;

  const MemorySource& source_;
  mutable std::mutex mutex_;
  std::multimap<std::size_t, std::byte*> free_;
  Statistics statistics_;
};

/// The pool all CPU tensors come from. Lives until the process ends.
MemoryPool& host_memory();

}  // namespace uptake::kernels
