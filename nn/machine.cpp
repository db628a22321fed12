#include "nn/machine.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

#include "kernels/base/device.h"
#include "kernels/base/memory.h"
#include "nn/option_error.h"

namespace uptake::nn {
namespace {

namespace cuda = kernels::cuda;

bool is_one_of(const std::string& name, const std::vector<std::string>& names) {
  return std::ranges::find(names, name) != names.end();
}

void check_conv(const std::string& conv, const std::vector<std::string>& of_device, const char* device) {
  if (conv == "auto" || is_one_of(conv, of_device)) return;
  std::string known;
  for (const std::string& name : conv_names()) known += (known.empty() ? "one of " : ", ") + name;
  if (!is_one_of(conv, conv_names())) throw OptionError("conv", "'" + conv + "'", known);
  throw OptionError({option_name("conv"), " is " + conv + ", which is not for the " + device});
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
  check_conv(o.conv, cuda::conv_algorithms(), "GPU");
  const bool own = !cuda::built_with_cudnn() || (o.conv != "auto" && o.conv != "cudnn");
  if (own && o.conv != "auto" && o.autotune)
    throw OptionError({option_name("autotune"), " is for cuDNN's convolutions, but ", option_name("conv"),
                       " is " + o.conv});
  Machine machine{Device::cuda, o.precision == Precision::bf16 ? DType::bf16 : DType::f32, {}};
  machine.conv.algorithm = o.conv;
  machine.conv.tf32 = o.precision == Precision::tf32;
  machine.conv.autotune = o.autotune;
  if (!own) machine.conv.plan_cache = plan_cache();
  note << "device: " << cuda::device_info().name << ", " << name_of(o.precision) << ", convolutions by "
       << (own ? "Uptake's own kernels" : "cuDNN") << std::endl;
  return machine;
}
#else
Machine on_gpu(const MachineOptions&, std::ostream&) { return {}; }
#endif

}  // namespace

std::vector<std::string> conv_names() {
  std::vector<std::string> all{"auto"};
  for (const auto& names : {cuda::conv_algorithms(), kernels::cpu::conv_algorithms()})
    all.insert(all.end(), names.begin(), names.end());
  return all;
}

Machine choose_machine(const MachineOptions& o, std::ostream& note) {
  if (o.device != DeviceChoice::cpu) {
    const std::string reason = cuda::why_unavailable();
    if (reason.empty()) return on_gpu(o, note);
    if (o.device == DeviceChoice::cuda) throw OptionError({option_name("device"), " is cuda, but " + reason});
    if (cuda::built_with_cuda() && cuda::card_present())
      note << reason << "; running on the CPU" << std::endl;
  }
  check_conv(o.conv, kernels::cpu::conv_algorithms(), "CPU");
  if (o.precision != Precision::float32)
    throw OptionError({option_name("precision"),
                       " " + name_of(o.precision) + " is for the GPU; the CPU computes in float32"});
  Machine machine;
  machine.conv.algorithm = o.conv;
  return machine;
}

void trim_memory() {
  kernels::host_memory().trim();
#ifdef UPTAKE_HAS_CUDA
  if (cuda::why_unavailable().empty()) cuda::device_memory().trim();
#endif
}

}  // namespace uptake::nn
