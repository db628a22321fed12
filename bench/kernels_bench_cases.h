// What bench_kernels times: each case names an operation at a size and can set up one call of it on device memory of its
// own, again and again, so that calls in a row touch different memory.
#pragma once
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/base/device.h"

namespace uptake::bench {

/// Device memory handed out piece by piece, 256-byte aligned.
class Slab {
 public:
  explicit Slab(std::int64_t bytes) : memory_(bytes) {}

  /// Throws std::length_error when there is not enough left.
  template <class T>
  T* take(std::int64_t count) {
    const std::int64_t bytes = (count * static_cast<std::int64_t>(sizeof(T)) + 255) / 256 * 256;
    if (bytes > left()) throw std::length_error("the benchmark's device memory is too small for this case");
    T* piece = reinterpret_cast<T*>(memory_.data() + used_);
    used_ += bytes;
    return piece;
  }
  void reset() { used_ = 0; }
  std::int64_t left() const { return memory_.size() - used_; }
  std::byte* data() const { return memory_.data(); }
  std::int64_t size() const { return memory_.size(); }

 private:
  kernels::cuda::DeviceBuffer<std::byte> memory_;
  std::int64_t used_ = 0;
};

struct Memory {
  Slab inputs;   // random numbers in (-1,1), as float and as BFloat16; never written
  Slab outputs;  // begins as random numbers too
};

/// One call of an operation: `enqueue` puts it on the compute stream. bytes: see kernels_bench.cpp.
struct Pass {
  std::function<void()> enqueue;
  std::int64_t bytes = 0;
};

struct Case {
  std::string name;  // operation/variant/shape/type
  std::function<Pass(Memory&)> make;
};

/// Every case, float32 and bfloat16, at batch 1 and 16.
std::vector<Case> all_cases();

}  // namespace uptake::bench
