// Host memory for tensors: 64-byte aligned blocks, kept and handed out again, so that a steady training step
// asks the operating system for nothing. Thread-safe.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace uptake::kernels {

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

  MemoryPool() = default;
  /// Every block must have come back.
  ~MemoryPool() { trim(); }
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;

  /// A block that returns to the pool when its last owner lets go. Contents are unspecified.
  /// Throws std::bad_alloc when the system has no more memory.
  std::shared_ptr<std::byte> allocate(std::size_t bytes);

  /// Returns cached blocks that nobody uses to the system.
  void trim();

  Statistics statistics() const;

 private:
  void release(std::byte* block, std::size_t bytes);

  mutable std::mutex mutex_;
  std::multimap<std::size_t, std::byte*> free_;
  Statistics statistics_;
};

/// The pool all CPU tensors come from. Lives until the process ends.
MemoryPool& host_memory();

}  // namespace uptake::kernels
