// A network's state as named tensors in PyTorch's names, shapes and element order, in a safetensors file.
#pragma once
#include <string>

#include "io/tensors/safetensors.h"
#include "nn/adam.h"
#include "nn/parameters.h"

namespace uptake::nn {

/// Weights, running statistics and counters as `prefix + name`, float32 and int64.
void put_state(io::Safetensors& file, const std::string& prefix, const ParameterStore& store);

/// Throws io::FileError naming the first tensor that is missing or has another shape. Needs no allocated
/// store, so that a file that lies about its size is refused before memory is asked for.
void require_state(const io::Safetensors& file, const std::string& prefix, const ParameterStore& store);

/// Reads them back. Throws io::FileError naming the first tensor that is missing, has another shape or holds
/// numbers that are not finite; the store is then as it was. A missing num_batches_tracked counts as 0 (PyTorch
/// before 0.4 wrote none).
void get_state(const io::Safetensors& file, const std::string& prefix, ParameterStore& store);

/// Adam's moments as `prefix + "m." + name` and `prefix + "v." + name`. The number of steps is kept
/// elsewhere.
void put_adam(io::Safetensors& file, const std::string& prefix, const ParameterStore& store,
              const Adam& adam);
void get_adam(const io::Safetensors& file, const std::string& prefix, const ParameterStore& store,
              Adam& adam);

}  // namespace uptake::nn
