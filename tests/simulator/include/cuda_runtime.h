// Stands where CUDA's <cuda_runtime.h> stands when kernels are compiled by g++ for the simulator: the keywords,
// the vector types, the intrinsics, shared memory and the runtime functions this project uses. Everything else
// of CUDA is deliberately absent: a kernel that needs it does not compile here.
// Compile with -x c++ -DUPTAKE_SIMULATOR and -Wno-unknown-pragmas (for #pragma unroll).
#pragma once
#if !defined(UPTAKE_SIMULATOR)
#error "this is the simulator's cuda_runtime.h: define UPTAKE_SIMULATOR, or put CUDA's include folder first"
#endif

#define __global__
#define __device__
#define __host__
#define __constant__
#define __grid_constant__
#define __launch_bounds__(...)
#define __align__(bytes) alignas(bytes)
#define __forceinline__ inline __attribute__((always_inline))
// Plain static memory would outlive the block and keep its values: see simulator/shared.h.
#define __shared__ \
  static_assert(false, "shared memory is declared with UPTAKE_SHARED or UPTAKE_SHARED_DYNAMIC");

#include "simulator/atomics.h"
#include "simulator/launch.h"
#include "simulator/math.h"
#include "simulator/runtime_api.h"
#include "simulator/runtime_types.h"
#include "simulator/shared.h"
#include "simulator/thread.h"
#include "simulator/vector_types.h"
#include "simulator/warp.h"
