#include "kernels/base/host.h"

#include <omp.h>

#include <atomic>

namespace uptake::kernels {
namespace {

// OpenMP's own setting belongs to one thread and those it starts. 0: not set.
std::atomic<int> threads_of_process{0};

}  // namespace

int set_threads(int count) {
  if (count <= 0) count = omp_get_num_procs();
  threads_of_process.store(count, std::memory_order_relaxed);
  return count;
}

int threads() {
  const int count = threads_of_process.load(std::memory_order_relaxed);
  return count > 0 ? count : omp_get_max_threads();
}

ThreadsForLibrary::ThreadsForLibrary() : before_(omp_get_max_threads()) { omp_set_num_threads(threads()); }
ThreadsForLibrary::~ThreadsForLibrary() { omp_set_num_threads(before_); }

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
