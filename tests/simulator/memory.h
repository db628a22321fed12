// The memory of the simulated device, and page-locked host memory. A device allocation is filled with NaN and has
// borders on both sides: a known pattern that is checked, and under AddressSanitizer may not be touched at all.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "tests/simulator/simulator.h"

namespace uptake::sim {

/// What uninitialised memory holds: bytes of 0xff are NaN in every floating-point type and -1 in every integer.
inline constexpr int kUninitialised = 0xff;

/// Writes the border pattern: NaN as float32, bfloat16 and double, but another NaN than the one above.
void fill_border(std::byte* from, const std::byte* to);
/// The first byte that differs from the pattern, or null.
const std::byte* damage_in_border(const std::byte* from, const std::byte* to);

/// What an address is: of the device, page-locked, or none of these.
enum class Where { elsewhere, device, freed_device, pinned };

/// Whether the process could read there: elsewhere, but some host memory. Slow for addresses that are.
bool readable(const void* address);

class Memory {
 public:
  static constexpr std::size_t kAlignment = 256;  // of device allocations, as cudaMalloc promises

  /// Null when the device is full.
  void* allocate_device(std::size_t bytes);
  void* allocate_pinned(std::size_t bytes);
  /// False when the address is not the start of such an allocation.
  bool free_device(void* memory);
  bool free_pinned(void* memory);

  Where where(const void* address) const;
  /// Whether [address, address + bytes) is inside one live allocation, of the device or page-locked.
  bool in_one_allocation(const void* address, std::size_t bytes) const;
  /// For messages: "byte 64 of a device allocation of 256 bytes".
  std::string describe(const void* address) const;
  /// What was written beside an allocation, or empty; and repairs the borders.
  std::string damage();

  /// Under AddressSanitizer the host may not touch device memory but through copies: it is closed except while the
  /// device works. Not beyond kMostClosed bytes in all, to save time.
  void open();
  void close();
  static constexpr std::size_t kMostClosed = std::size_t{4} << 20;

  Allocations live() const;
  std::size_t capacity = kDefaultCapacity;
  static constexpr std::size_t kDefaultCapacity = std::size_t{16} << 30;

 private:
  struct Block {
    std::byte *start, *data;  // with and without the border
    std::size_t bytes;        // of data
    bool closed;
    const std::byte* end() const;  // of the border behind the data
  };
  using Blocks = std::map<std::uintptr_t, Block>;  // by the address of data
  static Block make(std::size_t bytes);
  static const Block* find(const Blocks& blocks, const void* address);
  const Block* find_freed(const void* address) const;

  Blocks device_, pinned_;
  std::deque<Block> freed_;  // device memory held back for a while, the oldest first
  std::size_t device_bytes_ = 0, pinned_bytes_ = 0, freed_bytes_ = 0;
};

Memory& memory();

/// While the device works.
class DeviceAtWork {
 public:
  DeviceAtWork() { memory().open(); }
  ~DeviceAtWork() { memory().close(); }
  DeviceAtWork(const DeviceAtWork&) = delete;
  DeviceAtWork& operator=(const DeviceAtWork&) = delete;
};

}  // namespace uptake::sim
