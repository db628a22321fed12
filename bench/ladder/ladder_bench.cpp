// The ladder of convolution kernels, rung by rung, then the kernels of kernels/ and cuDNN, on layers of pix2pix.
//
//   bench_ladder                                         everything
//   bench_ladder --benchmark_filter='e3.*batch16'        one layer
//   bench_ladder --benchmark_format=json                 for scripts/gpu-check
//
// Before anything is timed its result is compared with that of the definition (kernels/conv/own/conv_naive.cu); what is wrong
// is reported and not timed. A sample is one replay of a recorded graph of many launches, timed with events and
// divided by their number; launches in a row work on different images, so that no cache holds them. Numbers are
// random: zeros draw less power and run faster.
// TFLOP_per_s counts the taps beside the image too, as everybody does: 2 * 16 c products an element of y.
#include "bench/ladder/ladder.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "kernels/base/device.h"
#include "kernels/conv/conv_algorithm.h"

namespace {

using namespace uptake;
using namespace uptake::bench::ladder;
namespace cuda = uptake::kernels::cuda;

constexpr int kSamples = 25, kWarmUps = 3;
constexpr std::int64_t kRotateBytes = std::int64_t{200} << 20;  // four times the cache of an H100

struct Layer {
  const char* name;
  ConvGeometry geometry;
};

std::vector<Layer> layers() {
  return {{"e3_batch16", halving(16, 64, 64, 128, 256)},
          {"e3_batch1", halving(1, 64, 64, 128, 256)},
          {"e2_batch16", halving(16, 128, 128, 64, 128)},
          {"d2_batch1", halving(1, 128, 128, 64, 128)},  // of the discriminator
          {"e6_batch1", halving(1, 8, 8, 512, 512)}};
}

/// One way to compute it.
template <class T>
struct Contestant {
  std::string name;
  std::function<bool(const ConvGeometry&)> supports;
  std::function<void(const ConvGeometry&, T*, const T*, const T*, StreamHandle)> forward;
};

template <class T>
Contestant<T> of(const Rung<T>& rung) {
  return {rung.name, [&rung](const ConvGeometry& g) { return rung.supports(shape_of(g)); },
          [&rung](const ConvGeometry& g, T* y, const T* x, const T* w, StreamHandle stream) {
            rung.forward(shape_of(g), y, x, w, stream);
          }};
}

/// An algorithm of the table; none where the build does not have it.
template <class T>
Contestant<T> of(const std::string& algorithm, const std::string& prefix) {
  for (const auto& row : cuda::conv_table<T>())
    if (row.name == algorithm)
      return {prefix + algorithm,
              [&row](const ConvGeometry& g) {
                return row.supports({kernels::ConvOperation::forward, g, nullptr, nullptr, nullptr, nullptr});
              },
              [&row](const ConvGeometry& g, T* y, const T* x, const T* w, StreamHandle stream) {
                row.run(kernels::ConvCall<T>::forward(g, y, x, w), {.autotune = true}, stream);
              }};
  return {algorithm, [](const ConvGeometry&) { return false; }, {}};
}

/// `count` random numbers in (-1,1) in device memory.
template <class T>
cuda::DeviceBuffer<T> random_buffer(std::int64_t count, unsigned seed) {
  std::minstd_rand random(seed);
  std::vector<T> host;
  host.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i)
    host.push_back(T(static_cast<float>(random() >> 7) / 8388608.0f - 1));
  cuda::DeviceBuffer<T> buffer(count);
  cuda::copy_bytes(buffer.data(), host.data(), host.size() * sizeof(T), cuda::compute_stream());
  cuda::synchronize(cuda::compute_stream());
  return buffer;
}

template <class T>
std::vector<T> host_copy(const cuda::DeviceBuffer<T>& buffer) {
  std::vector<T> host(static_cast<std::size_t>(buffer.size()));
  cuda::copy_bytes(host.data(), buffer.data(), host.size() * sizeof(T), cuda::compute_stream());
  cuda::synchronize(cuda::compute_stream());
  return host;
}

/// A layer's operands: several images in a row, one set of filters.
template <class T>
struct Operands {
  ConvGeometry g;
  std::vector<cuda::DeviceBuffer<T>> x, y;
  cuda::DeviceBuffer<T> w;

  explicit Operands(const ConvGeometry& geometry) : g(geometry), w(random_buffer<T>(g.filters.size(), 1)) {
    const std::int64_t bytes = (g.x.size() + g.y().size()) * static_cast<std::int64_t>(sizeof(T));
    const std::int64_t sets = std::clamp<std::int64_t>(kRotateBytes / bytes, 2, 64);
    for (unsigned i = 0; i < static_cast<unsigned>(sets); ++i) {
      x.push_back(random_buffer<T>(g.x.size(), i + 2));
      y.emplace_back(g.y().size());
    }
  }
};

