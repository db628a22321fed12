// Who computes a convolution on the GPU: cuDNN or the kernels of this project, and which of them.
#include <array>

#include "kernels/conv/conv_algorithm.h"
#include "kernels/conv/own/conv_own.h"
#ifdef UPTAKE_HAS_CUDNN
#include "kernels/conv/cudnn/conv_cudnn.h"
#endif

namespace uptake::kernels::cuda {
namespace {

template <class T>
constexpr ConvAlgorithm<T> tensor_core() {
  if constexpr (std::is_same_v<T, BFloat16>)
    return {"tensor_core", own::tensor_core::supports, own::tensor_core::run};
  else
    return {"tensor_core", supports_nothing<T>, nullptr};
}

// The fastest first.
template <class T>
constexpr auto kTable = std::to_array<ConvAlgorithm<T>>({
#ifdef UPTAKE_HAS_CUDNN
    {"cudnn", cudnn::supports<T>, cudnn::run<T>},
#endif
    {"own", supports_nothing<T>, nullptr},  // those below
    tensor_core<T>(),
    {"implicit_gemm", own::implicit_gemm::supports<T>, own::implicit_gemm::run<T>},
    {"naive", own::naive::supports<T>, own::naive::run<T>},
});

}  // namespace

template <class T>
std::span<const ConvAlgorithm<T>> conv_table() {
  return kTable<T>;
}

template <class T>
void conv(const ConvCall<T>& call, const ConvOptions& options, StreamHandle stream) {
  run_conv(conv_table<T>(), call, options, stream);
}

std::vector<std::string> conv_algorithms() { return names_of(conv_table<float>()); }

template std::span<const ConvAlgorithm<float>> conv_table<float>();
template std::span<const ConvAlgorithm<BFloat16>> conv_table<BFloat16>();
template void conv<float>(const ConvCall<float>&, const ConvOptions&, StreamHandle);
template void conv<BFloat16>(const ConvCall<BFloat16>&, const ConvOptions&, StreamHandle);

}  // namespace uptake::kernels::cuda
