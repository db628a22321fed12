#include <algorithm>

#include "kernels/base/arena.h"
#include "kernels/base/device.h"

namespace uptake::kernels::cuda {
namespace {

constexpr std::int64_t kAlignment = 256;

thread_local Arena* active = nullptr;

}  // namespace

struct Arena::State {
  std::vector<Lifetime> lifetimes;  // of the run that is planned for, or being noted
  ArenaPlan plan;
  std::shared_ptr<std::byte> block;
  std::int64_t run = 0, events = 0;
  std::size_t next = 0;  // allocation of this run
  bool planned = false, on_plan = false, steady = false;
};

Arena::Arena() : state_(std::make_shared<State>()) {}
Arena::~Arena() = default;
bool Arena::steady() const { return state_->steady; }
std::int64_t Arena::planned_bytes() const { return state_->planned ? state_->plan.total_bytes : 0; }

ArenaScope::ArenaScope(Arena& arena) : arena_(arena) {
  Arena::State& s = *arena.state_;
  ++s.run;
  s.events = 0;
  s.next = 0;
  s.steady = false;
  s.on_plan = s.planned;
  if (!s.planned) s.lifetimes.clear();
  active = &arena;
}

ArenaScope::~ArenaScope() {
  active = nullptr;
  Arena::State& s = *arena_.state_;
  if (s.planned) {
    s.steady = s.on_plan && s.next == s.lifetimes.size();
    if (s.steady) return;
    // Another shape of work: forget the plan and note the next run.
    s.planned = false;
    s.block.reset();
    return;
  }
  for (Lifetime& l : s.lifetimes)
    if (l.end == 0) l.end = s.events + 1;
  s.plan = plan_arena(s.lifetimes, kAlignment);
  s.planned = true;
}

std::shared_ptr<std::byte> allocate_on_device(std::size_t bytes) {
  if (active == nullptr) return device_memory().allocate(bytes);
  Arena::State& s = *active->state_;
  if (!s.planned) {
    // The owner of the block notes when it lets go, if that is within this run.
    const std::size_t index = s.lifetimes.size();
    s.lifetimes.push_back({static_cast<std::int64_t>(bytes), s.events++, 0});
    auto block = device_memory().allocate(bytes);
    std::byte* const data = block.get();
    return {data, [block = std::move(block), state = active->state_, index, run = s.run](std::byte*) {
              if (state->run == run && !state->planned && index < state->lifetimes.size())
                state->lifetimes[index].end = ++state->events;
            }};
  }
  const bool expected = s.on_plan && s.next < s.lifetimes.size() &&
                        s.lifetimes[s.next].bytes == static_cast<std::int64_t>(bytes);
  if (!expected) {
    s.on_plan = false;
    return device_memory().allocate(bytes);
  }
  if (!s.block)
    s.block =
        device_memory().allocate(static_cast<std::size_t>(std::max<std::int64_t>(s.plan.total_bytes, 1)));
  // Shares the arena's block: it lives until the last of them is let go.
  return {s.block, s.block.get() + s.plan.offsets[s.next++]};
}

}  // namespace uptake::kernels::cuda
