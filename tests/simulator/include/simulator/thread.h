// Which thread is running, and the barrier of a block.
#pragma once
#include <source_location>

#include "vector_types.h"

namespace uptake::sim {

/// Set by the scheduler whenever it switches to another thread. One launch runs at a time, so one is enough.
struct Here {
  uint3 thread{}, block{};
  dim3 block_size, grid_size;
};
extern Here here;

/// A place in a kernel; the default arguments below find the caller's.
using Site = std::source_location;

void sync_threads(const Site& site);

}  // namespace uptake::sim

inline const uint3& threadIdx = uptake::sim::here.thread;
inline const uint3& blockIdx = uptake::sim::here.block;
inline const dim3& blockDim = uptake::sim::here.block_size;
inline const dim3& gridDim = uptake::sim::here.grid_size;
inline constexpr int warpSize = 32;

inline void __syncthreads(const uptake::sim::Site& site = uptake::sim::Site::current()) {
  uptake::sim::sync_threads(site);
}

// Blocks run one after the other and their writes are seen at once.
inline void __threadfence() {}
inline void __threadfence_block() {}
