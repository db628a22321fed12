// How close the memory-bound kernels come to the memory's speed: each at layer sizes of pix2pix (256 x 256, 64
// filters), batch 1 and 16, float32 and bfloat16.
//
//   bench_kernels                                         everything
//   bench_kernels --benchmark_filter='^norm_.*bfloat16'   some of it
//   bench_kernels --benchmark_format=json                 for scripts/gpu-check
//
// A sample is one replay of a recorded graph of many launches, timed with events and divided by their number:
// so the kernels run in a recorded training step. Launches in a row work on different memory, 400 MB of it
// before the first comes again, so that no cache holds what they read. bytes: what the operation must read and
// write when caches hold nothing between its passes. share_of_copy: of the speed of a large copy (read + written)
// in this run.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <vector>

#include "bench/kernels_bench_cases.h"
#include "kernels/base/types.h"

namespace {

using namespace uptake;
using namespace uptake::bench;
namespace cuda = uptake::kernels::cuda;

constexpr int kSamples = 25, kWarmUps = 3;
constexpr std::int64_t kRotateBytes = std::int64_t{400} << 20;  // eight times the cache of an H100
constexpr std::size_t kMostPasses = 400;
constexpr std::int64_t kCopyBytes = std::int64_t{1} << 30;
constexpr std::int64_t kSlabBytes = std::int64_t{1600} << 20;

/// Milliseconds that the device takes for what `enqueue` puts on the stream.
double device_ms(const std::function<void()>& enqueue) {
  cuda::Event begin(cuda::Event::Timing::on), end(cuda::Event::Timing::on);
  begin.record(cuda::compute_stream());
  enqueue();
  end.record(cuda::compute_stream());
  end.wait();
  return static_cast<double>(end.since(begin));
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Median milliseconds of one of the `launches` that `enqueue` makes; every sample goes to the benchmark.
double timed(benchmark::State& state, const std::function<void()>& enqueue, std::size_t launches) {
  for (int i = 0; i < kWarmUps; ++i) device_ms(enqueue);
  std::vector<double> samples;
  for (auto _ : state) {
    samples.push_back(device_ms(enqueue) / static_cast<double>(launches));
    state.SetIterationTime(samples.back() * 1e-3);
  }
  const auto [least, most] = std::minmax_element(samples.begin(), samples.end());
  state.counters["min_us"] = *least * 1e3;
  state.counters["max_us"] = *most * 1e3;
  return median(samples);
}

void report(benchmark::State& state, double median_ms, std::int64_t bytes, double copy_gb_per_s) {
  const double gb_per_s = static_cast<double>(bytes) * 1e-6 / median_ms;
  state.counters["median_us"] = median_ms * 1e3;
  state.counters["bytes"] = static_cast<double>(bytes);
  state.counters["GB_per_s"] = gb_per_s;
  state.counters["share_of_copy"] = gb_per_s / copy_gb_per_s;
}

/// Memory all cases share, made when the first one runs; and the speed of copying it.
class Device {
 public:
  Memory& memory() {
    if (memory_ == nullptr) {
      memory_ = std::make_unique<Memory>(Memory{Slab(kSlabBytes), Slab(kSlabBytes)});
      randomise(memory_->inputs);
      randomise(memory_->outputs);
      std::vector<double> ms;
      for (int i = -kWarmUps; i < kSamples; ++i)
        if (const double sample = device_ms([this] { copy(); }); i >= 0) ms.push_back(sample);
      copy_gb_per_s_ = 2 * static_cast<double>(kCopyBytes) * 1e-6 / median(ms);
    }
    memory_->inputs.reset();
    memory_->outputs.reset();
    return *memory_;
  }

  void time_copy(benchmark::State& state) {
    memory();
    report(state,
           timed(
               state, [this] { copy(); }, 1),
           2 * kCopyBytes, copy_gb_per_s_);
  }

  void time(benchmark::State& state, const Case& which) {
    Memory& m = memory();
    std::vector<Pass> passes{which.make(m)};
    const std::int64_t bytes = passes[0].bytes;
    const std::int64_t taken = std::max(kSlabBytes - m.inputs.left(), kSlabBytes - m.outputs.left());
    while (static_cast<std::int64_t>(passes.size()) * bytes < kRotateBytes && passes.size() < kMostPasses &&
           std::min(m.inputs.left(), m.outputs.left()) >= taken)
      passes.push_back(which.make(m));
    const auto enqueue_all = [&] {
      for (const Pass& pass : passes) pass.enqueue();
    };
    enqueue_all();  // scratch memory comes into the pool, kernels are loaded
    cuda::synchronize(cuda::compute_stream());
    const cuda::Graph graph = cuda::Graph::capture(cuda::compute_stream(), enqueue_all);
    const double ms = timed(
        state, [&] { graph.launch(cuda::compute_stream()); }, passes.size());
    report(state, ms, bytes, copy_gb_per_s_);
    state.counters["launches"] = static_cast<double>(passes.size());
    state.counters["nodes"] = static_cast<double>(graph.node_count());
  }

 private:
  void copy() const {
    cuda::copy_bytes(memory_->outputs.data(), memory_->inputs.data(), kCopyBytes, cuda::compute_stream());
  }

  /// Both halves of each word are a bfloat16 in (-1,1), so the word is such a float. Zeros would be faster than
  /// real data.
  static void randomise(const Slab& slab) {
    const std::size_t words = std::size_t{1} << 24;
    std::vector<std::uint32_t> host(words);
    std::uint32_t seed = 1;
    const auto next = [&seed] {
      seed = seed * 1664525u + 1013904223u;
      const float value = static_cast<float>(seed >> 8) / 8388608.0f - 1;
      return static_cast<std::uint32_t>(kernels::BFloat16(value).bits);
    };
    for (std::uint32_t& word : host) {
      const std::uint32_t low = next();
      word = next() << 16 | low;
    }
    const auto size = static_cast<std::size_t>(slab.size());
    for (std::size_t at = 0; at < size; at += words * 4)
      cuda::copy_bytes(slab.data() + at, host.data(), std::min(words * 4, size - at), cuda::compute_stream());
    cuda::synchronize(cuda::compute_stream());
  }

  std::unique_ptr<Memory> memory_;
  double copy_gb_per_s_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string unavailable = cuda::why_unavailable();
  Device device;
  const auto add = [&](const std::string& name, std::function<void(benchmark::State&)> run) {
    benchmark::RegisterBenchmark(name.c_str(),
                                 [&unavailable, run = std::move(run)](benchmark::State& state) {
                                   if (!unavailable.empty())
                                     return state.SkipWithError(("no GPU: " + unavailable).c_str());
                                   try {
                                     run(state);
                                   } catch (const std::exception& error) {
                                     state.SkipWithError(error.what());
                                   }
                                 })
        ->UseManualTime()
        ->Iterations(kSamples)
        ->Unit(benchmark::kMicrosecond);
  };
  add("copy/1GB", [&device](benchmark::State& state) { device.time_copy(state); });
  for (const Case& one : all_cases())
    add(one.name, [&device, one](benchmark::State& state) { device.time(state, one); });
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