/// Empty if y is close to the definition's result, else what is wrong. Each of 16 c products, in (-1,1), may round by
/// half an eps of float of a partial sum, which is about sqrt(16 c / 9); then y is rounded to T.
template <class T>
std::string difference(const Operands<T>& operands, const Contestant<T>& contestant) {
  const auto stream = cuda::compute_stream();
  const cuda::DeviceBuffer<T> truth(operands.g.y().size());
  cuda::conv(kernels::ConvCall<T>::forward(operands.g, truth.data(), operands.x[0].data(), operands.w.data()),
             {.algorithm = "naive"}, stream);
  cuda::set_bytes(operands.y[0].data(), 0xff, static_cast<std::size_t>(operands.y[0].size()) * sizeof(T),
                  stream);
  contestant.forward(operands.g, operands.y[0].data(), operands.x[0].data(), operands.w.data(), stream);
  const std::vector<T> expected = host_copy(truth), values = host_copy(operands.y[0]);
  const double terms = 16.0 * static_cast<double>(operands.g.filters.c);
  const double sum_bound = 4 * std::sqrt(terms) * 0x1p-23 * std::sqrt(terms / 9);
  const double rounding = sizeof(T) == 2 ? 0x1p-7 : 0;  // both sides are rounded
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto value = static_cast<double>(values[i]), right = static_cast<double>(expected[i]);
    if (!(std::abs(value - right) <= sum_bound + rounding * std::abs(right)))
      return "wrong, so not timed: y[" + std::to_string(i) + "] is " + std::to_string(value) + ", expected " +
             std::to_string(right);
  }
  return {};
}

template <class T>
void time(benchmark::State& state, const ConvGeometry& g, const Contestant<T>& contestant) {
  const auto stream = cuda::compute_stream();
  const Operands<T> operands(g);
  if (const std::string wrong = difference(operands, contestant); !wrong.empty())
    return state.SkipWithError(wrong.c_str());
  const std::size_t sets = operands.x.size();
  const cuda::Graph graph = cuda::Graph::capture(stream, [&] {
    for (std::size_t i = 0; i < sets; ++i)
      contestant.forward(g, operands.y[i].data(), operands.x[i].data(), operands.w.data(), stream);
  });
  cuda::Event begin(cuda::Event::Timing::on), end(cuda::Event::Timing::on);
  const auto sample_ms = [&] {
    begin.record(stream);
    graph.launch(stream);
    end.record(stream);
    end.wait();
    return static_cast<double>(end.since(begin)) / static_cast<double>(sets);
  };
  for (int i = 0; i < kWarmUps; ++i) sample_ms();
  std::vector<double> samples;
  for (auto _ : state) {
    samples.push_back(sample_ms());
    state.SetIterationTime(samples.back() * 1e-3);
  }
  std::sort(samples.begin(), samples.end());
  const double median_ms = samples[samples.size() / 2];
  const double flop = 2.0 * static_cast<double>(g.y().size() * g.filters.c * 16);
  state.counters["median_us"] = median_ms * 1e3;
  state.counters["min_us"] = samples.front() * 1e3;
  state.counters["max_us"] = samples.back() * 1e3;
  state.counters["TFLOP_per_s"] = flop * 1e-9 / median_ms;
}

template <class T>
void add(const std::string& type, const Layer& layer, const Contestant<T>& contestant) {
  if (!contestant.supports(layer.geometry)) return;
  benchmark::RegisterBenchmark((std::string(layer.name) + "/" + type + "/" + contestant.name).c_str(),
                               [g = layer.geometry, contestant](benchmark::State& state) {
                                 const std::string unavailable = cuda::why_unavailable();
                                 if (!unavailable.empty())
                                   return state.SkipWithError(("no GPU: " + unavailable).c_str());
                                 try {
                                   time(state, g, contestant);
                                 } catch (const std::exception& error) {
                                   state.SkipWithError(error.what());
                                 }
                               })
      ->UseManualTime()
      ->Iterations(kSamples)
      ->Unit(benchmark::kMicrosecond);
}

}  // namespace

int main(int argc, char** argv) {
  for (const Layer& layer : layers()) {
    for (const auto* rung : kFloatRungs) add("float32", layer, of(*rung));
    add("float32", layer, of<float>("implicit_gemm", "own_"));
    add("float32", layer, of<float>("cudnn", ""));
    for (const auto* rung : kBFloat16Rungs) add("bfloat16", layer, of(*rung));
    add("bfloat16", layer, of<BFloat16>("tensor_core", "own_"));
    add("bfloat16", layer, of<BFloat16>("cudnn", ""));
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
