// Warp operations. All of them are one meeting of the lanes that a mask names: every lane brings some bytes, and
// when the last has come, every lane gets what it asked for. A meeting is not a barrier of the block.
#pragma once
#include <cstddef>
#include <cstring>
#include <type_traits>

#include "thread.h"

namespace uptake::sim {

/// What one lane brings to a meeting. The memory it points to stays valid until the meeting is over.
struct Meeting {
  const char* operation = "";  // the intrinsic's name; all lanes must have called the same one
  unsigned mask = 0;           // who meets
  const void* mine = nullptr;  // `bytes` bytes given
  void* received = nullptr;    // those of lane `source`, or 32 of them in a row when source is kEveryLane
  std::size_t bytes = 0;       // at most kMostBytes
  int source = -1;
  Site site;
  static constexpr int kEveryLane = -1;
  static constexpr std::size_t kMostBytes = 256;
};
void meet(const Meeting& meeting);

int lane();
unsigned active_lanes();

/// For emulating tensor-core instructions: all 32 lanes meet, and each gets every lane's bytes.
inline void warp_exchange(const void* mine, std::size_t bytes, void* all32,
                          const Site& site = Site::current()) {
  meet({"warp_exchange", 0xffffffffu, mine, all32, bytes, Meeting::kEveryLane, site});
}

template <class T>
T shuffle(const char* operation, unsigned mask, T value, int source, const Site& site) {
  static_assert(std::is_trivially_copyable_v<T> && (sizeof(T) == 4 || sizeof(T) == 8),
                "a shuffle moves 4 or 8 bytes");
  T result;
  meet({operation, mask, &value, &result, sizeof(T), source, site});
  return result;
}

/// Throws unless width is 2, 4, 8, 16 or 32 (or 1).
void check_width(const char* operation, int width, const Site& site);

/// Bit i is lane i's predicate.
unsigned ballot(const char* operation, unsigned mask, bool predicate, const Site& site);

}  // namespace uptake::sim

inline void __syncwarp(unsigned mask = 0xffffffffu,
                       const uptake::sim::Site& site = uptake::sim::Site::current()) {
  uptake::sim::meet({"__syncwarp", mask, nullptr, nullptr, 0, uptake::sim::Meeting::kEveryLane, site});
}

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32,
              const uptake::sim::Site& site = uptake::sim::Site::current()) {
  uptake::sim::check_width("__shfl_sync", width, site);
  const int segment = uptake::sim::lane() & ~(width - 1);
  return uptake::sim::shuffle("__shfl_sync", mask, value, segment + (source & (width - 1)), site);
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32,
                  const uptake::sim::Site& site = uptake::sim::Site::current()) {
  uptake::sim::check_width("__shfl_xor_sync", width, site);
  const int lane = uptake::sim::lane(), other = lane ^ lane_mask, end = (lane & ~(width - 1)) + width;
  return uptake::sim::shuffle("__shfl_xor_sync", mask, value, other >= 0 && other < end ? other : lane, site);
}

template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32,
                   const uptake::sim::Site& site = uptake::sim::Site::current()) {
  uptake::sim::check_width("__shfl_down_sync", width, site);
  const int lane = uptake::sim::lane(), step = static_cast<int>(delta);
  const int source = (lane & (width - 1)) + step < width ? lane + step : lane;
  return uptake::sim::shuffle("__shfl_down_sync", mask, value, source, site);
}

template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32,
                 const uptake::sim::Site& site = uptake::sim::Site::current()) {
  uptake::sim::check_width("__shfl_up_sync", width, site);
  const int lane = uptake::sim::lane(), step = static_cast<int>(delta);
  const int source = (lane & (width - 1)) >= step ? lane - step : lane;
  return uptake::sim::shuffle("__shfl_up_sync", mask, value, source, site);
}

inline unsigned __ballot_sync(unsigned mask, int predicate,
                              const uptake::sim::Site& site = uptake::sim::Site::current()) {
  return uptake::sim::ballot("__ballot_sync", mask, predicate != 0, site);
}
inline int __any_sync(unsigned mask, int predicate,
                      const uptake::sim::Site& site = uptake::sim::Site::current()) {
  return uptake::sim::ballot("__any_sync", mask, predicate != 0, site) != 0;
}
inline int __all_sync(unsigned mask, int predicate,
                      const uptake::sim::Site& site = uptake::sim::Site::current()) {
  return uptake::sim::ballot("__all_sync", mask, predicate != 0, site) == mask;
}
/// The lanes that have not returned. On a GPU also fewer: no correct kernel depends on which.
inline unsigned __activemask() { return uptake::sim::active_lanes(); }
