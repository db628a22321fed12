#include "kernels/base/host.h"

#include <omp.h>

namespace uptake::kernels {

int set_threads(int count) {
  if (count <= 0) count = omp_get_num_procs();
  omp_set_num_threads(count);
  return count;
}

const char* missing_cpu_feature() {
#if defined(__x86_64__) && defined(__AVX2__)
  if (!__builtin_cpu_supports("avx2")) return "AVX2";
  if (!__builtin_cpu_supports("fma")) return "FMA";
#endif
#if defined(__x86_64__) && defined(__AVX512F__)
  if (!__builtin_cpu_supports("avx512f")) return "AVX-512";
#endif
  return nullptr;
}

bool has_onednn() {
#ifdef UPTAKE_HAS_ONEDNN
  return true;
#else
  return false;
#endif
}

}  // namespace uptake::kernels
