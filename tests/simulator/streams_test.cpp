// Streams, events and graphs of the simulator doing what those of a GPU do.
#include "tests/simulator/zoo/streams.h"
#include <cstdlib>

#include "tests/simulator/zoo/order.cuh"
#include "tests/simulator/zoo/right.cuh"

using namespace uptake;
using namespace uptake::zoo;

namespace {

template <class Body>
void each_mode(const Body& body) {
  for (const sim::Streams mode : {sim::Streams::eager, sim::Streams::lazy}) {
    INFO((mode == sim::Streams::lazy ? "lazy streams" : "eager streams"));
    sim::set_streams(mode);
    body(mode == sim::Streams::lazy);
  }
}

}  // namespace

TEST_CASE_FIXTURE(Fresh, "streams: lazy ones do nothing before somebody waits") {
  each_mode([](bool lazy) {
    const Stream stream;
    const Array<float> x(std::vector<float>{0});
    const std::size_t before = sim::launch_count();
    start_on(stream, increment_kernel, x.data());
    start_on(stream, increment_kernel, x.data());
    CHECK(sim::launch_count() - before == (lazy ? 0 : 2));
    CHECK(cudaStreamQuery(stream.handle) == (lazy ? cudaErrorNotReady : cudaSuccess));
    CHECK(cudaStreamSynchronize(stream.handle) == cudaSuccess);
    CHECK(sim::launch_count() - before == 2);
    CHECK(cudaStreamQuery(stream.handle) == cudaSuccess);
    CHECK(x.host()[0] == 2);
  });
}

TEST_CASE_FIXTURE(Fresh, "streams: an event waits for what came before it, not for what came after") {
  each_mode([](bool lazy) {
    const Stream stream;
    const Array<float> x(std::vector<float>{0});
    const Slot seen(-1);
    const Event event;
    CHECK(cudaEventQuery(event.handle) == cudaSuccess);  // never recorded
    CHECK(cudaEventSynchronize(event.handle) == cudaSuccess);
    start_on(stream, increment_kernel, x.data());
    cudaMemcpyAsync(seen.data, x.data(), 4, cudaMemcpyDeviceToHost, stream.handle);
    cudaEventRecord(event.handle, stream.handle);
    start_on(stream, increment_kernel, x.data());
    const std::size_t before = sim::launch_count();
    CHECK(cudaEventQuery(event.handle) == (lazy ? cudaErrorNotReady : cudaSuccess));
    CHECK(cudaEventSynchronize(event.handle) == cudaSuccess);
    CHECK(cudaEventQuery(event.handle) == cudaSuccess);
    CHECK(*seen.data == 1);
    CHECK(sim::launch_count() - before == (lazy ? 1 : 0));
    cudaStreamSynchronize(stream.handle);
    CHECK(x.host()[0] == 2);
  });
}

TEST_CASE_FIXTURE(Fresh, "streams: a chain of waits over three streams") {
  each_mode([](bool) {
    const Stream a, b, c;
    const Array<float> x(1), y(1), z(1);
    const Event x_done;
    cudaEvent_t y_done = nullptr;
    cudaEventCreate(&y_done);
    start_on(a, set_kernel, x.data(), 3.0f);
    cudaEventRecord(x_done.handle, a.handle);
    cudaStreamWaitEvent(b.handle, x_done.handle);
    start_on(b, double_kernel, y.data(), static_cast<const float*>(x.data()));
    cudaEventRecord(y_done, b.handle);
    cudaStreamWaitEvent(c.handle, y_done);
    cudaEventDestroy(y_done);  // the wait stays
    start_on(c, double_kernel, z.data(), static_cast<const float*>(y.data()));
    cudaStreamSynchronize(c.handle);
    CHECK(z.host()[0] == 12);
  });
}

TEST_CASE_FIXTURE(Fresh, "streams: arguments and pageable memory are copied when work is enqueued") {
  each_mode([](bool) {
    const Stream stream;
    const Array<float> x(1), y(1);
    float value = 1;
    start_on(stream, set_kernel, x.data(), value);
    cudaMemcpyAsync(y.data(), &value, 4, cudaMemcpyHostToDevice, stream.handle);
    value = 2;
    float from_x = 0, from_y = 0;
    cudaMemcpyAsync(&from_x, x.data(), 4, cudaMemcpyDeviceToHost, stream.handle);  // done when it returns
    cudaMemcpyAsync(&from_y, y.data(), 4, cudaMemcpyDefault, stream.handle);
    CHECK(from_x == 1);
    CHECK(from_y == 1);
  });
}

