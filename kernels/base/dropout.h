// What an operation is told of dropout, and what follows from it. The mask is a pure function of (key, element index
// in the packed tensor).
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include "kernels/base/philox.h"
#include "kernels/base/types.h"

namespace uptake::kernels {

/// Dropout with probability p in [0,1); p = 0 is off. Element i is kept when uniform01(word i) >= p.
struct Dropout {
  double p = 0;
  RandomKey key;
  /// GPU: when not null, stands for key.step and is read in device memory when the kernel runs, so that a
  /// recorded step draws new masks each time.
  const std::uint32_t* device_step = nullptr;
};

/// The same in whole numbers: an element whose word reaches the threshold is kept and multiplied by the factor.
struct DropoutRule {
  std::uint32_t threshold = 0;
  double factor = 0;

  explicit DropoutRule(double p) {
    // uniform01(word) >= p is word + 0.5 >= p * 2^32; both sides are exact in double, so is this limit. Only a p
    // within 2^-33 of 1 gives 2^32, which no word reaches: then nothing is kept.
    const double limit = std::max(0.0, std::ceil(p * 4294967296.0 - 0.5));
    if (limit >= 4294967296.0) return;
    threshold = static_cast<std::uint32_t>(limit);
    factor = 1.0 / (1.0 - p);
  }
};

inline void check_dropout(const Dropout& dropout) {
  if (!(dropout.p >= 0 && dropout.p < 1))
    throw ShapeError("dropout probability is " + std::to_string(dropout.p) + ", expected in [0,1)");
}

}  // namespace uptake::kernels
