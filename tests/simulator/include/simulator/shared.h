// Shared memory. Each UPTAKE_SHARED in the source is one variable of the block, as on the GPU: all threads get
// the same memory, the next block gets fresh memory, filled with NaN and with watched borders.
#pragma once
#include <cstddef>

namespace uptake::sim {

/// One UPTAKE_SHARED of the source, and in templates one of each instantiation; its address identifies it.
struct SharedVariable {
  const char* name;
  const char* file;
  int line;
  std::size_t bytes, alignment;
};

void* shared_variable(const SharedVariable& variable);
void* shared_dynamic(std::size_t alignment);

}  // namespace uptake::sim

/// UPTAKE_SHARED(name, type): `name` is an lvalue of `type`, e.g. UPTAKE_SHARED(tile, float[16][17]).
#define UPTAKE_SHARED(name, ...)                                                                             \
  using name##_type = __VA_ARGS__;                                                                           \
  static_assert(__is_trivially_constructible(name##_type), "shared memory is not constructed");              \
  static constexpr ::uptake::sim::SharedVariable name##_variable{#name, __FILE__, __LINE__,                  \
                                                                 sizeof(name##_type), alignof(name##_type)}; \
  auto& name = *static_cast<name##_type*>(::uptake::sim::shared_variable(name##_variable))

/// UPTAKE_SHARED_DYNAMIC(name, T): `name` is a T* to the bytes asked for at the launch.
#define UPTAKE_SHARED_DYNAMIC(name, T) \
  T* const name = static_cast<T*>(::uptake::sim::shared_dynamic(alignof(T)))