TEST_CASE_FIXTURE(Fresh, "streams: blocking ones and the default stream wait for each other") {
  each_mode([](bool) {
    const Stream blocking(cudaStreamDefault);
    const Array<float> x(1), y(1);
    start_on(blocking, set_kernel, x.data(), 4.0f);
    start(double_kernel, 1, 1, y.data(), static_cast<const float*>(x.data()));
    start_on(blocking, double_kernel, x.data(), static_cast<const float*>(y.data()));
    cudaStreamSynchronize(blocking.handle);
    CHECK(x.host()[0] == 16);
  });
}

TEST_CASE_FIXTURE(Fresh,
                  "streams: work of a destroyed stream is still done; freeing memory waits for the device") {
  each_mode([](bool) {
    const Array<float> x(std::vector<float>{0});
    float* other = nullptr;
    cudaMalloc(&other, 4);
    {
      const Stream stream;
      start_on(stream, set_kernel, other, 1.0f);
      start_on(stream, increment_kernel, x.data());
    }
    CHECK(cudaFree(other) == cudaSuccess);
    CHECK(x.host()[0] == 1);
  });
}

TEST_CASE_FIXTURE(Fresh, "streams: a kernel's failure comes out of the wait, and the simulator goes on") {
  sim::set_streams(sim::Streams::lazy);
  const Stream stream;
  const Array<int> y(64);
  cudaLaunchConfig_t config{1, 64, 0, stream.handle, nullptr, 0};
  const auto enqueue = [&] { return cudaLaunchKernelEx(&config, leaving_kernel, y.data(), 40u); };
  const Event event;
  CHECK(enqueue() == cudaSuccess);
  cudaEventRecord(event.handle, stream.handle);
  check_failure([&] { cudaStreamSynchronize(stream.handle); },
                "kernel uptake::zoo::leaving_kernel, block (0,0,0)");
  CHECK(cudaEventQuery(event.handle) == cudaSuccess);  // or a loop that waits for it would never end
  CHECK(cudaStreamSynchronize(stream.handle) == cudaSuccess);
  // cudaFree is called by destructors, which must not throw: the failure waits for the next synchronisation.
  CHECK(enqueue() == cudaSuccess);
  float* other = nullptr;
  cudaMalloc(&other, 4);
  CHECK(cudaFree(other) == cudaSuccess);
  check_failure([&] { cudaStreamSynchronize(stream.handle); }, "leaving_kernel");
  CHECK(cudaStreamSynchronize(stream.handle) == cudaSuccess);
}

TEST_CASE("streams: the environment chooses the mode and the schedule that a program starts with") {
  if (std::getenv("UPTAKE_SIMULATOR_STREAMS") == nullptr) {  // run this case once more, with an environment
    const std::string program = "/proc/" + std::to_string(getpid()) + "/exe";
    const std::string command = "UPTAKE_SIMULATOR_STREAMS=lazy UPTAKE_SIMULATOR_SCHEDULE=reverse " + program +
                                " --test-case='streams: the environment*' >/dev/null";
    CHECK(std::system(command.c_str()) == 0);
    return;
  }
  const Stream stream;
  const Array<int> y(std::vector<int>{-1});
  const std::size_t before = sim::launch_count();
  cudaLaunchConfig_t config{1, 64, 0, stream.handle, nullptr, 0};
  CHECK(cudaLaunchKernelEx(&config, last_thread_kernel, y.data()) == cudaSuccess);
  CHECK(sim::launch_count() == before);
  CHECK(cudaStreamSynchronize(stream.handle) == cudaSuccess);
  CHECK(y.host()[0] == 0);
}

