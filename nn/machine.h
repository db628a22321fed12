// Where to compute and how, chosen from a user's options and what this build and this machine have.
#pragma once
#include <iosfwd>
#include <string>

#include "nn/tensor.h"

namespace uptake::nn {

struct MachineOptions {
  std::string device = "auto";        // auto: the GPU if one can be used; cpu; cuda
  std::string precision = "float32";  // float32; on the GPU also tf32 and bf16
  std::string conv = "auto";          // GPU: cudnn, own; auto: cudnn if the build has it
  bool autotune = false;              // GPU: time cuDNN's plans for each new convolution
  bool graph = true;                  // GPU: replay training steps as one CUDA graph
};

struct Machine {
  Device device = Device::cpu;
  DType dtype = DType::f32;
  bool graph = true;
};

/// Throws std::invalid_argument for an unknown word, for one that the device does not know (--precision bf16 on
/// the CPU), and when the GPU is asked for and cannot be used. When `auto`
/// falls back to the CPU in a build with CUDA on a machine with a card, one line on `note` says why; when the GPU is chosen, one line
/// names it. Sets kernels::cuda::ConvOptions; plans that cuDNN's convolutions
/// were given are remembered in $XDG_CACHE_HOME/uptake (by default ~/.cache/uptake), if that can be written.
Machine choose_machine(const MachineOptions& options, std::ostream& note);

/// Gives cached memory that no tensor uses back to the system and the driver.
void trim_memory();

}  // namespace uptake::nn
