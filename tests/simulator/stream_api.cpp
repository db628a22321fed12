// The runtime functions on streams, events and graphs.
#include <set>

#include "simulator/runtime_api.h"
#include "tests/simulator/runtime.h"

using namespace uptake::sim;

namespace {

/// Handles that were given out and not destroyed.
template <class Handle>
std::set<Handle*>& live() {
  static std::set<Handle*>& handles = *new std::set<Handle*>;
  return handles;
}
template <class Handle>
bool known(Handle* handle) {
  return live<Handle>().contains(handle);
}
template <class Handle>
Handle* create(Handle value) {
  auto* handle = new Handle(std::move(value));
  live<Handle>().insert(handle);
  return handle;
}
template <class Handle>
cudaError_t destroy(Handle* handle, const char* what) {
  if (live<Handle>().erase(handle) == 0) return error(cudaErrorInvalidResourceHandle, what);
  delete handle;
  return cudaSuccess;
}

cudaError_t unknown_event() { return error(cudaErrorInvalidResourceHandle, "not an event"); }

std::vector<std::shared_ptr<Capture>>& captures() {
  static auto& active = *new std::vector<std::shared_ptr<Capture>>;
  return active;
}

}  // namespace

namespace uptake::sim {

Queue* queue_of(cudaStream_t stream) {
  if (stream == nullptr) return &queues().default_queue();
  return known(stream) ? stream->queue.get() : nullptr;
}

cudaError_t unknown_stream() { return error(cudaErrorInvalidResourceHandle, "not a stream"); }

bool forbidden_by_capture() {
  bool forbidden = false;
  for (const auto& capture : captures()) {
    if (capture->mode == cudaStreamCaptureModeRelaxed) continue;
    if (capture->mode == cudaStreamCaptureModeThreadLocal && capture->owner != std::this_thread::get_id())
      continue;
    capture->invalid = forbidden = true;
  }
  return forbidden;
}

bool refused_while_captured(const Queue& queue) {
  if (queue.capture()) queue.capture()->invalid = true;
  return forbidden_by_capture() || queue.capture();
}

cudaError_t not_during_capture(const char* function) {
  return error(cudaErrorStreamCaptureUnsupported, std::string(function) + " during a capture");
}

void forget_captures() {
  for (const auto& capture : captures())
    for (const auto& queue : capture->queues) queue->end_capture();
  captures().clear();
}

}  // namespace uptake::sim

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  const Lock lock;
  *stream = create(CUstream_st{queues().create((flags & cudaStreamNonBlocking) == 0)});
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const Lock lock;
  return destroy(stream, "not a stream");  // its queue lives on until its work is done
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  const Lock lock;
  Queue* const queue = queue_of(stream);
  if (queue == nullptr) return unknown_stream();
  if (refused_while_captured(*queue)) return not_during_capture("cudaStreamSynchronize");
  run_pending([&] {
    queues().order_with_default(*queue);
    queue->run_all();
  });
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
  const Lock lock;
  if (forbidden_by_capture()) return not_during_capture("cudaDeviceSynchronize");
  run_pending([] { queues().run_all(); });
  return cudaSuccess;
}

