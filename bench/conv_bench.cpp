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

enum class Direction { forward, backward_data, backward_filters };

void run(benchmark::State& state, const ConvGeometry& g, Direction direction) {
  kernels::Filters<float> filters(g.filters);
  const auto ones = [](const nn::Shape& shape) { return Tensor::full(shape, nn::DType::f32, 0.01); };
  const Tensor x = ones(g.x), y = ones(g.y());
  const Tensor w = ones({1, 1, 1, filters.storage_size()}), dw = ones({1, 1, 1, filters.storage_size()});
  filters.bind(w.data<float>());
  for (auto _ : state) {
    if (direction == Direction::forward)
      kernels::cpu::conv_forward<float>(g, y.data<float>(), x.data<float>(), filters, nullptr);
    else if (direction == Direction::backward_data)
      kernels::cpu::conv_backward_data<float>(g, x.data<float>(), y.data<float>(), filters);
    else
      kernels::cpu::conv_backward_filters<float>(g, dw.data<float>(), kernels::Write::assign, x.data<float>(),
                                                 y.data<float>(), filters);
  }
  const double operations = 2.0 * static_cast<double>(g.y().size() * g.filters.c * g.filters.r * g.filters.s);
  state.counters["GFLOP/s"] = benchmark::Counter(operations * 1e-9 * static_cast<double>(state.iterations()),
                                                 benchmark::Counter::kIsRate);
}

}  // namespace

int main(int argc, char** argv) {
  for (const Layer& layer : layers())
    for (const auto& [name, direction] : {std::pair{"forward", Direction::forward},
                                          {"backward_data", Direction::backward_data},
                                          {"backward_filters", Direction::backward_filters}})
      benchmark::RegisterBenchmark((layer.name + "/" + name).c_str(),
                                   [g = layer.geometry, d = direction](benchmark::State& s) { run(s, g, d); })
          ->Unit(benchmark::kMillisecond)
          ->UseRealTime();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
