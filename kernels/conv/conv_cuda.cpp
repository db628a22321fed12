// Who computes a convolution on the GPU: cuDNN or the kernels of this project, and which of them.
#include <algorithm>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "kernels/conv/own/conv_own.h"
#include "kernels/conv/own/conv_tiles.h"
#ifdef UPTAKE_HAS_CUDNN
#include "kernels/conv/cudnn/conv_cudnn.h"
#endif

namespace uptake::kernels::cuda {
namespace own {

// Backward data runs stride * stride passes as blocks in z, of which there are 65535.
constexpr std::int64_t kLongestStride = 16;

const char* name(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::naive:
      return "naive";
    case Algorithm::tiled:
      return "tiled";
    case Algorithm::implicit_gemm:
      return "implicit_gemm";
    case Algorithm::tensor_core:
      return "tensor_core";
  }
  return "unknown";
}

template <class T>
bool supports(Algorithm algorithm, Operation operation, const ConvGeometry& g) {
  if (algorithm == Algorithm::naive) return true;
  if (g.x.size() == 0 || g.y().size() == 0) return false;
  if (operation == Operation::backward_data && g.filters.stride > kLongestStride) return false;
  if (std::max(g.filters.r, g.filters.s) > detail::kLargestKernel) return false;
  if (algorithm != Algorithm::tensor_core) return true;
  // A chunk of 16 bytes is 8 channels: of whatever is summed over, and of what the filters' rows hold.
  const bool c_in_chunks = g.filters.c % 8 == 0, k_in_chunks = g.filters.k % 8 == 0;
  return std::is_same_v<T, BFloat16> && c_in_chunks && (k_in_chunks || operation == Operation::forward);
}

template <class T>
Algorithm choose(Operation operation, const ConvGeometry& g) {
  for (const Algorithm algorithm : {Algorithm::tensor_core, Algorithm::implicit_gemm})
    if (supports<T>(algorithm, operation, g)) return algorithm;
  return Algorithm::naive;
}

namespace {

template <class T>
void check_supported(Algorithm algorithm, Operation operation, const ConvGeometry& g) {
  require(supports<T>(algorithm, operation, g),
          std::string("convolution: this geometry is not for the algorithm ") + name(algorithm));
}

bool in_chunks(std::initializer_list<const void*> addresses) {
  for (const void* p : addresses)
    if (reinterpret_cast<std::uintptr_t>(p) % 16 != 0) return false;
  return true;
}

}  // namespace

template <class T>
void forward(Algorithm algorithm, const ConvGeometry& g, T* y, const T* x, const T* krsc,
             const ConvEpilogue<T>& epilogue, StreamHandle stream) {
  check_supported<T>(algorithm, Operation::forward, g);
  if (algorithm == Algorithm::naive) return naive::forward(g, y, x, krsc, epilogue, stream);
  if (algorithm == Algorithm::tiled) return tiled::forward(g, y, x, krsc, epilogue, stream);
  if constexpr (std::is_same_v<T, BFloat16>)
    if (algorithm == Algorithm::tensor_core && in_chunks({x, krsc}))
      return tensor_core::forward(g, y, x, krsc, epilogue, stream);
  implicit_gemm::forward(g, y, x, krsc, epilogue, stream);
}

template <class T>
void backward_data(Algorithm algorithm, const ConvGeometry& g, T* dx, const T* dy, const T* krsc,
                   const ConvEpilogue<T>& epilogue, StreamHandle stream) {
  check_supported<T>(algorithm, Operation::backward_data, g);
  if (algorithm == Algorithm::naive) return naive::backward_data(g, dx, dy, krsc, epilogue, stream);
  if (algorithm == Algorithm::tiled) return tiled::backward_data(g, dx, dy, krsc, epilogue, stream);
  if constexpr (std::is_same_v<T, BFloat16>)
    if (algorithm == Algorithm::tensor_core && in_chunks({dy, krsc}))
      return tensor_core::backward_data(g, dx, dy, krsc, epilogue, stream);
  implicit_gemm::backward_data(g, dx, dy, krsc, epilogue, stream);
}

template <class T>
void backward_filters(Algorithm algorithm, const ConvGeometry& g, Accum<T>* dkrsc, Write write, const T* x,
                      const T* dy, StreamHandle stream) {
  check_supported<T>(algorithm, Operation::backward_filters, g);
  if (algorithm == Algorithm::naive) return naive::backward_filters(g, dkrsc, write, x, dy, stream);
  if (algorithm == Algorithm::tiled) return tiled::backward_filters(g, dkrsc, write, x, dy, stream);
  if constexpr (std::is_same_v<T, BFloat16>)
    if (algorithm == Algorithm::tensor_core && in_chunks({x, dy}))
      return tensor_core::backward_filters(g, dkrsc, write, x, dy, stream);
  implicit_gemm::backward_filters(g, dkrsc, write, x, dy, stream);
}

}  // namespace own

