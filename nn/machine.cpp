#include "nn/machine.h"

#include <cstdlib>
#include <filesystem>
#include <ostream>

#include "kernels/base/device.h"
#include "kernels/base/memory.h"
#include "kernels/conv/conv.h"
#include "nn/option_error.h"

namespace uptake::nn {
namespace {

namespace cuda = kernels::cuda;

void check_conv(const MachineOptions& o) {
  std::string known;
  for (const std::string& name : conv_names()) {
    if (name == o.conv) return;
    known += (known.empty() ? "one of " : ", ") + name;
  }
  throw OptionError("conv", "'" + o.conv + "'", known);
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
    throw OptionError({option_name("conv"), " is cudnn, but this build of uptake was made without cuDNN"});
  if (o.conv == "own" && o.autotune)
    throw OptionError(
        {option_name("autotune"), " is for cuDNN's convolutions, but ", option_name("conv"), " is own"});
  const bool own = o.conv == "own" || (o.conv == "auto" && !cuda::built_with_cudnn());
  cuda::ConvOptions conv = cuda::conv_options();
  conv.library = own ? cuda::ConvLibrary::own : cuda::ConvLibrary::cudnn;
  conv.tf32 = o.precision == Precision::tf32;
  conv.autotune = o.autotune;
  if (!own) conv.plan_cache = plan_cache();
  cuda::set_conv_options(conv);
  note << "device: " << cuda::device_info().name << ", " << name_of(o.precision) << ", convolutions by "
       << (own ? "Uptake's own kernels" : "cuDNN") << std::endl;
  return {Device::cuda, o.precision == Precision::bf16 ? DType::bf16 : DType::f32, o.graph};
}
#else
Machine on_gpu(const MachineOptions&, std::ostream&) { return {}; }
#endif

}  // namespace

std::vector<std::string> conv_names() { return {"auto", "cudnn", "own"}; }

Machine choose_machine(const MachineOptions& o, std::ostream& note) {
  check_conv(o);
  if (o.device != DeviceChoice::cpu) {
    const std::string reason = cuda::why_unavailable();
    if (reason.empty()) return on_gpu(o, note);
    if (o.device == DeviceChoice::cuda) throw OptionError({option_name("device"), " is cuda, but " + reason});
    if (cuda::built_with_cuda() && cuda::card_present())
      note << reason << "; running on the CPU" << std::endl;
  }
  if (o.precision != Precision::float32)
    throw OptionError({option_name("precision"),
                       " " + name_of(o.precision) + " is for the GPU; the CPU computes in float32"});
  return {};
}

void trim_memory() {
  kernels::host_memory().trim();
#ifdef UPTAKE_HAS_CUDA
  if (cuda::why_unavailable().empty()) cuda::device_memory().trim();
#endif
}

}  // namespace uptake::nn
