// The convolutions of this project on the GPU: one definition, four ways to compute it, each a step faster and
// harder to read than the one before. All give the same bits every time. Internal to kernels/; the arguments are
// those of conv.h.
#pragma once
#include <array>

#include "kernels/conv.h"

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

/// These three throw ShapeError where supports() is false.
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

}  // namespace uptake::kernels::cuda::own
