// Where to compute and how: asked for by a user, made of it by what this build and this machine have, and passed to
// every network. Networks of one process may differ.
#pragma once
#include <iosfwd>
#include <string>
#include <vector>

#include "kernels/conv/conv.h"
#include "nn/enum_names.h"
#include "nn/tensor.h"

namespace uptake::nn {

/// automatic: the GPU if one can be used.
enum class DeviceChoice { automatic, cpu, cuda };
constexpr auto names(DeviceChoice) {
  return std::to_array<std::pair<DeviceChoice, const char*>>(
      {{DeviceChoice::automatic, "auto"}, {DeviceChoice::cpu, "cpu"}, {DeviceChoice::cuda, "cuda"}});
}

/// Of images and convolutions. tf32 and bf16 are for the GPU: float32 whose factors cuDNN rounds to 10 bits of mantissa;
/// bfloat16 (weights and statistics stay float32).
enum class Precision { float32, tf32, bf16 };
constexpr auto names(Precision) {
  return std::to_array<std::pair<Precision, const char*>>(
      {{Precision::float32, "float32"}, {Precision::tf32, "tf32"}, {Precision::bf16, "bf16"}});
}

struct MachineOptions {
  DeviceChoice device = DeviceChoice::automatic;
  Precision precision = Precision::float32;
  std::string conv = "auto";  // one of conv_names()
  bool autotune = false;      // GPU: time cuDNN's plans for each new convolution
};

/// auto and the algorithms of this build, those of the GPU first: a convolution is computed by the one that is named or,
/// where that does not support the case, by the next one of its device.
std::vector<std::string> conv_names();

struct Machine {
  Device device = Device::cpu;
  DType dtype = DType::f32;  // of images
  kernels::ConvOptions conv;
};

/// Throws OptionError (option: "device", "precision", "conv", "autotune") for what the device does not know and when the
/// GPU is asked for and cannot be used. When `automatic` falls back to the CPU in a build with CUDA, one line on `note`
/// says why; when the GPU is chosen, one line names it. Plans that cuDNN's convolutions were given are remembered in
/// $XDG_CACHE_HOME/uptake (by default ~/.cache/uptake), if that can be written.
Machine choose_machine(const MachineOptions& options, std::ostream& note);

/// Gives cached memory that no tensor uses back to the system and the driver.
void trim_memory();

}  // namespace uptake::nn
