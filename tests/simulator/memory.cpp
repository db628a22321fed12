#include "tests/simulator/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <new>
#include <utility>

#include "tests/simulator/sanitizer.h"

namespace uptake::sim {

namespace {

constexpr std::size_t kBorder = 256;
constexpr std::size_t kHeldBytes = std::size_t{64} << 20;  // freed memory that is not given back yet

/// The pattern as it stands at an address: the word 0xfffd7ffd at every multiple of 4.
std::uint64_t border_word(const std::byte* address) {
  constexpr std::uint64_t kPattern = 0xfffd7ffdfffd7ffd;
  return std::rotr(kPattern, static_cast<int>(8 * (reinterpret_cast<std::uintptr_t>(address) % 4)));
}

std::size_t round_up(std::size_t bytes) {
  return (bytes + Memory::kAlignment - 1) / Memory::kAlignment * Memory::kAlignment;
}

}  // namespace

/// mincore() answers quickly for most addresses that are not mapped; the table of mappings then tells memory from
/// address ranges that are only reserved.
bool readable(const void* pointer) {
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  // Small numbers and non-canonical addresses: pairs of integers, floats.
  if (address < (std::uintptr_t{1} << 32) || address >= (std::uintptr_t{1} << 47)) return false;
  if (kAddressSanitizer && address < 0x10007fff8000u) return false;  // its own tables
  static const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  unsigned char resident;
  if (mincore(reinterpret_cast<void*>(address / page * page), 1, &resident) != 0) return false;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    char* rest = nullptr;
    const std::uintptr_t from = std::strtoull(line.c_str(), &rest, 16),
                         to = std::strtoull(rest + 1, &rest, 16);
    if (from <= address && address < to) return rest[1] == 'r';
  }
  return false;
}

Memory& memory() {
  static Memory& instance = *new Memory;  // outlives every static object that may still free something
  return instance;
}

void fill_border(std::byte* from, const std::byte* to) {
  const std::uint64_t word = border_word(from);
  for (; to - from >= 8; from += 8) std::memcpy(from, &word, 8);
  std::memcpy(from, &word, static_cast<std::size_t>(to - from));
}

const std::byte* damage_in_border(const std::byte* from, const std::byte* to) {
  const std::uint64_t word = border_word(from);
  while (to - from >= 8 && std::memcmp(from, &word, 8) == 0) from += 8;
  const std::byte* found = from;
  while (found < to && *found == static_cast<std::byte>(word >> 8 * ((found - from) % 8))) ++found;
  return found < to ? found : nullptr;
}

const std::byte* Memory::Block::end() const { return data + round_up(bytes) + kBorder; }

Memory::Block Memory::make(std::size_t bytes) {
  const std::size_t all = kBorder + round_up(bytes) + kBorder;
  auto* start = static_cast<std::byte*>(std::aligned_alloc(kAlignment, all));
  if (start == nullptr) throw std::bad_alloc();
  const Block block{start, start + kBorder, bytes, false};
  fill_border(block.start, block.data);
  std::memset(block.data, kUninitialised, bytes);
  fill_border(block.data + bytes, block.end());
  poison(block.start, kBorder);
  poison(block.data + bytes, static_cast<std::size_t>(block.end() - block.data) - bytes);
  return block;
}

void* Memory::allocate_device(std::size_t bytes) {
  if (bytes > capacity - std::min(capacity, device_bytes_)) return nullptr;
  const Block block = make(bytes);
  device_.emplace(reinterpret_cast<std::uintptr_t>(block.data), block);
  device_bytes_ += bytes;
  close();
  return block.data;
}

void* Memory::allocate_pinned(std::size_t bytes) {
  const Block block = make(bytes);
  pinned_.emplace(reinterpret_cast<std::uintptr_t>(block.data), block);
  pinned_bytes_ += bytes;
  return block.data;
}

