#include "tests/simulator/scheduler.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>

#include "tests/simulator/kernel_name.h"

namespace uptake::sim {
namespace {

std::string text(uint3 v) {
  return "(" + std::to_string(v.x) + "," + std::to_string(v.y) + "," + std::to_string(v.z) + ")";
}

/// Thrown in the threads of a block in which another thread failed.
struct Abandoned {};

}  // namespace

Here here;

std::string place(const Site& site) {
  const std::string file = site.file_name();
  return file.substr(file.rfind('/') + 1) + ":" + std::to_string(site.line()) + ":" +
         std::to_string(site.column());
}

bool same(const Site& a, const Site& b) {
  return a.line() == b.line() && a.column() == b.column() &&
         (a.file_name() == b.file_name() || std::strcmp(a.file_name(), b.file_name()) == 0);
}

std::string hex(unsigned mask) {
  char digits[16];
  std::snprintf(digits, sizeof digits, "0x%08x", mask);
  return digits;
}

Scheduler& scheduler() {
  static Scheduler& instance = *new Scheduler;  // outlives every static object that may still use the device
  return instance;
}

Scheduler::Scheduler() {
  const char* asked = std::getenv("UPTAKE_SIMULATOR_SCHEDULE");
  for (const Schedule candidate : all_schedules())
    if (asked != nullptr && std::strcmp(asked, name(candidate)) == 0) schedule = candidate;
}

void Order::start_launch(Schedule schedule, std::uint64_t seed, int threads, std::uint64_t blocks) {
  schedule_ = schedule;
  random_ = seed * 0x9e3779b97f4a7c15u | 1;
  backwards_ = schedule == Schedule::reverse || schedule == Schedule::reverse_greedy;
  const bool greedy = schedule == Schedule::warp_greedy || schedule == Schedule::reverse_greedy;
  segments_ = greedy ? (threads + 31) / 32 : 1;
  order_.resize(static_cast<std::size_t>(threads));
  std::iota(order_.begin(), order_.end(), 0);
  const auto length = static_cast<std::size_t>(segments_ == 1 ? threads : 32);
  for (std::size_t from = 0; backwards_ && from < order_.size(); from += length)
    std::reverse(order_.data() + from, order_.data() + std::min(from + length, order_.size()));

  // Block i * step + offset, modulo the count: every block once if step and count have no common divisor.
  blocks_ = blocks;
  block_step_ = backwards_ ? blocks - 1 : 1;
  block_offset_ = backwards_ ? blocks - 1 : 0;
  if (schedule == Schedule::shuffled) {
    block_step_ = random() % blocks;
    while (std::gcd(block_step_, blocks) != 1) ++block_step_;
    block_offset_ = random() % blocks;
  }
}

void Order::start_block() { start_walk(0); }

void Order::start_walk(int segment) {
  const auto threads = static_cast<int>(order_.size()), length = segments_ == 1 ? threads : 32;
  segment_ = segment;
  cursor_ = (backwards_ ? segments_ - 1 - segment : segment) * length;
  end_ = std::min(cursor_ + length, threads);
  somebody_ran_ = false;
  if (schedule_ == Schedule::shuffled)
    for (std::size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[random() % i]);
}

std::uint64_t Order::random() {  // xorshift64
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return random_ >> 11;
}

std::uint64_t Order::block(std::uint64_t i) const { return (i * block_step_ + block_offset_) % blocks_; }

void Scheduler::run(const Launch& launch) {
  if (running_) throw Failure("a kernel launched a kernel");
  const dim3 grid = launch.grid, size = launch.block;
  const auto threads = static_cast<int>(size.x * size.y * size.z);
  launch_ = &launch;
  here.block_size = size;
  here.grid_size = grid;
  threads_.assign(static_cast<std::size_t>(threads), {});
  warps_.assign(static_cast<std::size_t>((threads + 31) / 32), {});
  indices_.clear();
  for (unsigned z = 0; z < size.z; ++z)
    for (unsigned y = 0; y < size.y; ++y)
      for (unsigned x = 0; x < size.x; ++x) indices_.push_back({x, y, z});
  const std::uint64_t blocks = std::uint64_t{grid.x} * grid.y * grid.z;
  order_.start_launch(schedule, seed, threads, blocks);
  running_ = true;
  try {
    for (std::uint64_t i = 0; i < blocks; ++i) {
      const std::uint64_t block = order_.block(i);
      here.block = {static_cast<unsigned>(block % grid.x), static_cast<unsigned>(block / grid.x % grid.y),
                    static_cast<unsigned>(block / grid.x / grid.y)};
      run_block(launch);
    }
    running_ = false;
  } catch (const Failure& failure) {
    running_ = false;
    throw Failure("kernel " + kernel_name(launch.kernel) + ", block " + text(here.block) +
                  (current_ < 0 ? "" : ", " + describe(current_)) + ": " + failure.what());
  } catch (...) {
    running_ = false;
    throw;
  }
}

void Scheduler::run_block(const Launch& launch) {
  for (Thread& thread : threads_) thread = {};
  for (std::size_t w = 0; w < warps_.size(); ++w) {
    const std::size_t lanes = std::min<std::size_t>(32, threads_.size() - 32 * w);
    warps_[w].exists = warps_[w].alive = lanes == 32 ? 0xffffffffu : (1u << lanes) - 1;
    warps_[w].waiting = 0;
  }
  returned_ = at_barrier_ = 0;
  error_ = nullptr;
  shared_.start_block(launch.dynamic_bytes, launch.shared_limit);
  order_.start_block();
  free_fibers_.clear();
  for (const auto& fiber : fibers_) free_fibers_.push_back(fiber.get());

  Fiber& first = free_fiber();
  current_ = next();
  thread(current_).fiber = &first;
  Fiber::switch_to(host_, first);
  const int culprit = error_ ? current_ : -1;  // nobody in particular
  if (!error_ && returned_ < static_cast<int>(threads_.size()))
    error_ = std::make_exception_ptr(Failure(deadlock()));
  const std::string damage = shared_.damage();
  if (!error_ && !damage.empty()) error_ = std::make_exception_ptr(Failure(damage));
  if (!error_) return;
  abandon_threads();
  current_ = culprit;
  std::rethrow_exception(error_);
}

/// Ends the threads that still wait, by an exception at the place where they wait: so that what kernels keep on
/// their stacks is destroyed.
void Scheduler::abandon_threads() {
  abandoning_ = true;
  for (int i = 0; i < static_cast<int>(threads_.size()); ++i) {
    const State state = thread(i).state;
    if (thread(i).fiber == nullptr || state == State::fresh || state == State::returned) continue;
    current_ = i;
    Fiber::switch_to(host_, *thread(i).fiber);
  }
  abandoning_ = false;
}

int Scheduler::next() {
  if (returned_ == static_cast<int>(threads_.size())) return -1;
  return order_.next([this](int index) {
    const State state = thread(index).state;
    return state == State::fresh || state == State::ready;
  });
}

Fiber& Scheduler::free_fiber() {
  if (free_fibers_.empty()) {
    fibers_.push_back(std::make_unique<Fiber>(fiber_entry));
    return *fibers_.back();
  }
  Fiber& fiber = *free_fibers_.back();
  free_fibers_.pop_back();
  return fiber;
}

void Scheduler::fiber_entry() {
  Fiber::arrived();
  for (;;) scheduler().run_threads();
}

/// The life of a fiber: runs the current thread; then, as long as the next one has not begun, that one too, without
/// any switch. Otherwise the fiber becomes free, to be resumed here with another thread.
void Scheduler::run_threads() {
  Fiber* const self = thread(current_).fiber;
  for (;;) {
    here.thread = indices_[static_cast<std::size_t>(current_)];
    try {
      launch_->body();
      thread_returned();
    } catch (const Abandoned&) {
    } catch (...) {
      error_ = std::current_exception();
      thread(current_).state = State::returned;
    }
    const int following = error_ ? -1 : next();
    if (following >= 0) current_ = following;
    if (following >= 0 && thread(following).state == State::fresh) {
      thread(following).fiber = self;
      continue;
    }
    free_fibers_.push_back(self);
    if (following < 0)
      Fiber::switch_to(*self, host_);
    else
      Fiber::switch_to(*self, *thread(following).fiber);
    return;
  }
}

void Scheduler::thread_returned() {
  Thread& self = thread(current_);
  Warp& warp = warps_[static_cast<std::size_t>(current_ / 32)];
  const unsigned bit = 1u << (current_ % 32);
  self.state = State::returned;
  ++returned_;
  warp.alive &= ~bit;
  for (unsigned waiting = warp.waiting; waiting != 0; waiting &= waiting - 1) {
    const Thread& other = thread(current_ / 32 * 32 + std::countr_zero(waiting));
    if (other.meeting.mask & bit)
      throw Failure("returned, but " + std::string(other.meeting.operation) + " at " + place(other.site) +
                    " waits for it with mask " + hex(other.meeting.mask));
  }
  if (at_barrier_ == 0) return;
  if (!allow_early_return) {
    const auto waiting = std::find_if(threads_.begin(), threads_.end(),
                                      [](const Thread& t) { return t.state == State::at_barrier; });
    throw Failure("returned, but other threads wait for it in __syncthreads at " + place(waiting->site));
  }
  if (at_barrier_ + returned_ == static_cast<int>(threads_.size())) {
    const auto waiting = std::find_if(threads_.begin(), threads_.end(),
                                      [](const Thread& t) { return t.state == State::at_barrier; });
    release_barrier(waiting->site);
  }
}

std::string Scheduler::describe(int index) const {
  return "thread " + text(indices_[static_cast<std::size_t>(index)]);
}

/// Gives control away until somebody makes the current thread ready again.
void Scheduler::wait(State state) {
  const int self = current_;
  thread(self).state = state;
  const int following = next();
  if (following < 0) {
    Fiber::switch_to(*thread(self).fiber, host_);  // a deadlock
  } else {
    current_ = following;
    Fiber& target = thread(following).state == State::fresh ? free_fiber() : *thread(following).fiber;
    thread(following).fiber = &target;
    Fiber::switch_to(*thread(self).fiber, target);
  }
  if (abandoning_) throw Abandoned();
  here.thread = indices_[static_cast<std::size_t>(self)];
}

void Scheduler::sync_threads(const Site& site) {
  if (returned_ > 0 && !allow_early_return) {
    int gone = 0;
    while (thread(gone).state != State::returned) ++gone;
    throw Failure("waits in __syncthreads at " + place(site) + ", but " + describe(gone) + " has returned");
  }
  thread(current_).site = site;
  if (++at_barrier_ + returned_ == static_cast<int>(threads_.size()))
    release_barrier(site);
  else
    wait(State::at_barrier);
}

/// Everybody is there. A GPU lets threads meet at different barriers of the source; it is hardly ever meant.
void Scheduler::release_barrier(const Site& site) {
  for (int i = 0; i < static_cast<int>(threads_.size()); ++i) {
    Thread& other = thread(i);
    if (other.state != State::at_barrier) continue;
    if (!same(other.site, site))
      throw Failure("divergent __syncthreads: waits at " + place(site) + ", " + describe(i) + " at " +
                    place(other.site));
    other.state = State::ready;
  }
  at_barrier_ = 0;
}

}  // namespace uptake::sim
