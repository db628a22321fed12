// What an operation is told of dropout. The mask is a pure function of (key, element index in the packed tensor).
#pragma once
#include <cstdint>

#include "kernels/base/philox.h"

namespace uptake::kernels {

/// Dropout with probability p in [0,1); p = 0 is off. Element i is kept when uniform01(word i) >= p.
struct Dropout {
  double p = 0;
  RandomKey key;
  /// GPU: when not null, stands for key.step and is read in device memory when the kernel runs, so that a
  /// recorded step draws new masks each time.
  const std::uint32_t* device_step = nullptr;
};

}  // namespace uptake::kernels
