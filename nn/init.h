// Initial values of a network's parameters. Filters get one of four distributions; biases 0; normalisation
// weights N(1, gain) and biases 0, as the pix2pix reference does. Every value is a function of (seed,
// parameter number, element), so the order of construction does not matter.
#pragma once
#include <cstdint>

#include "nn/enum_names.h"
#include "nn/parameters.h"

namespace uptake::nn {

/// For filters [k,c,r,s], with fan_in = c r s and fan_out = k r s (of the stored shape, as PyTorch counts
/// them):
///   normal      N(0, gain)
///   xavier      N(0, gain sqrt(2 / (fan_in + fan_out)))             Glorot & Bengio 2010
///   kaiming     N(0, sqrt(2 / fan_in)); gain is not used            He et al. 2015
///   orthogonal  rows (or columns) of the k x (c r s) matrix orthonormal, times gain    Saxe et al. 2014
enum class InitKind { normal, xavier, kaiming, orthogonal };
constexpr auto names(InitKind) {
  return std::to_array<std::pair<InitKind, const char*>>({{InitKind::normal, "normal"},
                                                          {InitKind::xavier, "xavier"},
                                                          {InitKind::kaiming, "kaiming"},
                                                          {InitKind::orthogonal, "orthogonal"}});
}

/// `network` keeps the random numbers of several networks with the same seed apart.
void initialise(ParameterStore& store, InitKind kind, double gain, std::uint64_t seed, std::uint32_t network);

}  // namespace uptake::nn