namespace {

ConvOptions& stored_options() {
  static ConvOptions options = [] {
    ConvOptions defaults;
#ifdef UPTAKE_HAS_CUDNN
    defaults.library = ConvLibrary::cudnn;
#endif
    return defaults;
  }();
  return options;
}

}  // namespace

void set_conv_options(const ConvOptions& options) {
#ifndef UPTAKE_HAS_CUDNN
  if (options.library == ConvLibrary::cudnn)
    throw std::invalid_argument("convolution by cuDNN was asked for, but this build has no cuDNN");
#endif
  stored_options() = options;
}

const ConvOptions& conv_options() { return stored_options(); }

// Empty operands are the own kernels' business: a result without terms is act(bias), a gradient is zeros.

template <class T>
void conv_forward(const ConvGeometry& g, T* y, const T* x, const T* krsc, const ConvEpilogue<T>& epilogue,
                  StreamHandle stream) {
  if (g.y().size() == 0) return;
#ifdef UPTAKE_HAS_CUDNN
  if (g.x.size() > 0 && conv_options().library == ConvLibrary::cudnn)
    return cudnn::forward(g, y, x, krsc, epilogue, stream);
#endif
  own::forward(own::choose<T>(own::Operation::forward, g), g, y, x, krsc, epilogue, stream);
}

template <class T>
void conv_backward_data(const ConvGeometry& g, T* dx, const T* dy, const T* krsc,
                        const ConvEpilogue<T>& epilogue, StreamHandle stream) {
  if (g.x.size() == 0) return;
#ifdef UPTAKE_HAS_CUDNN
  if (g.y().size() > 0 && conv_options().library == ConvLibrary::cudnn)
    return cudnn::backward_data(g, dx, dy, krsc, epilogue, stream);
#endif
  own::backward_data(own::choose<T>(own::Operation::backward_data, g), g, dx, dy, krsc, epilogue, stream);
}

template <class T>
void conv_backward_filters(const ConvGeometry& g, Accum<T>* dkrsc, Write write, const T* x, const T* dy,
                           StreamHandle stream) {
  const bool empty = g.x.size() == 0 || g.y().size() == 0;
  if (g.filters.size() == 0 || (empty && write == Write::add)) return;
#ifdef UPTAKE_HAS_CUDNN
  if (!empty && conv_options().library == ConvLibrary::cudnn)
    return cudnn::backward_filters(g, dkrsc, write, x, dy, stream);
#endif
  own::backward_filters(own::choose<T>(own::Operation::backward_filters, g), g, dkrsc, write, x, dy, stream);
}

#define UPTAKE_INSTANTIATE(T)                                                                              \
  template bool own::supports<T>(own::Algorithm, own::Operation, const ConvGeometry&);                     \
  template own::Algorithm own::choose<T>(own::Operation, const ConvGeometry&);                             \
  template void own::forward<T>(own::Algorithm, const ConvGeometry&, T*, const T*, const T*,               \
                                const ConvEpilogue<T>&, StreamHandle);                                     \
  template void own::backward_data<T>(own::Algorithm, const ConvGeometry&, T*, const T*, const T*,         \
                                      const ConvEpilogue<T>&, StreamHandle);                               \
  template void own::backward_filters<T>(own::Algorithm, const ConvGeometry&, float*, Write, const T*,     \
                                         const T*, StreamHandle);                                          \
  template void conv_forward<T>(const ConvGeometry&, T*, const T*, const T*, const ConvEpilogue<T>&,       \
                                StreamHandle);                                                             \
  template void conv_backward_data<T>(const ConvGeometry&, T*, const T*, const T*, const ConvEpilogue<T>&, \
                                      StreamHandle);                                                       \
  template void conv_backward_filters<T>(const ConvGeometry&, float*, Write, const T*, const T*,           \
                                         StreamHandle);
UPTAKE_INSTANTIATE(float)
UPTAKE_INSTANTIATE(BFloat16)
#undef UPTAKE_INSTANTIATE

}  // namespace uptake::kernels::cuda
