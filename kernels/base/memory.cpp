#include "kernels/base/memory.h"

#include <algorithm>
#include <cstdint>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace uptake::kernels {
namespace {

constexpr std::size_t kAlignment = 64, kHugePage = std::size_t{2} << 20;

std::align_val_t alignment_of(std::size_t bytes) {
  return std::align_val_t{bytes >= kHugePage ? kHugePage : kAlignment};
}

// Large blocks ask for large pages, of which a walk over the memory needs fewer addresses translated; a system that has
// none to give goes on with small ones.
std::byte* allocate_on_host(std::size_t bytes) {
  auto* const block = static_cast<std::byte*>(::operator new(bytes, alignment_of(bytes)));
#if defined(__linux__)
  if (bytes >= kHugePage) madvise(block, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
  return block;
}

void release_on_host(std::byte* block, std::size_t bytes) { ::operator delete(block, alignment_of(bytes)); }

}  // namespace

const MemorySource& host_source() {
  static const MemorySource source{allocate_on_host, release_on_host, kAlignment, true};
  return source;
}

// A cached block is out of bounds for everybody: AddressSanitizer then sees a use after release.
void MemoryPool::hide([[maybe_unused]] std::byte* block, [[maybe_unused]] std::size_t bytes) const {
#if defined(__SANITIZE_ADDRESS__)
  if (source_.addressable) __asan_poison_memory_region(block, bytes);
#endif
}

void MemoryPool::show([[maybe_unused]] std::byte* block, [[maybe_unused]] std::size_t bytes) const {
#if defined(__SANITIZE_ADDRESS__)
  if (source_.addressable) __asan_unpoison_memory_region(block, bytes);
#endif
}

std::shared_ptr<std::byte> MemoryPool::allocate(std::size_t bytes) {
  const std::size_t alignment = source_.alignment;
  if (bytes > SIZE_MAX - alignment) throw std::bad_alloc();
  const std::size_t rounded = std::max((bytes + alignment - 1) / alignment * alignment, alignment);
  std::byte* block = nullptr;
  std::size_t size = rounded;
  {
    const std::lock_guard lock(mutex_);
    if (auto found = free_.lower_bound(rounded);
        found != free_.end() && found->first <= rounded + rounded / 8) {
      size = found->first;
      block = found->second;
      free_.erase(found);
    }
  }
  if (block == nullptr) {
    block = allocate_from_source(rounded);
    const std::lock_guard lock(mutex_);
    ++statistics_.system_allocations;
    statistics_.held_bytes += static_cast<std::int64_t>(rounded);
  }
  show(block, size);
  {
    const std::lock_guard lock(mutex_);
    statistics_.in_use_bytes += static_cast<std::int64_t>(size);
    statistics_.peak_in_use_bytes = std::max(statistics_.peak_in_use_bytes, statistics_.in_use_bytes);
  }
  return {block, [this, size](std::byte* p) { release(p, size); }};
}

// When there is no more, what lies unused in the cache may still be given back.
std::byte* MemoryPool::allocate_from_source(std::size_t bytes) {
  try {
    return source_.allocate(bytes);
  } catch (const std::exception&) {
    {
      const std::lock_guard lock(mutex_);
      if (free_.empty()) throw;
    }
    trim();
  }
  return source_.allocate(bytes);
}

void MemoryPool::release(std::byte* block, std::size_t bytes) {
  hide(block, bytes);
  const std::lock_guard lock(mutex_);
  statistics_.in_use_bytes -= static_cast<std::int64_t>(bytes);
  free_.emplace(bytes, block);
}

void MemoryPool::trim() {
  std::multimap<std::size_t, std::byte*> unused;
  {
    const std::lock_guard lock(mutex_);
    unused.swap(free_);
    for (const auto& [bytes, block] : unused) statistics_.held_bytes -= static_cast<std::int64_t>(bytes);
  }
  for (const auto& [bytes, block] : unused) {
    show(block, bytes);
    source_.release(block, bytes);
  }
}

MemoryPool::Statistics MemoryPool::statistics() const {
  const std::lock_guard lock(mutex_);
  return statistics_;
}

MemoryPool& host_memory() {
  // Never destroyed: tensors with static lifetime may let go of their block after main.
  static auto* pool = new MemoryPool;
  return *pool;
}

}  // namespace uptake::kernels
