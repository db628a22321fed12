// Meetings of lanes, and what to say when some lane never comes.
#include <array>
#include <cstring>

#include "tests/simulator/scheduler.h"

namespace uptake::sim {
namespace {

/// What the kernel code calls through the global functions of simulator/*.h.
Scheduler& inside_a_kernel(const char* operation) {
  if (!scheduler().running()) throw Failure(std::string(operation) + " called outside a kernel");
  return scheduler();
}

}  // namespace

void sync_threads(const Site& site) { inside_a_kernel("__syncthreads").sync_threads(site); }
void meet(const Meeting& meeting) { inside_a_kernel(meeting.operation).meet(meeting); }
int lane() { return inside_a_kernel("a warp operation").lane(); }
unsigned active_lanes() { return inside_a_kernel("__activemask").active_lanes(); }
void* shared_variable(const SharedVariable& variable) {
  return inside_a_kernel("UPTAKE_SHARED").shared().variable(variable);
}
void* shared_dynamic(std::size_t alignment) {
  if (alignment > 16) throw Failure("dynamic shared memory is aligned to 16 bytes, not more");
  return inside_a_kernel("UPTAKE_SHARED_DYNAMIC").shared().dynamic();
}

void check_width(const char* operation, int width, const Site& site) {
  if (width < 1 || width > 32 || (width & (width - 1)) != 0)
    throw Failure(std::string(operation) + " at " + place(site) + ": width " + std::to_string(width) +
                  " is not a power of two up to 32");
}

unsigned ballot(const char* operation, unsigned mask, bool predicate, const Site& site) {
  std::array<unsigned char, 32> all{};
  const unsigned char mine = predicate ? 1 : 0;
  meet({operation, mask, &mine, all.data(), 1, Meeting::kEveryLane, site});
  unsigned result = 0;
  for (unsigned i = 0; i < 32; ++i)
    if ((mask >> i & 1u) != 0 && all[i] != 0) result |= 1u << i;
  return result;
}

void Scheduler::check_meeting(const Meeting& meeting) const {
  const Warp& warp = warps_[static_cast<std::size_t>(current_ / 32)];
  const unsigned mask = meeting.mask, source = meeting.source >= 0 ? 1u << meeting.source : 0;
  if ((mask >> lane() & 1u) != 0 && (mask & ~warp.alive) == 0 && (source & ~mask) == 0 &&
      meeting.bytes <= Meeting::kMostBytes)
    return;
  const auto lane_text = [](unsigned lanes) { return "lane " + std::to_string(std::countr_zero(lanes)); };
  std::string what;
  if ((mask >> lane() & 1u) == 0)
    what = "the mask does not name the calling " + lane_text(1u << lane());
  else if ((mask & ~warp.exists) != 0)
    what = lane_text(mask & ~warp.exists) + " does not exist in this block";
  else if ((mask & ~warp.alive) != 0)
    what = lane_text(mask & ~warp.alive) + " has returned";
  else if ((source & ~mask) != 0)
    what = "reads " + lane_text(source) + ", which does not take part";
  else
    what = std::to_string(meeting.bytes) + " bytes are too many";
  throw Failure(std::string(meeting.operation) + " at " + place(meeting.site) + " with mask " + hex(mask) +
                ": " + what);
}

void Scheduler::meet(const Meeting& meeting) {
  check_meeting(meeting);
  Warp& warp = warps_[static_cast<std::size_t>(current_ / 32)];
  const int first = current_ / 32 * 32;
  Thread& self = thread(current_);
  self.meeting = meeting;
  self.site = meeting.site;
  warp.waiting |= 1u << lane();
  bool complete = (warp.waiting & meeting.mask) == meeting.mask;
  for (unsigned rest = complete ? meeting.mask : 0; rest != 0; rest &= rest - 1) {
    const Meeting& other = thread(first + std::countr_zero(rest)).meeting;
    if (other.mask != meeting.mask) {
      complete = false;  // that lane is at another meeting, and may come here later
      break;
    }
    if (!same(other.site, meeting.site) || std::strcmp(other.operation, meeting.operation) != 0 ||
        other.bytes != meeting.bytes)
      throw Failure(std::string("diverged lanes meet: ") + meeting.operation + " at " + place(meeting.site) +
                    ", lane " + std::to_string(std::countr_zero(rest)) + " in " + other.operation + " at " +
                    place(other.site));
  }
  if (complete)
    finish_meeting(meeting.mask, first);
  else
    wait(State::at_meeting);
}

/// Delivers to every lane while all of them still wait, so that nothing given can have changed.
void Scheduler::finish_meeting(unsigned mask, int first_of_warp) {
  auto& all = given_;
  const std::size_t bytes = thread(current_).meeting.bytes;
  const auto for_lanes = [&](const auto& body) {
    for (unsigned rest = mask; rest != 0; rest &= rest - 1) {
      const int index = std::countr_zero(rest);
      body(static_cast<std::size_t>(index), thread(first_of_warp + index));
    }
  };
  if (bytes > 0) {
    for_lanes([&](std::size_t i, const Thread& t) { std::memcpy(&all[i * bytes], t.meeting.mine, bytes); });
    for_lanes([&](std::size_t, const Thread& t) {
      if (t.meeting.source == Meeting::kEveryLane)
        std::memcpy(t.meeting.received, all.data(), 32 * bytes);
      else
        std::memcpy(t.meeting.received, &all[static_cast<std::size_t>(t.meeting.source) * bytes], bytes);
    });
  }
  for_lanes([&](std::size_t, Thread& t) { t.state = State::ready; });
  warps_[static_cast<std::size_t>(first_of_warp / 32)].waiting &= ~mask;
}

/// Nobody can run, and not everybody has returned: who waits where.
std::string Scheduler::deadlock() const {
  std::string list;
  const auto count = static_cast<int>(threads_.size());
  const auto waits_for = [&](const Thread& t) -> std::string {
    if (t.state == State::returned) return "returned";
    if (t.state == State::at_barrier) return "in __syncthreads at " + place(t.site);
    return std::string("in ") + t.meeting.operation + " at " + place(t.site) + " with mask " +
           hex(t.meeting.mask);
  };
  for (int from = 0, to; from < count; from = to) {
    const std::string what = waits_for(thread(from));
    for (to = from + 1; to < count && waits_for(thread(to)) == what;) ++to;
    list += "\n  thread" +
            (to - from == 1 ? " " + std::to_string(from)
                            : "s " + std::to_string(from) + "-" + std::to_string(to - 1)) +
            " " + what;
  }
  return "deadlock: nobody can go on, these threads wait for each other:" + list;
}

}  // namespace uptake::sim
