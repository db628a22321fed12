// The bug zoo, second part: bugs of the host code around kernels. Those of a missing wait are caught by lazy streams,
// which do nothing before somebody waits for it; in eager mode they pass, as they may on a GPU.
#include <cmath>

#include "tests/simulator/zoo/order.cuh"
#include "tests/simulator/zoo/streams.h"

using namespace uptake;
using namespace uptake::zoo;

namespace {

/// What `run(bug)` gives with lazy streams; checks that it is `right` in eager mode, with and without the bug.
template <class Run>
float lazy_result(bool bug, float right, const Run& run) {
  sim::set_streams(sim::Streams::eager);
  CHECK(run(bug) == right);
  sim::set_streams(sim::Streams::lazy);
  return run(bug);
}

/// The code of a call during a capture; checks that it spoils the capture.
template <class Call>
cudaError_t during_capture(const Call& call) {
  const Stream stream;
  cudaGraph_t graph = nullptr;
  REQUIRE(cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  const cudaError_t code = call(stream);
  CHECK(cudaStreamEndCapture(stream.handle, &graph) == cudaErrorStreamCaptureInvalidated);
  CHECK(graph == nullptr);
  return code;
}

}  // namespace

TEST_CASE_FIXTURE(Fresh, "bug zoo: a pinned slot written again before its copy was done") {
  const auto run = [](bool bug) {
    const Stream stream;
    const Event copied;
    const Array<float> first(1), second(1);
    const Slot slot(1);
    cudaMemcpyAsync(first.data(), slot.data, 4, cudaMemcpyHostToDevice, stream.handle);
    cudaEventRecord(copied.handle, stream.handle);
    if (!bug) cudaEventSynchronize(copied.handle);
    *slot.data = 2;
    cudaMemcpyAsync(second.data(), slot.data, 4, cudaMemcpyHostToDevice, stream.handle);
    cudaStreamSynchronize(stream.handle);
    return 10 * first.host()[0] + second.host()[0];
  };
  CHECK(lazy_result(false, 12, run) == 12);
  CHECK(lazy_result(true, 12, run) == 22);
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: a result read from pinned memory before it was there") {
  const auto run = [](bool bug) {
    const Stream stream;
    const Array<float> x(std::vector<float>{5});
    const Slot slot(-1);
    cudaMemcpyAsync(slot.data, x.data(), 4, cudaMemcpyDeviceToHost, stream.handle);
    if (!bug) cudaStreamSynchronize(stream.handle);
    return *slot.data;
  };
  CHECK(lazy_result(false, 5, run) == 5);
  CHECK(lazy_result(true, 5, run) == -1);
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: a stream that does not wait for another one's result") {
  const auto run = [](bool bug) {
    const Stream producer, consumer;
    const Event produced;
    const Array<float> x(1), y(1);
    start_on(producer, set_kernel, x.data(), 3.0f);
    cudaEventRecord(produced.handle, producer.handle);
    if (!bug) cudaStreamWaitEvent(consumer.handle, produced.handle);
    start_on(consumer, double_kernel, y.data(), static_cast<const float*>(x.data()));
    cudaDeviceSynchronize();  // too late: the consumer may have run first
    return y.host()[0];
  };
  CHECK(lazy_result(false, 6, run) == 6);
  CHECK(std::isnan(lazy_result(true, 6, run)));
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: an event recorded before the work it stands for") {
  const auto run = [](bool bug) {
    const Stream producer, consumer;
    const Event produced;
    const Array<float> x(1), y(1);
    if (bug) cudaEventRecord(produced.handle, producer.handle);
    start_on(producer, set_kernel, x.data(), 3.0f);
    if (!bug) cudaEventRecord(produced.handle, producer.handle);
    cudaStreamWaitEvent(consumer.handle, produced.handle);
    start_on(consumer, double_kernel, y.data(), static_cast<const float*>(x.data()));
    cudaDeviceSynchronize();
    return y.host()[0];
  };
  CHECK(lazy_result(false, 6, run) == 6);
  CHECK(std::isnan(lazy_result(true, 6, run)));
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: branches of a captured graph that do not wait for each other") {
  const auto run = [](bool bug) {
    const Stream main, side;
    const Event forked, produced, joined;
    const Array<float> x(1), y(1);
    const Replay replay(main, [&] {
      cudaEventRecord(forked.handle, main.handle);
      cudaStreamWaitEvent(side.handle, forked.handle);
      start_on(main, set_kernel, x.data(), 3.0f);
      cudaEventRecord(produced.handle, main.handle);
      if (!bug) cudaStreamWaitEvent(side.handle, produced.handle);
      start_on(side, double_kernel, y.data(), static_cast<const float*>(x.data()));
      cudaEventRecord(joined.handle, side.handle);
      cudaStreamWaitEvent(main.handle, joined.handle);
    });
    replay.launch(main);
    cudaStreamSynchronize(main.handle);
    return y.host()[0];
  };
  CHECK(lazy_result(false, 6, run) == 6);
  CHECK(std::isnan(lazy_result(true, 6, run)));
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: a captured stream that is never joined") {
  const Stream main, side;
  const Event forked;
  const Array<float> x(1);
  cudaGraph_t graph = nullptr;
  cudaStreamBeginCapture(main.handle, cudaStreamCaptureModeThreadLocal);
  cudaEventRecord(forked.handle, main.handle);
  cudaStreamWaitEvent(side.handle, forked.handle);
  start_on(side, set_kernel, x.data(), 3.0f);
  CHECK(cudaStreamEndCapture(main.handle, &graph) == cudaErrorStreamCaptureUnjoined);
  CHECK(std::isnan(x.host()[0]));
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: calls that a capture does not allow") {
  const Array<float> x(1);
  const Event event;
  float host = 0, *memory = nullptr;
  const auto refused = cudaErrorStreamCaptureUnsupported;
  CHECK(during_capture([](const Stream& s) { return cudaStreamSynchronize(s.handle); }) == refused);
  check_contains(cudaGetErrorString(cudaErrorStreamCaptureInvalidated), "something was called");
  CHECK(during_capture([](const Stream&) { return cudaDeviceSynchronize(); }) == refused);
  CHECK(during_capture([&](const Stream&) { return cudaEventSynchronize(event.handle); }) == refused);
  CHECK(during_capture([&](const Stream&) { return cudaEventQuery(event.handle); }) == refused);
  CHECK(during_capture([](const Stream& s) { return cudaStreamQuery(s.handle); }) == refused);
  CHECK(during_capture([&](const Stream&) { return cudaMalloc(&memory, 4); }) == refused);
  CHECK(during_capture([&](const Stream&) { return cudaMallocHost(&memory, 4); }) == refused);
  CHECK(during_capture([&](const Stream&) { return cudaFree(x.data()); }) == refused);
  CHECK(during_capture([&](const Stream& s) {
          return cudaMemcpyAsync(x.data(), &host, 4, cudaMemcpyHostToDevice, s.handle);
        }) == refused);
  CHECK(during_capture([&](const Stream& s) {
          return cudaMemcpyAsync(&host, x.data(), 4, cudaMemcpyDeviceToHost, s.handle);
        }) == refused);
  CHECK(during_capture([&](const Stream&) { return cudaMemcpy(x.data(), &host, 4, cudaMemcpyDefault); }) ==
        refused);
  CHECK(during_capture([&](const Stream& s) {
          cudaEventRecord(event.handle, nullptr);  // outside the capture
          return cudaStreamWaitEvent(s.handle, event.handle);
        }) == cudaErrorStreamCaptureIsolation);
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: a graph replayed after its memory was freed") {
  const Stream stream;
  float* x = nullptr;
  cudaMalloc(&x, 4);
  const Replay replay(stream, [&] { start_on(stream, set_kernel, x, 3.0f); });
  CHECK(replay.launch(stream) == cudaSuccess);
  cudaFree(x);
  check_failure([&] { replay.launch(stream); }, "set_kernel: argument 0 is a pointer to freed device memory");
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: a graph that copies and fills memory after it was freed") {
  const Stream stream;
  for (const char* freed : {"nothing", "device", "pinned", "filled"}) {
    INFO(freed);
    const auto is = [&](const char* what) { return std::strcmp(freed, what) == 0; };
    float *from = nullptr, *to = nullptr, *filled = nullptr;
    cudaMalloc(&from, 4);
    cudaMalloc(&filled, 4);
    cudaMallocHost(&to, 4);
    const Replay replay(stream, [&] {
      cudaMemcpyAsync(to, from, 4, cudaMemcpyDeviceToHost, stream.handle);
      cudaMemsetAsync(filled, 0, 4, stream.handle);
    });
    if (is("device")) cudaFree(from);
    if (is("pinned")) cudaFreeHost(to);
    if (is("filled")) cudaFree(filled);
    const std::string message = failure_of([&] { replay.launch(stream); });
    if (is("nothing")) CHECK(message.empty());
    if (is("device"))
      check_contains(message, "a copy of 4 bytes uses memory that was freed: byte 0 of a freed");
    if (is("pinned")) check_contains(message, "a copy of 4 bytes uses memory that was freed");
    if (is("filled")) check_contains(message, "a fill of 4 bytes uses byte 0 of a freed device allocation");
    if (!is("device")) cudaFree(from);
    if (!is("pinned")) cudaFreeHost(to);
    if (!is("filled")) cudaFree(filled);
  }
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: copies that are too long, the wrong way round, or of freed memory") {
  const Array<float> x(4), y(4);
  std::vector<float> host(4);
  CHECK(cudaMemcpy(x.data(), host.data(), 16, cudaMemcpyHostToDevice) == cudaSuccess);
  CHECK(cudaMemcpy(x.data(), host.data(), 20, cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
  check_contains(cudaGetErrorString(cudaErrorInvalidValue),
                 "20 bytes from byte 0 of a device allocation of 16 bytes");
  CHECK(cudaMemcpy(x.data() + 3, y.data(), 8, cudaMemcpyDeviceToDevice) == cudaErrorInvalidValue);
  CHECK(cudaMemcpy(x.data(), host.data(), 16, cudaMemcpyDeviceToHost) == cudaErrorInvalidMemcpyDirection);
  CHECK(cudaMemcpy(x.data(), y.data(), 16, cudaMemcpyHostToDevice) == cudaErrorInvalidMemcpyDirection);
  CHECK(cudaMemcpy(x.data(), x.data() + 1, 8, cudaMemcpyDefault) == cudaErrorInvalidValue);
  check_contains(cudaGetErrorString(cudaErrorInvalidValue), "overlap");
  CHECK(cudaMemset(host.data(), 0, 16) == cudaErrorInvalidValue);
  CHECK(cudaMemset(x.data(), 0, 17) == cudaErrorInvalidValue);
  float* freed = nullptr;
  cudaMalloc(&freed, 16);
  CHECK(cudaFree(freed) == cudaSuccess);
  CHECK(cudaMemcpy(freed, y.data(), 16, cudaMemcpyDefault) == cudaErrorInvalidValue);
  check_contains(cudaGetErrorString(cudaErrorInvalidValue),
                 "byte 0 of a freed device allocation of 16 bytes");
  CHECK(cudaFree(freed) == cudaErrorInvalidValue);
  CHECK(cudaFree(host.data()) == cudaErrorInvalidValue);
  CHECK(cudaFree(x.data() + 1) == cudaErrorInvalidValue);
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: handles that were destroyed") {
  cudaStream_t stream = nullptr;
  cudaEvent_t event = nullptr;
  cudaStreamCreate(&stream);
  cudaEventCreate(&event);
  CHECK(cudaStreamDestroy(stream) == cudaSuccess);
  CHECK(cudaEventDestroy(event) == cudaSuccess);
  CHECK(cudaStreamDestroy(stream) == cudaErrorInvalidResourceHandle);
  CHECK(cudaEventDestroy(event) == cudaErrorInvalidResourceHandle);
  CHECK(cudaStreamSynchronize(stream) == cudaErrorInvalidResourceHandle);
  CHECK(cudaEventRecord(event, nullptr) == cudaErrorInvalidResourceHandle);
  const Array<float> x(1);
  cudaLaunchConfig_t config{1, 1, 0, stream, nullptr, 0};
  CHECK(cudaLaunchKernelEx(&config, set_kernel, x.data(), 1.0f) == cudaErrorInvalidResourceHandle);
  CHECK(cudaMemsetAsync(x.data(), 0, 4, stream) == cudaErrorInvalidResourceHandle);
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: the host touches device memory") {
  if (!sim::kAddressSanitizer) return;  // a GPU's driver ends the process; here only AddressSanitizer notices
  const Array<float> x(1);
  check_contains(report_of([&] { *x.data() = 1; }), "use-after-poison");
  float target = 0;
  check_contains(report_of([&] { std::memcpy(&target, x.data(), 4); }), "use-after-poison");
}
