// Every convolution of unet_256 and the basic discriminator (3 -> 3 channels, 256 x 256, 64 filters, batch
// 1), one direction at a time, with its arithmetic rate. Buffers of one layer are reused, so small layers run
// from the cache.
//
//   bench_conv                                   all layers, all threads (OMP_NUM_THREADS sets how many)
//   bench_conv --benchmark_filter=D.conv4        one layer
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "kernels/conv/conv.h"
#include "nn/tensor.h"

namespace {

using namespace uptake;
using kernels::ConvGeometry;
using nn::Tensor;

struct Layer {
  std::string name;
  ConvGeometry geometry;  // of a transposed convolution: that of the convolution it is the data gradient of
};

std::vector<Layer> layers() {
  std::vector<Layer> all;
  const auto add = [&](const std::string& name, std::int64_t size, std::int64_t c, std::int64_t k,
                       std::int64_t stride) {
    all.push_back({name, {{1, size, size, c}, {k, c, 4, 4, stride, 1}}});
  };
  const std::int64_t channels[] = {3, 64, 128, 256, 512, 512, 512, 512, 512};
  for (int level = 1; level <= 8; ++level) {
    const std::int64_t size = 512 >> level;
    add("G.down" + std::to_string(level), size, channels[level - 1], channels[level], 2);
    add("G.up" + std::to_string(level), size, channels[level - 1], (level == 8 ? 1 : 2) * channels[level], 2);
  }
  add("D.conv1", 256, 6, 64, 2);
  add("D.conv2", 128, 64, 128, 2);
  add("D.conv3", 64, 128, 256, 2);
  add("D.conv4", 32, 256, 512, 1);
  add("D.conv5", 31, 512, 1, 1);
  return all;
}

using kernels::ConvOperation;

void run(benchmark::State& state, const ConvGeometry& g, ConvOperation operation,
         const std::string& algorithm) {
  const auto ones = [](const nn::Shape& shape) { return Tensor::full(shape, nn::DType::f32, 0.01); };
  const nn::Shape filters{1, 1, 1, g.filters.size()};
  const Tensor x = ones(g.x), y = ones(g.y()), w = ones(filters), dw = ones(filters);
  const kernels::ConvCall<float> call{
      operation, g, x.data<float>(), {w.data<float>(), 1}, dw.data<float>(), y.data<float>()};
  for (auto _ : state) kernels::cpu::conv(call, {.algorithm = algorithm});
  kernels::cpu::forget_filters(w.data<float>(), w.data<float>() + w.size());
  const double operations = 2.0 * static_cast<double>(g.y().size() * g.filters.c * g.filters.r * g.filters.s);
  state.counters["GFLOP/s"] = benchmark::Counter(operations * 1e-9 * static_cast<double>(state.iterations()),
                                                 benchmark::Counter::kIsRate);
}

}  // namespace

int main(int argc, char** argv) {
  // The fastest algorithm: what a network runs.
  const std::string algorithm = kernels::cpu::conv_algorithms().front();
  for (const Layer& layer : layers())
    for (const auto& [name, operation] : {std::pair{"forward", ConvOperation::forward},
                                          {"backward_data", ConvOperation::backward_data},
                                          {"backward_filters", ConvOperation::backward_filters}})
      benchmark::RegisterBenchmark(
          (layer.name + "/" + name).c_str(),
          [g = layer.geometry, o = operation, algorithm](benchmark::State& s) { run(s, g, o, algorithm); })
          ->Unit(benchmark::kMillisecond)
          ->UseRealTime();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
