// Checking of CUDA runtime calls. For files that are compiled only in builds with CUDA. Internal to kernels/.
#pragma once
#include <cuda_runtime.h>

#include <string>

#include "kernels/base/device.h"

namespace uptake::kernels::cuda::detail {

/// Throws CudaError: "cudaMalloc(&p, bytes): cudaErrorMemoryAllocation: out of memory (kernels/x.cpp:12)".
[[noreturn]] inline void fail(const char* call, cudaError_t error, const char* file, int line) {
  throw CudaError(std::string(call) + ": " + cudaGetErrorName(error) + ": " + cudaGetErrorString(error) +
                  " (" + file + ":" + std::to_string(line) + ")");
}

}  // namespace uptake::kernels::cuda::detail

/// Evaluates a CUDA runtime call and throws CudaError unless it succeeded.
#define UPTAKE_CUDA_CHECK(call)                                                        \
  do {                                                                                 \
    if (const cudaError_t uptake_error_ = (call); uptake_error_ != cudaSuccess)        \
      ::uptake::kernels::cuda::detail::fail(#call, uptake_error_, __FILE__, __LINE__); \
  } while (false)
