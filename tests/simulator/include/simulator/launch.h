// Launching a kernel: its arguments are copied and their pointers noted, then the stream gets the launch.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime_types.h"

namespace uptake::sim {

/// An aligned 8-byte word of a kernel argument, which may be an address.
struct ArgumentWord {
  int argument;        // counted from 0
  bool pointer;        // the argument is a pointer, not a structure that may contain some
  std::size_t offset;  // in the argument, bytes
  std::uintptr_t value;
};

struct Launch {
  const void* kernel = nullptr;
  dim3 grid, block;
  std::size_t dynamic_bytes = 0, shared_limit = 0;
  std::function<void()> body;  // what one thread does
  std::vector<ArgumentWord> words;
};

cudaError_t enqueue_launch(cudaStream_t stream, Launch launch);

template <class T>
void note_argument(std::vector<ArgumentWord>& words, int index, const T& argument) {
  static_assert(std::is_trivially_copyable_v<T>, "kernel arguments are copied to the device byte by byte");
  if constexpr (!std::is_arithmetic_v<T> && !std::is_enum_v<T>) {
    T copy = argument;
    __builtin_clear_padding(&copy);  // where old addresses may be left
    for (std::size_t i = 0; i + sizeof(std::uintptr_t) <= sizeof(T); i += sizeof(std::uintptr_t)) {
      std::uintptr_t value;
      std::memcpy(&value, reinterpret_cast<const char*>(&copy) + i, sizeof(value));
      words.push_back({index, std::is_pointer_v<T>, i, value});
    }
  }
}

}  // namespace uptake::sim

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  uptake::sim::Launch launch;
  launch.kernel = reinterpret_cast<const void*>(kernel);
  launch.grid = config->gridDim;
  launch.block = config->blockDim;
  launch.dynamic_bytes = config->dynamicSmemBytes;
  [&](Parameters... values) {  // the arguments, converted as in a call
    int index = 0;
    (uptake::sim::note_argument(launch.words, index++, values), ...);
    launch.body = [kernel, values...] { kernel(values...); };
  }(std::forward<Arguments>(arguments)...);
  return uptake::sim::enqueue_launch(config->stream, std::move(launch));
}
