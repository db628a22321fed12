// Who computes a convolution on the CPU: oneDNN float where the build has it, plain loops everything.
#include <array>
#include <type_traits>

#include "kernels/conv/conv_algorithm.h"
#include "kernels/conv/cpu/conv_plain.h"
#ifdef UPTAKE_HAS_ONEDNN
#include "kernels/conv/cpu/conv_onednn.h"
#include "kernels/conv/cpu/onednn_filters.h"
#endif

namespace uptake::kernels::cpu {
namespace {

#ifdef UPTAKE_HAS_ONEDNN
template <class T>
constexpr ConvAlgorithm<T> onednn_row() {
  if constexpr (std::is_same_v<T, float>)
    return {"onednn", onednn::supports, onednn::run};
  else
    return {"onednn", supports_nothing<T>, nullptr};
}
#endif

// The fastest first.
template <class T>
constexpr auto kTable = std::to_array<ConvAlgorithm<T>>({
#ifdef UPTAKE_HAS_ONEDNN
    onednn_row<T>(),
#endif
    {"plain", plain::supports<T>, plain::run<T>},
});

}  // namespace

template <class T>
std::span<const ConvAlgorithm<T>> conv_table() {
  return kTable<T>;
}

template <class T>
void conv(const ConvCall<T>& call, const ConvOptions& options) {
  run_conv(conv_table<T>(), call, options, nullptr);
}

std::vector<std::string> conv_algorithms() { return names_of(conv_table<float>()); }

void forget_filters([[maybe_unused]] const void* begin, [[maybe_unused]] const void* end) {
#ifdef UPTAKE_HAS_ONEDNN
  onednn::forget(begin, end);
#endif
}

template std::span<const ConvAlgorithm<float>> conv_table<float>();
template std::span<const ConvAlgorithm<double>> conv_table<double>();
template void conv<float>(const ConvCall<float>&, const ConvOptions&);
template void conv<double>(const ConvCall<double>&, const ConvOptions&);

}  // namespace uptake::kernels::cpu
