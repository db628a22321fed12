// The numbers that keep the random sequences of a run apart; all share the run's seed. Initialisation uses
// streams from 0x1000000 up (nn/init.h).
#pragma once
#include <cstdint>

namespace uptake::gan::streams {

constexpr std::uint32_t kDropout = 0;             // + the number of the layer; step = training step
constexpr std::uint32_t kOrder = 0x10000;         // step = epoch
constexpr std::uint32_t kAugmentation = 0x20000;  // step = epoch

}  // namespace uptake::gan::streams
