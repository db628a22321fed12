// What the runtime functions share: the lock, the last error, the device's memory, launching.
#pragma once
#include <memory>
#include <mutex>
#include <string>

#include "simulator/launch.h"
#include "tests/simulator/memory.h"
#include "tests/simulator/streams.h"

struct CUstream_st {
  std::shared_ptr<uptake::sim::Queue> queue;
};
struct CUevent_st {
  bool timing = true;
  std::shared_ptr<uptake::sim::Record> record;
};
struct CUgraph_st {
  uptake::sim::Graph graph;
};
struct CUgraphExec_st {
  std::shared_ptr<const uptake::sim::Graph> graph;
};

namespace uptake::sim {

/// Held during every call of the runtime: kernels and host threads take turns.
class Lock {
 public:
  Lock() : guard_(mutex()) {}

 private:
  static std::recursive_mutex& mutex();
  std::lock_guard<std::recursive_mutex> guard_;
};

/// The stream's queue, or null if it is not a stream (any more).
Queue* queue_of(cudaStream_t stream);
cudaError_t unknown_stream();

/// Remembers the error for cudaGetLastError(), and what was wrong for cudaGetErrorString().
cudaError_t error(cudaError_t code, const std::string& what);

/// Whether a capture forbids what cannot be captured; then the capture is invalid from now on.
bool forbidden_by_capture();
/// The same for calls on a stream that is being captured, in every mode of capture.
bool refused_while_captured(const Queue& queue);
cudaError_t not_during_capture(const char* function);

/// Runs the work of waits; a Failure makes the device forget all pending work. `quiet` is for functions that are
/// called by destructors: the Failure is kept and thrown by the next call that may.
void run_pending(const Work& work);
void run_pending_quietly(const Work& work);

/// The launch itself, when its turn has come.
void run_launch(const Launch& launch);

// Parts of reset().
void forget_captures();
void forget_failure();

}  // namespace uptake::sim
