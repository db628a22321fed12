// The convolutions of this project on the GPU: one definition, four ways to compute it, each a step faster and
// harder to read than the one before. All give the same bits every time. Internal to kernels/; the arguments are
// those of conv.h.
#pragma once
#include <array>

#include "kernels/conv/conv.h"

namespace uptake::kernels::cuda::own {

enum class Algorithm {
  naive,          // one thread an output, straight from the definition: what the others are held against
  tiled,          // tiles of both operands in shared memory, one output a thread
  implicit_gemm,  // a tile of outputs a thread, in registers; float arithmetic for any storage
  tensor_core,    // BFloat16 only: mma.sync with float accumulators, channels in multiples of 8
};
inline constexpr std::array kAlgorithms = {Algorithm::naive, Algorithm::tiled, Algorithm::implicit_gemm,
                                           Algorithm::tensor_core};

enum class Operation { forward, backward_data, backward_filters };

const char* name(Algorithm algorithm);

/// Whether the algorithm can do this operation on this geometry. Empty images and filters: naive only.
template <class T>
bool supports(Algorithm algorithm, Operation operation, const ConvGeometry& geometry);

/// The fastest algorithm that supports the case, judged by its shape alone.
template <class T>
Algorithm choose(Operation operation, const ConvGeometry& geometry);

/// These three throw ShapeError where supports() is false. tensor_core stands back for implicit_gemm when an address
/// is not a multiple of 16 bytes.
template <class T>
void forward(Algorithm algorithm, const ConvGeometry& geometry, T* y, const T* x, const T* krsc,
             const ConvEpilogue<T>& epilogue, StreamHandle stream);
template <class T>
void backward_data(Algorithm algorithm, const ConvGeometry& geometry, T* dx, const T* dy, const T* krsc,
                   const ConvEpilogue<T>& epilogue, StreamHandle stream);
template <class T>
void backward_filters(Algorithm algorithm, const ConvGeometry& geometry, Accum<T>* dkrsc, Write write,
                      const T* x, const T* dy, StreamHandle stream);

// One namespace an algorithm, one file a namespace: conv_<algorithm>.cu.

namespace naive {
template <class T>
void forward(const ConvGeometry& geometry, T* y, const T* x, const T* krsc, const ConvEpilogue<T>& epilogue,
             StreamHandle stream);
template <class T>
void backward_data(const ConvGeometry& geometry, T* dx, const T* dy, const T* krsc,
                   const ConvEpilogue<T>& epilogue, StreamHandle stream);
template <class T>
void backward_filters(const ConvGeometry& geometry, Accum<T>* dkrsc, Write write, const T* x, const T* dy,
                      StreamHandle stream);
}  // namespace naive

namespace tiled {
template <class T>
void forward(const ConvGeometry& geometry, T* y, const T* x, const T* krsc, const ConvEpilogue<T>& epilogue,
             StreamHandle stream);
template <class T>
void backward_data(const ConvGeometry& geometry, T* dx, const T* dy, const T* krsc,
                   const ConvEpilogue<T>& epilogue, StreamHandle stream);
template <class T>
void backward_filters(const ConvGeometry& geometry, Accum<T>* dkrsc, Write write, const T* x, const T* dy,
                      StreamHandle stream);
}  // namespace tiled

namespace implicit_gemm {
template <class T>
void forward(const ConvGeometry& geometry, T* y, const T* x, const T* krsc, const ConvEpilogue<T>& epilogue,
             StreamHandle stream);
template <class T>
void backward_data(const ConvGeometry& geometry, T* dx, const T* dy, const T* krsc,
                   const ConvEpilogue<T>& epilogue, StreamHandle stream);
template <class T>
void backward_filters(const ConvGeometry& geometry, Accum<T>* dkrsc, Write write, const T* x, const T* dy,
                      StreamHandle stream);
}  // namespace implicit_gemm

namespace tensor_core {
void forward(const ConvGeometry& geometry, BFloat16* y, const BFloat16* x, const BFloat16* krsc,
             const ConvEpilogue<BFloat16>& epilogue, StreamHandle stream);
void backward_data(const ConvGeometry& geometry, BFloat16* dx, const BFloat16* dy, const BFloat16* krsc,
                   const ConvEpilogue<BFloat16>& epilogue, StreamHandle stream);
void backward_filters(const ConvGeometry& geometry, float* dkrsc, Write write, const BFloat16* x,
                      const BFloat16* dy, StreamHandle stream);
}  // namespace tensor_core

}  // namespace uptake::kernels::cuda::own
