// A training step that is repeated on batches from the host. On the CPU it simply runs. On the GPU the host never
// waits for a step; it only waits, before it starts one, while it is several ahead:
//
// - batches travel through a ring of page-locked buffers on a copy stream, so that the next one is on its way
//   while this step runs;
// - memory comes from an arena planned in the first run (kernels/base/arena.h), so every run uses the same addresses;
// - from the third run on (the fifth where convolutions are timed first), the whole step is one CUDA graph (a batch of another shape has memory and a graph of
//   its own; those of the last few shapes are kept);
// - results are copied back behind the step and picked up when they have arrived.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "nn/tensor.h"

namespace uptake::nn {

class RepeatedStep {
 public:
  struct Options {
    Device device = Device::cpu;
    DType dtype = DType::f32;  // what the inputs become on the device
    int results = 1;           // numbers a step computes
    bool graph = true;         // GPU: record the step and replay it
  };

  /// What a step works on: all on the device.
  struct Work {
    std::span<const Tensor> inputs;
    Tensor results;                              // float64 [1,1,1,results], to be written
    const std::uint32_t* device_step = nullptr;  // GPU: where kernels read the step number
  };
  /// Enqueues the step, the same every time. What it does on the host happens only when it is called, not in a replay,
  /// unless it is done by in_every_run().
  using Body = std::function<void(const Work&)>;

  explicit RepeatedStep(const Options& options);
  ~RepeatedStep();
  RepeatedStep(RepeatedStep&&) noexcept;
  RepeatedStep& operator=(RepeatedStep&&) noexcept;

  /// Starts a step on packed float32 (float64 on a CPU of that type) inputs in host memory, which may be let go
  /// on return.
  void start(std::span<const Tensor> inputs, std::uint32_t step_number, const Body& body);

  /// Results of the oldest step that are not handed out yet. Without `wait` only if they have arrived.
  std::optional<std::vector<double>> next_results(bool wait);
  /// Steps whose results are not handed out yet.
  std::size_t pending() const;

  /// GPU: kernels and copies in the last graph; 0 before there is one.
  std::size_t graph_nodes() const;
  /// GPU: memory planned for activations, gradients and scratch of the last shape of batch.
  std::int64_t arena_bytes() const;

 private:
  struct Machine;
  struct OnCpu;
  struct OnGpu;
  std::unique_ptr<Machine> machine_;
};

/// Work on the host that belongs to an operation, like counting its batches: done now and, if this thread is recording
/// a step, in each of its replays too. What it refers to must outlive the RepeatedStep.
void in_every_run(std::function<void()> work);

}  // namespace uptake::nn
