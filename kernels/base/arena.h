// Device memory for a step that is repeated: planned from its first run, so that the same allocation of every
// later run is the same address. That makes a recorded graph valid, asks the driver for nothing, and shares
// memory between tensors that never live at the same time.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kernels/base/memory.h"

namespace uptake::kernels {

/// One allocation of a run: bytes, and the events (allocations and releases counted from the start of the
/// run) between which it lived. `end` of one that outlived the run is one past the last event.
struct Lifetime {
  std::int64_t bytes = 0;
  std::int64_t begin = 0, end = 0;
};

struct ArenaPlan {
  std::vector<std::int64_t> offsets;  // one an allocation, bytes
  std::int64_t total_bytes = 0;
};

/// Offsets, multiples of `alignment`, at which no two allocations that live at the same time overlap: the
/// largest first, each at the lowest place that is free during its life.
ArenaPlan plan_arena(std::span<const Lifetime> lifetimes, std::int64_t alignment);

namespace cuda {

/// While an ArenaScope of it is alive, allocate_on_device() serves from this arena, in the first scope from
/// the pool while lifetimes are noted, in later ones from the planned block. A run that asks for other sizes
/// than the plan knows is served from the pool from there on, and the next one is planned anew.
/// What outlives its scope is valid until the next scope begins.
class Arena {
 public:
  Arena();
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// Whether the last run followed the plan from start to end: only then its addresses repeat.
  bool steady() const;
  std::int64_t planned_bytes() const;

 private:
  friend class ArenaScope;
  friend std::shared_ptr<std::byte> allocate_on_device(std::size_t);
  struct State;
  std::shared_ptr<State> state_;
};

class ArenaScope {
 public:
  explicit ArenaScope(Arena& arena);
  ~ArenaScope();
  ArenaScope(const ArenaScope&) = delete;
  ArenaScope& operator=(const ArenaScope&) = delete;

 private:
  Arena& arena_;
};

}  // namespace cuda
}  // namespace uptake::kernels
