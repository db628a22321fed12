// Dropout masks drawn inside kernels: the same numbers as kernels/base/philox.h, block by block of four elements.
// Internal to kernels/.
#pragma once
#include <cuda_runtime.h>

#include <cmath>
#include <cstdint>

#include "kernels/base/dropout.h"

namespace uptake::kernels::cuda {

/// Four words of Philox4x32-10 (kernels/base/philox.h has source and layout).
struct PhiloxBlock {
  std::uint32_t word[4];
};

__device__ inline PhiloxBlock philox_block(std::uint64_t seed, std::uint32_t stream, std::uint32_t step,
                                           std::uint64_t index) {
  std::uint32_t c0 = static_cast<std::uint32_t>(index), c1 = static_cast<std::uint32_t>(index >> 32);
  std::uint32_t c2 = stream, c3 = step;
  std::uint32_t k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * c0, b = std::uint64_t{0xCD9E8D57u} * c2;
    c0 = static_cast<std::uint32_t>(b >> 32) ^ c1 ^ k0;
    c1 = static_cast<std::uint32_t>(b);
    c2 = static_cast<std::uint32_t>(a >> 32) ^ c3 ^ k1;
    c3 = static_cast<std::uint32_t>(a);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

/// Dropout as a kernel needs it: an element is kept when its word reaches the threshold.
struct DropoutMask {
  std::uint64_t seed = 0;
  std::uint32_t stream = 0, step = 0;
  const std::uint32_t* device_step = nullptr;
  std::uint32_t threshold = 0;
  float factor = 1;  // of what is kept

  explicit DropoutMask(const Dropout& dropout)
      : seed(dropout.key.seed),
        stream(dropout.key.stream),
        step(dropout.key.step),
        device_step(dropout.device_step) {
    // uniform01(word) >= p is word + 0.5 >= p * 2^32, exact in double. Only a p within 2^-33 of 1 gives 2^32,
    // which no word reaches: then nothing is kept.
    const double limit = std::max(0.0, std::ceil(dropout.p * 4294967296.0 - 0.5));
    const bool keeps_some = limit < 4294967296.0;
    threshold = keeps_some ? static_cast<std::uint32_t>(limit) : 0;
    factor = keeps_some ? static_cast<float>(1.0 / (1.0 - dropout.p)) : 0.0f;
  }

  /// To be called once by every thread: the step of a recorded graph is in device memory.
  __device__ void read_step() {
    if (device_step != nullptr) step = *device_step;
  }

  /// Factors of elements first..first+N of the packed tensor; first is a multiple of N.
  template <int N>
  __device__ void factors(float (&out)[N], std::uint64_t first) const {
    if constexpr (N % 4 == 0) {
#pragma unroll
      for (int block = 0; block < N / 4; ++block) {
        const PhiloxBlock drawn = philox_block(seed, stream, step, first / 4 + static_cast<unsigned>(block));
#pragma unroll
        for (int i = 0; i < 4; ++i) out[4 * block + i] = factor_of(drawn.word[i]);
      }
    } else {
      static_assert(N == 1);
      const PhiloxBlock drawn = philox_block(seed, stream, step, first / 4);
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
