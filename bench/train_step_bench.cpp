// The whole pix2pix training step with the reference's defaults (batch norm, dropout, L1 + vanilla GAN,
// Adam), on random-like images.
//
//   bench_train_step                                              sizes 256/64/1, 256/64/4, 128/32/4, 64/16/8
//   bench_train_step --benchmark_filter=size:256/ngf:64/batch:1   one of them
//   OMP_NUM_THREADS=2 bench_train_step                            the number of threads
#include <benchmark/benchmark.h>

#include "gan/pix2pix.h"
#include "nn/init.h"

namespace {

using namespace uptake;

nn::Tensor pattern(const nn::Shape& shape, std::uint32_t seed) {
  nn::Tensor t = nn::Tensor::empty(shape, nn::DType::f32);
  for (std::int64_t i = 0; i < t.size(); ++i) {
    seed = seed * 1664525u + 1013904223u;
    t.data<float>()[i] = static_cast<float>(seed >> 8) / 8388608.0f - 1;
  }
  return t;
}

void train_step(benchmark::State& state) {
  const std::int64_t size = state.range(0), filters = state.range(1), batch = state.range(2),
                     channels = state.range(3);
  const std::string net = "unet_" + std::to_string(size);
  gan::Pix2Pix model(gan::make_generator({.net = net, .in = channels, .out = channels, .ngf = filters}),
                     gan::make_discriminator({.in = 2 * channels, .ndf = filters}), {});
  nn::initialise(model.generator().store(), nn::InitKind::normal, 0.02, 1, 0);
  nn::initialise(model.discriminator().store(), nn::InitKind::normal, 0.02, 1, 1);
  const nn::Tensor a = pattern({batch, size, size, channels}, 1),
                   b = pattern({batch, size, size, channels}, 2);
  std::uint32_t step = 0;
  for (; step < 3; ++step) model.step(a, b, 2e-4, {1, 0, step});  // primitives made, memory in place
  for (auto _ : state) benchmark::DoNotOptimize(model.step(a, b, 2e-4, {1, 0, step++}));
  state.SetItemsProcessed(state.iterations() * batch);
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::RegisterBenchmark("train_step", train_step)
      ->ArgNames({"size", "ngf", "batch", "channels"})
      ->Args({256, 64, 1, 3})
      ->Args({256, 64, 4, 3})
      ->Args({128, 32, 4, 1})
      ->Args({64, 16, 8, 1})
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
