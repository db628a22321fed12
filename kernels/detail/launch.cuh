// The one way a kernel is launched: checked, and with UPTAKE_DEBUG_SYNC=1 in the environment followed by a
// synchronisation, so that a kernel's error surfaces at its own launch. Internal to kernels/.
#pragma once
#include <cuda_runtime.h>

#include <cstdlib>
#include <utility>

#include "kernels/base/check.h"
#include "kernels/detail/grid.h"

namespace uptake::kernels::cuda {

inline bool debug_sync() {
  static const bool on = [] {
    const char* value = std::getenv("UPTAKE_DEBUG_SYNC");
    return value != nullptr && *value == '1';
  }();
  return on;
}

/// Waits for the stream if debug_sync() asks for it, unless the stream is being recorded.
inline void debug_synchronize(StreamHandle stream) {
  if (!debug_sync()) return;
  cudaStreamCaptureStatus recording = cudaStreamCaptureStatusNone;
  UPTAKE_CUDA_CHECK(cudaStreamIsCapturing(stream, &recording));
  if (recording == cudaStreamCaptureStatusNone) UPTAKE_CUDA_CHECK(cudaStreamSynchronize(stream));
}

/// `kernel` over `grid` blocks of `block` threads. Limits were checked by Grid. An empty grid is no launch.
template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), Grid grid, int block, std::size_t shared_bytes,
            StreamHandle stream, Arguments&&... arguments) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(grid.x, grid.y, grid.z);
  config.blockDim = dim3(static_cast<unsigned>(block), 1, 1);
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  UPTAKE_CUDA_CHECK(cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...));
  debug_synchronize(stream);
}

}  // namespace uptake::kernels::cuda