/// Work that nobody waits for is done some time, too: the second question gets it done.
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  const Lock lock;
  Queue* const queue = queue_of(stream);
  if (queue == nullptr) return unknown_stream();
  if (refused_while_captured(*queue)) return not_during_capture("cudaStreamQuery");
  if (queue->empty()) return cudaSuccess;
  run_pending([&] { queue->run_all(); });
  return cudaErrorNotReady;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  const Lock lock;
  Queue* const queue = queue_of(stream);
  if (queue == nullptr) return unknown_stream();
  if (!known(event)) return unknown_event();
  const std::shared_ptr<Record> record = event->record;
  if (!record) return cudaSuccess;  // never recorded: nothing to wait for
  if (queue->capture() && !record->capture) {
    queue->capture()->invalid = true;
    return error(cudaErrorStreamCaptureIsolation, "the event was recorded outside the capture");
  }
  if (queue->capture() && queue->capture() != record->capture)
    return error(cudaErrorStreamCaptureMerge, "the event belongs to another capture");
  if (record->capture && record->capture->queues.front()->capture() != record->capture)
    return error(cudaErrorCapturedEvent, "the event was recorded in a capture that has ended");
  run_pending([&] { queue->wait_for(record); });
  return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  const Lock lock;
  *event = create(CUevent_st{(flags & cudaEventDisableTiming) == 0, nullptr});
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const Lock lock;
  return destroy(event, "not an event");
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const Lock lock;
  Queue* const queue = queue_of(stream);
  if (queue == nullptr) return unknown_stream();
  if (!known(event)) return unknown_event();
  run_pending([&] { event->record = queue->record(); });
  return cudaSuccess;
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  const Lock lock;
  if (!known(event)) return unknown_event();
  if (forbidden_by_capture()) return not_during_capture("cudaEventQuery");
  const std::shared_ptr<Record> record = event->record;
  if (!record) return cudaSuccess;
  if (record->capture) return error(cudaErrorCapturedEvent, "cudaEventQuery of a captured event");
  if (record->done || record->queue->empty()) return cudaSuccess;  // empty: forgotten after a failure
  run_pending([&] { record->queue->run_until(*record); });
  return cudaErrorNotReady;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  const Lock lock;
  if (!known(event)) return unknown_event();
  if (forbidden_by_capture()) return not_during_capture("cudaEventSynchronize");
  const std::shared_ptr<Record> record = event->record;
  if (!record) return cudaSuccess;
  if (record->capture) return error(cudaErrorCapturedEvent, "cudaEventSynchronize of a captured event");
  run_pending([&] { record->queue->run_until(*record); });
  return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  const Lock lock;
  if (!known(start) || !known(end)) return unknown_event();
  if (!start->timing || !end->timing) return error(cudaErrorInvalidResourceHandle, "an event without timing");
  if (!start->record || !end->record)
    return error(cudaErrorInvalidResourceHandle, "an event that was never recorded");
  if (!start->record->done || !end->record->done) return error(cudaErrorNotReady, "an event is not done");
  *milliseconds = std::chrono::duration<float, std::milli>(end->record->time - start->record->time).count();
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  const Lock lock;
  Queue* const queue = queue_of(stream);
  if (queue == nullptr) return unknown_stream();
  if (stream == nullptr)
    return error(cudaErrorStreamCaptureUnsupported, "the default stream cannot be captured");
  if (stream->queue->capture()) return error(cudaErrorIllegalState, "the stream is being captured already");
  auto capture = std::make_shared<Capture>();
  capture->mode = mode;
  capture->owner = std::this_thread::get_id();
  stream->queue->begin_capture(capture, {});
  captures().push_back(std::move(capture));
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const Lock lock;
  *graph = nullptr;
  if (stream == nullptr || !known(stream)) return unknown_stream();
  const std::shared_ptr<Capture> capture = stream->queue->capture();
  if (!capture) return error(cudaErrorIllegalState, "the stream is not being captured");
  if (capture->queues.front() != stream->queue)
    return error(cudaErrorStreamCaptureUnmatched, "another stream began the capture");
  if (capture->mode != cudaStreamCaptureModeRelaxed && capture->owner != std::this_thread::get_id())
    return error(cudaErrorStreamCaptureWrongThread, "another thread began the capture");
  const std::vector<std::size_t> ends = stream->queue->ends();
  for (const auto& queue : capture->queues) queue->end_capture();
  std::erase(captures(), capture);
  if (capture->invalid)
    return error(cudaErrorStreamCaptureInvalidated, "something was called that cannot be captured");
  if (!capture->graph.all_before(ends))
    return error(cudaErrorStreamCaptureUnjoined, "a stream that took part was not joined by an event");
  *graph = create(CUgraph_st{std::move(capture->graph)});
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  const Lock lock;
  Queue* const queue = queue_of(stream);
  if (queue == nullptr) return unknown_stream();
  const auto& capture = queue->capture();
  *status = !capture           ? cudaStreamCaptureStatusNone
            : capture->invalid ? cudaStreamCaptureStatusInvalidated
                               : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, std::size_t* count) {
  const Lock lock;
  if (!known(graph)) return error(cudaErrorInvalidResourceHandle, "not a graph");
  if (nodes != nullptr) return error(cudaErrorNotSupported, "the simulator only counts nodes");
  *count = graph->graph.nodes.size();
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  const Lock lock;
  if (!known(graph)) return error(cudaErrorInvalidResourceHandle, "not a graph");
  *executable = create(CUgraphExec_st{std::make_shared<const Graph>(graph->graph)});
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  const Lock lock;
  Queue* const queue = queue_of(stream);
  if (queue == nullptr) return unknown_stream();
  if (!known(executable)) return error(cudaErrorInvalidResourceHandle, "not an executable graph");
  run_pending([&] {
    queue->add([graph = executable->graph] { graph->run(queues().mode == uptake::sim::Streams::lazy); });
  });
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  const Lock lock;
  return destroy(graph, "not a graph");
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  const Lock lock;
  return destroy(executable, "not an executable graph");
}
