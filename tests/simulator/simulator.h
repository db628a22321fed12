// What tests tell the simulator and ask it. The simulator runs CUDA kernels on the CPU: every thread of a block is
// a fiber, every block gets fresh shared memory, and what a GPU would let pass silently is reported.
//
// A program starts with the schedule and the streams that the environment names, so that any test can be run under
// others: UPTAKE_SIMULATOR_SCHEDULE=reverse, shuffled, warp_greedy or reverse_greedy, UPTAKE_SIMULATOR_STREAMS=lazy.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>

namespace uptake::sim {

/// A mistake of a kernel or of its launch: what, where in the source, which kernel, block and thread.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// In which order the threads of a block run (and the blocks of a grid). A thread runs until it has to wait.
enum class Schedule {
  forward,        // thread 0, 1, 2, ...
  reverse,        // the last thread first
  shuffled,       // a new random order after each round
  warp_greedy,    // one warp as far as it goes before the next
  reverse_greedy  // the same, from the last warp
};
constexpr std::array<Schedule, 5> all_schedules() {
  return {Schedule::forward, Schedule::reverse, Schedule::shuffled, Schedule::warp_greedy,
          Schedule::reverse_greedy};
}
const char* name(Schedule schedule);
void set_schedule(Schedule schedule, std::uint64_t seed = 1);

/// When enqueued work runs.
enum class Streams {
  eager,  // at once
  lazy    // as late as the waits and synchronisations of the program allow
};
void set_streams(Streams streams);

/// Whether a thread that has returned may be missing at a barrier (a GPU lets it, good style does not).
/// Off is the default.
void allow_early_return(bool allowed);

/// Sets everything above to the first of its values (the environment does not count) and forgets the statistics, pending work and unfinished captures.
void reset();

/// Launches that have run since the last reset, in all and by the kernel's name without its parameters,
/// e.g. "uptake::kernels::cuda::adam_kernel<float>".
std::size_t launch_count();
std::map<std::string, std::size_t> launches_by_kernel();

/// Live allocations of the program: in device memory, and page-locked.
struct Allocations {
  std::size_t device = 0, device_bytes = 0, pinned = 0, pinned_bytes = 0;
};
Allocations live_allocations();

/// The CUDA version the driver is for, such as 12040; 0: there is no driver. That of the runtime unless told.
void set_driver(int version);

/// The device's memory; cudaMalloc fails beyond it. 16 GiB unless told.
void set_device_memory(std::size_t bytes);

}  // namespace uptake::sim