bool Memory::free_device(void* memory) {
  const auto found = device_.find(reinterpret_cast<std::uintptr_t>(memory));
  if (found == device_.end()) return false;
  const Block block = found->second;
  device_.erase(found);
  device_bytes_ -= block.bytes;
  unpoison(block.data, block.bytes);
  // Held back, so that its address means "freed" for a while: NaN to be read, and for AddressSanitizer untouchable.
  std::memset(block.data, kUninitialised, block.bytes);
  poison(block.data, block.bytes);
  freed_.push_back(block);
  freed_bytes_ += block.bytes;
  while (freed_bytes_ > kHeldBytes) {
    const Block& oldest = freed_.front();
    freed_bytes_ -= oldest.bytes;
    unpoison(oldest.start, static_cast<std::size_t>(oldest.end() - oldest.start));
    std::free(oldest.start);
    freed_.pop_front();
  }
  return true;
}

bool Memory::free_pinned(void* memory) {
  const auto found = pinned_.find(reinterpret_cast<std::uintptr_t>(memory));
  if (found == pinned_.end()) return false;
  const Block block = found->second;
  pinned_.erase(found);
  pinned_bytes_ -= block.bytes;
  unpoison(block.start, static_cast<std::size_t>(block.end() - block.start));
  std::free(block.start);
  return true;
}

/// The address one past the end belongs to the block too: kernels are given such pointers as limits.
const Memory::Block* Memory::find(const Blocks& blocks, const void* address) {
  const auto value = reinterpret_cast<std::uintptr_t>(address);
  auto after = blocks.upper_bound(value);
  if (after == blocks.begin()) return nullptr;
  const auto& [start, block] = *--after;
  return value <= start + block.bytes ? &block : nullptr;
}

const Memory::Block* Memory::find_freed(const void* address) const {
  for (const Block& block : freed_)
    if (block.data <= address && address <= block.data + block.bytes) return &block;
  return nullptr;
}

Where Memory::where(const void* address) const {
  if (find(device_, address) != nullptr) return Where::device;
  if (find(pinned_, address) != nullptr) return Where::pinned;
  if (find_freed(address) != nullptr) return Where::freed_device;
  return Where::elsewhere;
}

bool Memory::in_one_allocation(const void* address, std::size_t bytes) const {
  const Block* block = find(device_, address);
  if (block == nullptr) block = find(pinned_, address);
  const auto* first = static_cast<const std::byte*>(address);
  return block != nullptr && bytes <= static_cast<std::size_t>(block->data + block->bytes - first);
}

std::string Memory::describe(const void* address) const {
  const auto inside = [&](const Block& block, const char* what) {
    return "byte " + std::to_string(static_cast<const std::byte*>(address) - block.data) + " of " + what +
           " of " + std::to_string(block.bytes) + " bytes";
  };
  if (const Block* block = find(device_, address)) return inside(*block, "a device allocation");
  if (const Block* block = find(pinned_, address)) return inside(*block, "a page-locked allocation");
  if (const Block* block = find_freed(address)) return inside(*block, "a freed device allocation");
  return readable(address) ? "host memory" : "no memory";
}

std::string Memory::damage() {
  if (kAddressSanitizer) return {};  // it stops the write itself
  std::string found;
  const auto check = [&](const Block& block, const char* what) {
    const std::byte* damaged = damage_in_border(block.start, block.data);
    if (damaged == nullptr) damaged = damage_in_border(block.data + block.bytes, block.end());
    if (damaged == nullptr) return;
    fill_border(block.start, block.data);
    fill_border(block.data + block.bytes, block.end());
    found = "wrote outside " + std::string(what) + " of " + std::to_string(block.bytes) + " bytes, at byte " +
            std::to_string(damaged - block.data);
  };
  for (const auto& [start, block] : device_) check(block, "a device allocation");
  for (const auto& [start, block] : pinned_) check(block, "a page-locked allocation");
  return found;
}

void Memory::open() {
  if (!kAddressSanitizer) return;
  for (auto& [start, block] : device_)
    if (std::exchange(block.closed, false)) unpoison(block.data, block.bytes);
}

void Memory::close() {
  if (!kAddressSanitizer || device_bytes_ > kMostClosed) return;
  for (auto& [start, block] : device_)
    if (!std::exchange(block.closed, true)) poison(block.data, block.bytes);
}

Allocations Memory::live() const { return {device_.size(), device_bytes_, pinned_.size(), pinned_bytes_}; }

}  // namespace uptake::sim
