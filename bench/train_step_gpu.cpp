// Times the pix2pix training step on the GPU in every precision, with convolutions of cuDNN and of this project,
// with and without a CUDA graph, and prints one line of JSON for each (scripts/gpu-check runs it in turn with
// PyTorch, bench/peer/train_step_torch_gpu.py).
//
//   bench_train_step_gpu --size 256 --ngf 64 --batch 16 [--seconds 0.7]
//
// Steps are started one after the other, as training does, with the losses picked up behind them; a sample is
// the time between events after consecutive steps, so it includes the upload of the batch where that does not
// hide. Autotuned cuDNN plans are a variant of their own.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "gan/pix2pix.h"
#include "kernels/conv/conv.h"
#include "nn/init.h"

namespace {

using namespace uptake;
namespace cuda = kernels::cuda;

struct Arguments {
  std::int64_t size = 256, ngf = 64, batch = 1;
  double seconds = 0.7;
};

struct Variant {
  const char *name, *precision;
  nn::DType dtype;
  bool graph;
  kernels::ConvOptions conv;
};

std::vector<Variant> variants() {
  kernels::ConvOptions own, strict, tf32, tuned;
  own.algorithm = "own";
  strict.algorithm = tf32.algorithm = tuned.algorithm = "cudnn";
  tf32.tf32 = tuned.tf32 = true;
  tuned.autotune = true;
  tuned.plan_cache =
      std::filesystem::temp_directory_path() / "uptake_bench_plans";  // tuned in the first round only
  const auto f32 = nn::DType::f32, bf16 = nn::DType::bf16;
  std::vector<Variant> all = {{"own_graph", "float32", f32, true, own},
                              {"own_graph", "bfloat16", bf16, true, own}};
  if (!cuda::built_with_cudnn()) return all;
  all.insert(all.begin(), {{"cudnn_graph", "bfloat16", bf16, true, strict},
                           {"cudnn_graph", "tf32", f32, true, tf32},
                           {"cudnn_graph", "float32", f32, true, strict},
                           {"cudnn_no_graph", "bfloat16", bf16, false, strict},
                           {"cudnn_no_graph", "tf32", f32, false, tf32},
                           {"cudnn_tuned_graph", "bfloat16", bf16, true, tuned},
                           {"cudnn_tuned_graph", "tf32", f32, true, tuned}});
  return all;
}

nn::Tensor random_image(const nn::Shape& shape, std::uint32_t seed) {
  nn::Tensor t = nn::Tensor::empty(shape, nn::DType::f32);
  for (std::int64_t i = 0; i < t.size(); ++i) {
    seed = seed * 1664525u + 1013904223u;
    t.data<float>()[i] = static_cast<float>(seed >> 8) / 8388608.0f - 1;
  }
  return t;
}

struct Timed {
  std::vector<double> milliseconds;  // sorted
  double arena_mb;                   // planned for activations, gradients and scratch
};

Timed time_steps(const Variant& v, const Arguments& a) {
  const nn::Machine machine{nn::Device::cuda, v.dtype, v.conv};
  gan::GeneratorOptions g;
  g.net = "unet_" + std::to_string(a.size);
  g.ngf = a.ngf;
  g.machine = machine;
  gan::DiscriminatorOptions d;
  d.ndf = a.ngf;
  d.machine = machine;
  gan::Pix2PixOptions options;
  options.graph = v.graph;
  gan::Pix2Pix model(gan::make_generator(g), gan::make_discriminator(d), options);
  nn::initialise(model.generator().store(), nn::InitKind::normal, 0.02, 1, 0);
  nn::initialise(model.discriminator().store(), nn::InitKind::normal, 0.02, 1, 1);
  const nn::Shape shape{a.batch, a.size, a.size, 3};
  const nn::Tensor x = random_image(shape, 1), y = random_image(shape, 2);

  std::uint32_t step = 0;
  const auto start = [&] {
    model.start_step(x, y, 2e-4, {1, 0, step++});
    while (model.next_losses(model.steps_in_flight() > 8)) {
    }
  };
  for (int i = 0; i < 6; ++i) start();  // plans found, memory planned, graph recorded, caches warm
  cuda::synchronize(cuda::compute_stream());

  std::vector<double> milliseconds;
  std::vector<cuda::Event> events;
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(a.seconds);
  events.emplace_back(cuda::Event::Timing::on).record(cuda::compute_stream());
  while (events.size() < 12 || std::chrono::steady_clock::now() < end) {
    start();
    events.emplace_back(cuda::Event::Timing::on).record(cuda::compute_stream());
  }
  cuda::synchronize(cuda::compute_stream());
  while (const auto losses = model.next_losses(true))
    if (!(losses->g_l1 > 0 && losses->g_l1 < 1e6)) throw std::runtime_error("the losses make no sense");
  for (std::size_t i = 1; i < events.size(); ++i) milliseconds.push_back(events[i].since(events[i - 1]));
  std::ranges::sort(milliseconds);
  return {milliseconds, static_cast<double>(model.repeated_step().arena_bytes()) * 1e-6};
}

std::string quoted(std::string text) {
  for (char& c : text)
    if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < ' ') c = '\'';
  return "\"" + text + "\"";
}

void print(const Variant& v, const Arguments& a, const std::string& rest) {
  std::cout << "{\"size\": " << a.size << ", \"ngf\": " << a.ngf << ", \"batch\": " << a.batch
            << ", \"precision\": \"" << v.precision << "\", \"variant\": \"" << v.name << "\", " << rest
            << "}" << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--size") a.size = std::stoll(value);
    if (name == "--ngf") a.ngf = std::stoll(value);
    if (name == "--batch") a.batch = std::stoll(value);
    if (name == "--seconds") a.seconds = std::stod(value);
  }
  if (const std::string reason = cuda::why_unavailable(); !reason.empty()) {
    std::cerr << "bench_train_step_gpu: " << reason << "\n";
    return 1;
  }
  for (const Variant& v : variants()) {
    try {
      const auto [ms, arena_mb] = time_steps(v, a);
      const double median = ms[ms.size() / 2];
      char text[256];
      std::snprintf(text, sizeof text,
                    "\"median_ms\": %.4f, \"min_ms\": %.4f, \"max_ms\": %.4f, \"images_per_s\": %.1f, "
                    "\"steps\": %zu, \"arena_mb\": %.1f",
                    median, ms.front(), ms.back(), 1000.0 * static_cast<double>(a.batch) / median, ms.size(),
                    arena_mb);
      print(v, a, text);
    } catch (const std::exception& e) {
      print(v, a, "\"error\": " + quoted(e.what()));
    }
    kernels::cuda::device_memory().trim();
  }
}