TEST_CASE_FIXTURE(Fresh, "events: the time between two of them") {
  each_mode([](bool lazy) {
    const Stream stream;
    const Array<float> x(std::vector<float>{0});
    const Event begin(cudaEventDefault), end(cudaEventDefault), plain;
    float milliseconds = -1;
    const auto measure = [&](const Event& from, const Event& to) {
      return cudaEventElapsedTime(&milliseconds, from.handle, to.handle);
    };
    CHECK(measure(begin, end) == cudaErrorInvalidResourceHandle);  // not recorded
    cudaEventRecord(begin.handle, stream.handle);
    start_on(stream, increment_kernel, x.data());
    cudaEventRecord(end.handle, stream.handle);
    cudaEventRecord(plain.handle, stream.handle);
    CHECK(measure(begin, end) == (lazy ? cudaErrorNotReady : cudaSuccess));
    cudaEventSynchronize(end.handle);
    CHECK(measure(begin, end) == cudaSuccess);
    CHECK(milliseconds > 0);
    CHECK(milliseconds < 1000);
    CHECK(measure(begin, plain) == cudaErrorInvalidResourceHandle);
  });
}

TEST_CASE_FIXTURE(
    Fresh, "graphs: a capture runs nothing, each launch everything, with the arguments of the capture") {
  each_mode([](bool) {
    const Stream stream;
    const Array<float> x(std::vector<float>{0}), y(1);
    const Slot slot(-1);
    const auto status = [&] {
      cudaStreamCaptureStatus result = cudaStreamCaptureStatusInvalidated;
      CHECK(cudaStreamIsCapturing(stream.handle, &result) == cudaSuccess);
      return result;
    };
    CHECK(status() == cudaStreamCaptureStatusNone);
    const std::size_t before = sim::launch_count();
    const Replay replay(stream, [&] {
      CHECK(status() == cudaStreamCaptureStatusActive);
      float value = 5;
      start_on(stream, increment_kernel, x.data());
      start_on(stream, set_kernel, y.data(), value);
      value = 6;
      cudaMemcpyAsync(slot.data, x.data(), 4, cudaMemcpyDeviceToHost, stream.handle);
      cudaMemsetAsync(y.data(), 0, 2, stream.handle);
    });
    CHECK(sim::launch_count() == before);
    CHECK(replay.nodes() == 4);
    for (int i = 1; i <= 3; ++i) {
      CHECK(replay.launch(stream) == cudaSuccess);
      cudaStreamSynchronize(stream.handle);
      CHECK(*slot.data == static_cast<float>(i));
    }
    CHECK(y.host()[0] == 5);  // 0x40a00000, of which the lower half was set to zero
    CHECK(sim::launch_count() - before == 6);
  });
}

TEST_CASE_FIXTURE(Fresh, "graphs: launches follow each other and other work of the stream") {
  each_mode([](bool) {
    const Stream stream;
    const Array<float> x(1), y(1);
    const Replay replay(stream, [&] {
      start_on(stream, double_kernel, y.data(), static_cast<const float*>(x.data()));
      start_on(stream, double_kernel, x.data(), static_cast<const float*>(y.data()));
    });
    start_on(stream, set_kernel, x.data(), 1.0f);
    replay.launch(stream);
    replay.launch(stream);
    start_on(stream, increment_kernel, x.data());
    cudaStreamSynchronize(stream.handle);
    CHECK(x.host()[0] == 17);
  });
}

TEST_CASE_FIXTURE(Fresh, "graphs: other streams work on during a capture; a relaxed one allows allocation") {
  const Stream captured, other;
  const Array<float> x(std::vector<float>{0});
  cudaGraph_t graph = nullptr;
  float* memory = nullptr;
  cudaStreamBeginCapture(captured.handle, cudaStreamCaptureModeRelaxed);
  start_on(captured, increment_kernel, x.data());
  start_on(other, increment_kernel, x.data());
  CHECK(cudaStreamSynchronize(other.handle) == cudaSuccess);
  CHECK(cudaMalloc(&memory, 4) == cudaSuccess);
  CHECK(cudaStreamSynchronize(captured.handle) == cudaErrorStreamCaptureUnsupported);
  CHECK(cudaFree(memory) == cudaSuccess);
  CHECK(cudaStreamEndCapture(other.handle, &graph) == cudaErrorIllegalState);
  CHECK(cudaStreamEndCapture(captured.handle, &graph) == cudaErrorStreamCaptureInvalidated);
  CHECK(x.host()[0] == 1);
}
