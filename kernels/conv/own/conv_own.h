// The convolutions of this project on the GPU: one definition, three ways to compute it, each a step faster and
// harder to read than the one before. All give the same bits every time. One namespace an algorithm, one file a
// namespace: conv_<algorithm>.cu. Each is a row of the table in conv_cuda.cpp. Internal to kernels/.
#pragma once
#include "kernels/conv/conv.h"

namespace uptake::kernels::cuda::own {

/// One thread an output, straight from the definition: what the others are held against, and what does empty images.
namespace naive {
template <class T>
bool supports(const ConvCall<T>& call);
template <class T>
void run(const ConvCall<T>& call, const ConvOptions& options, StreamHandle stream);
}  // namespace naive

/// A tile of outputs a thread, in registers; float arithmetic for any storage.
namespace implicit_gemm {
template <class T>
bool supports(const ConvCall<T>& call);
template <class T>
void run(const ConvCall<T>& call, const ConvOptions& options, StreamHandle stream);
}  // namespace implicit_gemm

/// BFloat16 only: mma.sync with float accumulators, channels in multiples of 8, addresses of 16 bytes.
namespace tensor_core {
bool supports(const ConvCall<BFloat16>& call);
void run(const ConvCall<BFloat16>& call, const ConvOptions& options, StreamHandle stream);
}  // namespace tensor_core

}  // namespace uptake::kernels::cuda::own
