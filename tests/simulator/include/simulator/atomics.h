// Integer atomics: only one thread runs at a time, so plain operations will do. There are none of float: a sum in
// the order of arrival is not reproducible.
#pragma once
#include <algorithm>

namespace uptake::sim {

template <class T, class Change>
T exchange(T* address, const Change& change) {
  const T old = *address;
  *address = change(old);
  return old;
}

}  // namespace uptake::sim

#define UPTAKE_SIM_ATOMICS(T)                                                                    \
  inline T atomicAdd(T* address, T value) {                                                      \
    return uptake::sim::exchange(address, [=](T old) { return static_cast<T>(old + value); });   \
  }                                                                                              \
  inline T atomicExch(T* address, T value) {                                                     \
    return uptake::sim::exchange(address, [=](T) { return value; });                             \
  }                                                                                              \
  inline T atomicMax(T* address, T value) {                                                      \
    return uptake::sim::exchange(address, [=](T old) { return std::max(old, value); });          \
  }                                                                                              \
  inline T atomicMin(T* address, T value) {                                                      \
    return uptake::sim::exchange(address, [=](T old) { return std::min(old, value); });          \
  }                                                                                              \
  inline T atomicCAS(T* address, T expected, T value) {                                          \
    return uptake::sim::exchange(address, [=](T old) { return old == expected ? value : old; }); \
  }
UPTAKE_SIM_ATOMICS(int)
UPTAKE_SIM_ATOMICS(unsigned)
UPTAKE_SIM_ATOMICS(unsigned long long)
#undef UPTAKE_SIM_ATOMICS

/// 0 after `limit`.
inline unsigned atomicInc(unsigned* address, unsigned limit) {
  return uptake::sim::exchange(address, [=](unsigned old) { return old >= limit ? 0 : old + 1; });
}
float atomicAdd(float*, float) = delete;
double atomicAdd(double*, double) = delete;
