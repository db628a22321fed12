#include "nn/machine.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <ostream>
#include <stdexcept>
#include <vector>

#include "kernels/base/device.h"
#include "kernels/base/memory.h"
#include "kernels/conv/conv.h"

namespace uptake::nn {
namespace {

namespace cuda = kernels::cuda;

void require_one_of(const char* option, const std::string& value, const std::vector<std::string>& known) {
  if (std::ranges::find(known, value) != known.end()) return;
  std::string list;
  for (const std::string& name : known) list += (list.empty() ? "" : ", ") + name;
  throw std::invalid_argument(std::string("--") + option + " is '" + value + "', expected one of " + list);
}

#ifdef UPTAKE_HAS_CUDA
// Where plans are remembered; empty where there is no place for such things.
std::filesystem::path plan_cache() {
  const auto folder_of = [](const char* variable) {
    const char* value = std::getenv(variable);
    return std::filesystem::path(value == nullptr ? "" : value);
  };
  std::filesystem::path folder = folder_of("XDG_CACHE_HOME");
  if (!folder.is_absolute()) {
    folder = folder_of("HOME");
    if (!folder.is_absolute()) return {};
    folder /= ".cache";
  }
  folder /= "uptake";
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  return error ? std::filesystem::path() : folder / "convolution_plans";
}

Machine on_gpu(const MachineOptions& o, std::ostream& note) {
  if (o.conv == "cudnn" && !cuda::built_with_cudnn())
    throw std::invalid_argument("--conv is cudnn, but this build of uptake was made without cuDNN");
  const bool own = o.conv == "own" || (o.conv == "auto" && !cuda::built_with_cudnn());
  cuda::ConvOptions conv = cuda::conv_options();
  conv.library = own ? cuda::ConvLibrary::own : cuda::ConvLibrary::cudnn;
  conv.tf32 = o.precision == "tf32";
  conv.autotune = o.autotune;
  if (!own) conv.plan_cache = plan_cache();
  cuda::set_conv_options(conv);
  note << "device: " << cuda::device_info().name << ", " << o.precision << ", convolutions by "
       << (own ? "Uptake's own kernels" : "cuDNN") << std::endl;
  return {Device::cuda, o.precision == "bf16" ? DType::bf16 : DType::f32, o.graph};
}
#else
Machine on_gpu(const MachineOptions&, std::ostream&) { return {}; }
#endif

}  // namespace

Machine choose_machine(const MachineOptions& o, std::ostream& note) {
  require_one_of("device", o.device, {"auto", "cpu", "cuda"});
  require_one_of("precision", o.precision, {"float32", "tf32", "bf16"});
  require_one_of("conv", o.conv, {"auto", "own", "cudnn"});
  if (o.conv == "own" && o.autotune)
    throw std::invalid_argument("--autotune is for cuDNN's convolutions, but --conv is own");
  if (o.device != "cpu") {
    const std::string reason = cuda::why_unavailable();
    if (reason.empty()) return on_gpu(o, note);
    if (o.device == "cuda") throw std::invalid_argument("--device is cuda, but " + reason);
    if (cuda::built_with_cuda() && cuda::card_present())
      note << reason << "; running on the CPU" << std::endl;
  }
  if (o.precision != "float32")
    throw std::invalid_argument("--precision " + o.precision +
                                " is for the GPU; the CPU computes in float32");
  return {};
}

void trim_memory() {
  kernels::host_memory().trim();
#ifdef UPTAKE_HAS_CUDA
  if (cuda::why_unavailable().empty()) cuda::device_memory().trim();
#endif
}

}  // namespace uptake::nn
