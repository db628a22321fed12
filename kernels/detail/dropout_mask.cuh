// Dropout masks drawn inside kernels, block by block of four elements. Internal to kernels/.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/base/dropout.h"

namespace uptake::kernels::cuda {

/// Dropout as a kernel needs it: an element is kept when its word reaches the threshold.
struct DropoutMask {
  RandomKey key;
  const std::uint32_t* device_step;
  std::uint32_t threshold;
  float factor;  // of what is kept

  explicit DropoutMask(const Dropout& dropout) : key(dropout.key), device_step(dropout.device_step) {
    const DropoutRule rule(dropout.p);
    threshold = rule.threshold;
    factor = static_cast<float>(rule.factor);
  }

  /// To be called once by every thread: the step of a recorded graph is in device memory.
  __device__ void read_step() {
    if (device_step != nullptr) key.step = *device_step;
  }

  /// Factors of elements first..first+N of the packed tensor; first is a multiple of N.
  template <int N>
  __device__ void factors(float (&out)[N], std::uint64_t first) const {
    if constexpr (N % 4 == 0) {
#pragma unroll
      for (int block = 0; block < N / 4; ++block) {
        const PhiloxBlock drawn = philox(key, first / 4 + static_cast<unsigned>(block));
#pragma unroll
        for (int i = 0; i < 4; ++i) out[4 * block + i] = factor_of(drawn.word[i]);
      }
    } else {
      static_assert(N == 1);
      const PhiloxBlock drawn = philox(key, first / 4);
      const unsigned i = static_cast<unsigned>(first % 4);
      out[0] = factor_of(i == 0   ? drawn.word[0]
                         : i == 1 ? drawn.word[1]
                         : i == 2 ? drawn.word[2]
                                  : drawn.word[3]);
    }
  }

 private:
  __device__ float factor_of(std::uint32_t word) const { return word >= threshold ? factor : 0.0f; }
};

}  // namespace uptake::kernels::cuda
