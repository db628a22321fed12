// A GPU that is only described: cuDNN plans for it on a machine without one.
#pragma once
#include <dlfcn.h>

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "kernels/conv/cudnn/conv_cudnn.h"

namespace uptake::tests {

/// The published limits of an H100 SXM with 80 GB, in cuDNN's JSON.
inline const std::string& h100_description() {
  static const std::string json = [] {
    const std::string path = UPTAKE_SOURCE_DIR "/tests/cudnn/h100_deviceprop.json";
    std::ifstream file(path);
    // Where there is no driver, cuDNN opens and closes this library for every fused graph, and gives up at the
    // driver. Held open, that takes no time.
    for (const char* nvrtc : {"libnvrtc.so.13", "libnvrtc.so.12"}) dlopen(nvrtc, RTLD_LAZY);
    if (!file) throw std::runtime_error("cannot read " + path);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }();
  return json;
}

/// The three ways a network is trained.
struct Math {
  const char* name;
  kernels::cuda::cudnn::Storage storage;
  bool tf32;
};
inline constexpr Math kMath[] = {{"float32", kernels::cuda::cudnn::Storage::float32, false},
                                 {"tf32", kernels::cuda::cudnn::Storage::float32, true},
                                 {"bfloat16", kernels::cuda::cudnn::Storage::bfloat16, false}};

inline kernels::ConvOptions options_of(const Math& math) {
  kernels::ConvOptions options;
  options.tf32 = math.tf32;
  return options;
}

}  // namespace uptake::tests
