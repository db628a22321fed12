// Seeded random numbers for the phantom: the generator is standard (mt19937_64), the distributions are ours,
// because those of the standard library differ between implementations.
#pragma once
#include <cstdint>
#include <random>

namespace uptake::io::phantom {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  /// Uniform in [0, 1), 53 bits.
  double uniform() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Uniform in 0..n-1, n >= 1. The bias of the remainder is below n / 2^64.
  std::uint64_t below(std::uint64_t n) { return engine_() % n; }
  bool chance(double probability) { return uniform() < probability; }
  double normal();
  /// exp(sigma * normal): a factor around 1.
  double factor(double sigma);
  /// Poisson counts of the given mean >= 0: multiplication of uniforms below 10 (Knuth), transformed
  /// rejection above (Hoermann 1993, "The transformed rejection method for generating Poisson random
  /// variables", PTRS). Both exact.
  std::int64_t poisson(double mean);

 private:
  std::int64_t poisson_by_rejection(double mean);

  std::mt19937_64 engine_;
};

}  // namespace uptake::io::phantom
