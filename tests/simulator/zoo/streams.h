// Streams and events for tests: destroyed at the end of the scope.
#pragma once
#include "tests/simulator/zoo/catch.h"

namespace uptake::zoo {

struct Stream {
  cudaStream_t handle = nullptr;
  explicit Stream(unsigned flags = cudaStreamNonBlocking) {
    REQUIRE(cudaStreamCreateWithFlags(&handle, flags) == cudaSuccess);
  }
  ~Stream() { cudaStreamDestroy(handle); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
};

struct Event {
  cudaEvent_t handle = nullptr;
  explicit Event(unsigned flags = cudaEventDisableTiming) {
    REQUIRE(cudaEventCreateWithFlags(&handle, flags) == cudaSuccess);
  }
  ~Event() { cudaEventDestroy(handle); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
};

/// A page-locked float.
struct Slot {
  float* data = nullptr;
  explicit Slot(float value) {
    REQUIRE(cudaMallocHost(&data, sizeof(float)) == cudaSuccess);
    *data = value;
  }
  ~Slot() { cudaFreeHost(data); }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
};

/// What `record` enqueues on the stream (and on streams joined to it), as a graph.
class Replay {
 public:
  template <class Record>
  Replay(const Stream& stream, const Record& record) {
    REQUIRE(cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
    record();
    cudaGraph_t graph = nullptr;
    REQUIRE(cudaStreamEndCapture(stream.handle, &graph) == cudaSuccess);
    REQUIRE(cudaGraphInstantiate(&executable_, graph) == cudaSuccess);
    REQUIRE(cudaGraphGetNodes(graph, nullptr, &nodes_) == cudaSuccess);
    REQUIRE(cudaGraphDestroy(graph) == cudaSuccess);  // the executable graph does not need it
  }
  ~Replay() { cudaGraphExecDestroy(executable_); }
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;

  cudaError_t launch(const Stream& stream) const { return cudaGraphLaunch(executable_, stream.handle); }
  std::size_t nodes() const { return nodes_; }

 private:
  cudaGraphExec_t executable_ = nullptr;
  std::size_t nodes_ = 0;
};

/// One thread, on the stream.
template <class... Parameters, class... Arguments>
void start_on(const Stream& stream, void (*kernel)(Parameters...), Arguments... arguments) {
  cudaLaunchConfig_t config{1, 1, 0, stream.handle, nullptr, 0};
  REQUIRE(cudaLaunchKernelEx(&config, kernel, arguments...) == cudaSuccess);
}

}  // namespace uptake::zoo
