// Independent jobs on a few threads.
#pragma once
#include <cstddef>
#include <functional>

#include "io/base/interrupt.h"

namespace uptake::io {

/// Calls job(0) .. job(count - 1), each once, on up to `threads` threads (at least one), in any order. Waits
/// for all of them; the first exception stops the handing out of jobs and is thrown on, and so does `stop`, by
/// Interrupted. Jobs must be safe to run at once.
void parallel_for(std::size_t count, int threads, StopFlag stop, const std::function<void(std::size_t)>& job);
inline void parallel_for(std::size_t count, int threads, const std::function<void(std::size_t)>& job) {
  parallel_for(count, threads, nullptr, job);
}

}  // namespace uptake::io
