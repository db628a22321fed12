// Runs the threads of a launch. All threads of a block exist at once, each on its own fiber from its first wait on;
// one runs until it has to wait, then the schedule says who is next. Blocks run one after the other.
#pragma once
#include <array>
#include <bit>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "simulator/launch.h"
#include "simulator/warp.h"
#include "tests/simulator/fiber.h"
#include "tests/simulator/shared_memory.h"
#include "tests/simulator/simulator.h"

namespace uptake::sim {

/// "norm.cu:57:12", and whether two sites are the same.
std::string place(const Site& site);
bool same(const Site& a, const Site& b);
std::string hex(unsigned mask);

/// Who is next: walks the threads in the schedule's order, over and over, until a walk finds nobody who can run.
/// Greedy schedules walk one warp (a segment) until it can do no more, then the next; others have one segment.
class Order {
 public:
  void start_launch(Schedule schedule, std::uint64_t seed, int threads, std::uint64_t blocks);
  void start_block();
  /// The next thread for which can_run(thread) holds, or -1.
  template <class CanRun>
  int next(const CanRun& can_run) {
    for (int idle_walks = 0; idle_walks < segments_;) {
      while (cursor_ < end_) {
        const int thread = order_[static_cast<std::size_t>(cursor_++)];
        if (!can_run(thread)) continue;
        somebody_ran_ = true;
        return thread;
      }
      idle_walks = somebody_ran_ ? 0 : idle_walks + 1;
      start_walk(somebody_ran_ ? segment_ : (segment_ + 1) % segments_);
    }
    return -1;
  }
  /// The i-th block to run.
  std::uint64_t block(std::uint64_t i) const;

 private:
  void start_walk(int segment);
  std::uint64_t random();

  Schedule schedule_ = Schedule::forward;
  std::uint64_t random_ = 1, blocks_ = 1, block_step_ = 1, block_offset_ = 0;
  std::vector<int> order_;
  int segments_ = 1, segment_ = 0, cursor_ = 0, end_ = 0;
  bool backwards_ = false, somebody_ran_ = false;
};

class Scheduler {
 public:
  Scheduler();
  Schedule schedule = Schedule::forward;
  std::uint64_t seed = 1;
  bool allow_early_return = false;

  /// Throws what a thread threw, and Failure for what the simulator found, with the kernel's name before it.
  void run(const Launch& launch);

  // Called by the running thread.
  void sync_threads(const Site& site);
  void meet(const Meeting& meeting);
  int lane() const { return current_ % 32; }
  unsigned active_lanes() const { return warps_[static_cast<std::size_t>(current_ / 32)].alive; }
  bool running() const { return running_; }
  SharedMemory& shared() { return shared_; }

 private:
  enum class State : char { fresh, ready, at_barrier, at_meeting, returned };
  struct Thread {
    State state = State::fresh;
    Fiber* fiber = nullptr;
    Site site;        // where it waits
    Meeting meeting;  // what it waits for in a meeting
  };
  struct Warp {
    unsigned exists = 0, alive = 0, waiting = 0;  // bit i is lane i; waiting: in a meeting
  };

  void run_block(const Launch& launch);
  void abandon_threads();
  static void fiber_entry();
  void run_threads();
  void thread_returned();
  void wait(State state);
  int next();
  Fiber& free_fiber();

  void release_barrier(const Site& site);
  void check_meeting(const Meeting& meeting) const;
  void finish_meeting(unsigned mask, int first_of_warp);
  std::string deadlock() const;
  std::string describe(int index) const;  // "thread (5,0,0)"

  Thread& thread(int index) { return threads_[static_cast<std::size_t>(index)]; }
  const Thread& thread(int index) const { return threads_[static_cast<std::size_t>(index)]; }

  Order order_;
  SharedMemory shared_;
  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::vector<uint3> indices_;  // threadIdx of each thread
  int current_ = 0;             // the running thread
  int returned_ = 0, at_barrier_ = 0;
  bool running_ = false, abandoning_ = false;
  const Launch* launch_ = nullptr;
  std::array<std::byte, 32 * Meeting::kMostBytes> given_{};  // by the lanes of the meeting that is finishing
  std::exception_ptr error_;
  Fiber host_;  // whoever called run()
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> free_fibers_;
};

Scheduler& scheduler();

}  // namespace uptake::sim
