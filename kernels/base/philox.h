// Philox4x32-10: counter-based random numbers. Source: Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3", SC 2011. The n-th number is a pure function of (key, counter), so a dropout mask is recomputed in
// the backward pass instead of stored, and any thread or device can draw any number in any order.
#pragma once
#include <cmath>
#include <compare>
#include <cstdint>

#include "kernels/base/bfloat16.h"  // UPTAKE_HOST_DEVICE

namespace uptake::kernels {

/// Names one sequence of random numbers: what it is for (stream) and when (step).
struct RandomKey {
  std::uint64_t seed = 0;
  std::uint32_t stream = 0;
  std::uint32_t step = 0;
};

/// Four independent 32-bit words.
struct PhiloxBlock {
  std::uint32_t word[4];
  auto operator<=>(const PhiloxBlock&) const = default;
};

/// Block `index` of the sequence.
UPTAKE_HOST_DEVICE constexpr PhiloxBlock philox(RandomKey key, std::uint64_t index) {
  std::uint32_t c0 = static_cast<std::uint32_t>(index), c1 = static_cast<std::uint32_t>(index >> 32);
  std::uint32_t c2 = key.stream, c3 = key.step;
  std::uint32_t k0 = static_cast<std::uint32_t>(key.seed), k1 = static_cast<std::uint32_t>(key.seed >> 32);
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

/// The 32-bit word of element `index`: word index%4 of block index/4.
constexpr std::uint32_t philox_word(const RandomKey& key, std::uint64_t index) {
  return philox(key, index / 4).word[index % 4];
}

/// Uniform in (0,1): never exactly 0 or 1.
constexpr double uniform01(std::uint32_t word) { return (word + 0.5) * (1.0 / 4294967296.0); }

/// Standard normal for element `index` (Box-Muller on words 2*index and 2*index+1).
inline double philox_normal(const RandomKey& key, std::uint64_t index) {
  const double u = uniform01(philox_word(key, 2 * index)), v = uniform01(philox_word(key, 2 * index + 1));
  return std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586476925 * v);
}

}  // namespace uptake::kernels
