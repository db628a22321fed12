// The whole of pix2pix on the CUDA backend against the CPU: the same weights, the same batches, the same
// losses; in the simulator on every commit, on a GPU when there is one.
#include <cmath>
#include <sstream>

#include "gan/checkpoint.h"
#include "gan/config.h"
#include "gan/pix2pix.h"
#include "gan/translator.h"
#include "nn/state.h"
#include "tests/cuda/on_device.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"

namespace uptake::tests {
namespace {

using gan::Losses;
using nn::Device;

// Small enough for a simulated GPU, and still with every kind of layer of the U-Net but dropout: a level without
// normalisation, one with, the innermost, skips. The residual generator brings the rest: dropout, reflection
// padding, 7 x 7 and 3 x 3 convolutions, output padding.
constexpr const char* kResidual = "resnet_1blocks";

gan::TrainConfig tiny(const std::string& net = "unet_8") {
  gan::TrainConfig c;
  c.net_g = net;
  c.net_d = gan::DiscriminatorKind::n_layers;
  c.n_layers_d = 1;
  c.ngf = c.ndf = 2;
  c.input_channels = c.output_channels = 1;
  c.init_gain = 0.1;
  c.seed = 5;
  return c;
}

struct Trained {
  std::vector<Losses> losses;
  std::unique_ptr<gan::Pix2Pix> model;
};

std::unique_ptr<gan::Pix2Pix> model_of(const gan::TrainConfig& c, const nn::Machine& machine) {
  return std::make_unique<gan::Pix2Pix>(gan::make_generator(c, machine), gan::make_discriminator(c, machine),
                                        gan::pix2pix_options(c));
}

// Steps first .. last-1, each on its own random batch.
std::vector<Losses> train(gan::Pix2Pix& model, const gan::TrainConfig& c, std::int64_t size, int first,
                          int last) {
  std::vector<Losses> losses;
  for (int step = first; step < last; ++step) {
    const Shape shape{c.batch_size, size, size, 1};
    const auto number = static_cast<std::uint64_t>(step);
    const Tensor a = random_tensor(shape, DType::f32, 2 * number + 1, -1, 1);
    const Tensor b = random_tensor(shape, DType::f32, 2 * number + 2, -1, 1);
    losses.push_back(model.step(a, b, 1e-3, {c.seed, 0, static_cast<std::uint32_t>(step)}));
  }
  return losses;
}

Trained train(const gan::TrainConfig& c, const nn::Machine& machine, std::int64_t size, int steps) {
  Trained t{{}, model_of(c, machine)};
  t.losses = train(*t.model, c, size, 0, steps);
  return t;
}

std::vector<double> numbers(const std::vector<Losses>& losses) {
  std::vector<double> all;
  for (const Losses& l : losses) all.insert(all.end(), {l.g_gan, l.g_l1, l.d_real, l.d_fake});
  return all;
}

io::Safetensors state_of(gan::Pix2Pix& model) {
  io::Safetensors file;
  nn::put_state(file, "g.", model.generator().store());
  nn::put_state(file, "d.", model.discriminator().store());
  nn::put_adam(file, "adam.g.", model.generator().store(), model.generator_adam());
  nn::put_adam(file, "adam.d.", model.discriminator().store(), model.discriminator_adam());
  return file;
}

const nn::Machine kGpu{Device::cuda, DType::f32, {}};

// float32 rounding, carried through the steps: Adam's first steps are lr * sign(gradient), which turns the
// rounding of a gradient near zero into a step of lr.
void check_close(const std::vector<double>& actual, const std::vector<double>& expected, double tolerance) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    INFO("number " << i);
    CHECK(actual[i] == doctest::Approx(expected[i]).epsilon(tolerance));
  }
}

TEST_CASE("training on the GPU gives the CPU's losses and weights, with and without a graph") {
  const std::pair<const char*, nn::NormKind> cases[] = {{"unet_8", nn::NormKind::batch},
                                                        {"unet_8", nn::NormKind::instance},
                                                        {"unet_8", nn::NormKind::none},
                                                        {kResidual, nn::NormKind::batch}};
  for (const auto& [net, norm] : cases) {
    gan::TrainConfig c = tiny(net);
    c.norm = norm;
    c.batch_size = 2;
    CAPTURE(std::string(net) + " " + nn::name_of(norm));
    const Trained cpu = train(c, {}, 8, 5);
    const Trained gpu = train(c, kGpu, 8, 5);
    check_close(numbers(gpu.losses), numbers(cpu.losses), 1e-3);
    CHECK(gpu.model->repeated_step().graph_nodes() > 20);
    c.graph = false;
    const Trained without = train(c, kGpu, 8, 5);
    CHECK(numbers(without.losses) == numbers(gpu.losses));
    CHECK(without.model->repeated_step().graph_nodes() == 0);

    const auto expected = state_of(*cpu.model), actual = state_of(*gpu.model),
               unrecorded = state_of(*without.model);
    REQUIRE(actual.tensors.size() == expected.tensors.size());
    std::vector<double> off;  // of weights and running statistics
    for (const auto& [name, tensor] : expected.tensors) {
      INFO(name);
      if (tensor.dtype == io::DType::i64) {
        CHECK(actual.as_i64(name) == expected.as_i64(name));
      } else if (!name.starts_with("adam.")) {
        const std::vector<float> on_gpu = actual.as_f32(name), on_cpu = expected.as_f32(name);
        REQUIRE(on_gpu.size() == on_cpu.size());
        for (std::size_t i = 0; i < on_cpu.size(); ++i)
          off.push_back(std::abs(static_cast<double>(on_gpu[i]) - static_cast<double>(on_cpu[i])));
      }
      CHECK(unrecorded.tensors.at(name).data == actual.tensors.at(name).data);
    }
    // Where a gradient is nothing but rounding (a bias before a normalisation), Adam makes steps of up to lr =
    // 1e-3 of it, in five steps 5e-3 on either side. The weights are of size 0.1, and most agree far better.
    std::ranges::sort(off);
    CHECK(off.back() < 1.1e-2);
    CHECK(off[off.size() / 2] < 1e-4);
  }
}

TEST_CASE("Adam's step on the GPU gives the values a new version, rounded ones or not") {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    nn::ParameterStore store(dtype, Device::cuda);
    store.add_vector("p", 3, nn::Role::bias);
    store.allocate();
    nn::Adam adam(store, {});
    const std::uint64_t before = store.version();
    adam.step(0.1);
    CHECK(store.version() != before);
  }
}

TEST_CASE("the gradients of the first step agree with the CPU's to rounding") {
  for (const char* net : {"unet_8", kResidual}) {
    CAPTURE(std::string(net));
    gan::TrainConfig c = tiny(net);
    c.batch_size = 2;
    const Tensor a = random_tensor({2, 16, 16, 1}, DType::f32, 1, -1, 1);
    const Tensor b = random_tensor({2, 16, 16, 1}, DType::f32, 2, -1, 1);
    const auto gradients = [&](const nn::Machine& machine) {
      const auto model = model_of(c, machine);
      const Tensor losses = Tensor::empty({1, 1, 1, 4}, DType::f64, machine.device);
      const nn::Var fake = model->forward(a.to(machine.device), gan::Mode::training({c.seed, 0, 0}));
      model->discriminator_gradients(a.to(machine.device), b.to(machine.device), fake, losses);
      model->generator_gradients(a.to(machine.device), b.to(machine.device), fake, losses);
      std::vector<std::vector<double>> all;
      for (auto* network : {&model->generator(), &model->discriminator()})
        for (nn::Parameter& p : network->store().parameters())
          all.push_back(values_of(network->store().to_plain(p, network->store().gradients())));
      return all;
    };
    const auto cpu = gradients({}), gpu = gradients(kGpu);
    double largest = 0;
    for (const auto& g : cpu)
      for (const double v : g) largest = std::max(largest, std::abs(v));
    for (std::size_t i = 0; i < cpu.size(); ++i) {
      INFO("parameter " << i);
      REQUIRE(cpu[i].size() == gpu[i].size());
      for (std::size_t j = 0; j < cpu[i].size(); ++j) CHECK(std::abs(cpu[i][j] - gpu[i][j]) < 2e-5 * largest);
    }
  }
}

TEST_CASE("bfloat16 training follows float32 within bfloat16's rounding") {
  gan::TrainConfig c = tiny();
  c.batch_size = 2;
  const Trained cpu = train(c, {}, 8, 3);
  const Trained gpu = train(c, {Device::cuda, DType::bf16, {}}, 8, 3);
  check_close(numbers(gpu.losses), numbers(cpu.losses), 5e-2);
  const nn::ParameterStore& store = gpu.model->generator().store();
  CHECK(store.values().dtype() == DType::f32);
  const auto values = values_of(store.values().to(Device::cpu));
  const auto rounded_now = values_of(store.rounded_values().to(DType::f32).to(Device::cpu));
  REQUIRE(values.size() == rounded_now.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    CHECK(rounded_now[i] == static_cast<double>(static_cast<float>(BFloat16(values[i]))));
}

TEST_CASE("a run saved on the CPU goes on on the GPU, and the other way round") {
  const gan::TrainConfig c = tiny();
  const TemporaryFolder folder;
  const auto continued = [&](const nn::Machine& first, const nn::Machine& second) {
    Trained start = train(c, first, 8, 3);
    gan::CheckpointInfo info;
    info.config = c;
    info.version = "test";
    gan::save_checkpoint(folder / "run.safetensors", info, *start.model);
    const auto model = model_of(c, second);
    gan::load_checkpoint(folder / "run.safetensors", *model);
    return numbers(train(*model, c, 8, 3, 6));
  };
  const auto whole = continued({}, {});
  check_close(continued({}, kGpu), whole, 1e-3);
  check_close(continued(kGpu, {}), whole, 1e-3);
}

#if defined(UPTAKE_SIMULATOR)
TEST_CASE("nothing changes when the GPU does everything as late as it may: no event is missing") {
  const gan::TrainConfig c = tiny(kResidual);
  const auto eager = numbers(train(c, kGpu, 8, 5).losses);
  sim::set_streams(sim::Streams::lazy);
  const auto lazy = numbers(train(c, kGpu, 8, 5).losses);
  sim::set_streams(sim::Streams::eager);
  CHECK(lazy == eager);
}
#endif

TEST_CASE("the same run gives the same bits, and does not depend on when losses are asked for") {
  const gan::TrainConfig c = tiny();
  const Trained one = train(c, kGpu, 8, 5), two = train(c, kGpu, 8, 5);
  CHECK(numbers(one.losses) == numbers(two.losses));
#if defined(UPTAKE_SIMULATOR)
  sim::set_streams(sim::Streams::lazy);  // so that steps really are under way together
#endif
  const auto late = model_of(c, kGpu);
  for (int step = 0; step < 5; ++step) {
    const auto number = static_cast<std::uint64_t>(step);
    late->start_step(random_tensor({1, 8, 8, 1}, DType::f32, 2 * number + 1, -1, 1),
                     random_tensor({1, 8, 8, 1}, DType::f32, 2 * number + 2, -1, 1), 1e-3,
                     {c.seed, 0, static_cast<std::uint32_t>(step)});
  }
  CHECK(late->steps_in_flight() == 5);
  std::vector<Losses> losses;
  while (const auto l = late->next_losses(true)) losses.push_back(*l);
#if defined(UPTAKE_SIMULATOR)
  sim::set_streams(sim::Streams::eager);
#endif
  CHECK(numbers(losses) == numbers(one.losses));
  const auto a = state_of(*one.model), b = state_of(*late);
  for (const auto& [name, tensor] : a.tensors) {
    INFO(name);
    CHECK(b.tensors.at(name).data == tensor.data);
  }
}

TEST_CASE(
    "a last batch of another size has a plan of its own, and the driver is asked for nothing in steady "
    "steps") {
  gan::TrainConfig c = tiny();
  const auto cpu = model_of(c, {}), gpu = model_of(c, kGpu);
  const auto epoch = [&](gan::Pix2Pix& model, int first) {
    std::vector<Losses> losses;
    for (int step = first; step < first + 4; ++step) {
      c.batch_size = step == first + 3 ? 1 : 2;
      const auto one = train(model, c, 8, step, step + 1);
      losses.insert(losses.end(), one.begin(), one.end());
    }
    return numbers(losses);
  };
  for (int first = 0; first < 16; first += 4) {
    check_close(epoch(*gpu, first), epoch(*cpu, first), 5e-3);
    const auto allocations = cuda::device_memory().statistics().system_allocations;
    if (first == 12) continue;
    if (first == 8) {
      epoch(*gpu, 100);
      CHECK(cuda::device_memory().statistics().system_allocations == allocations);
      epoch(*cpu, 100);
    }
  }
}

TEST_CASE("a trained generator gives the same image on both devices") {
  const gan::TrainConfig c = tiny();
  const Trained cpu = train(c, {}, 8, 2);
  const TemporaryFolder folder;
  gan::CheckpointInfo info;
  info.config = c;
  info.input = info.output = gan::Intensity::of(io::SampleKind::u8, 0);
  info.version = "test";
  gan::save_checkpoint(folder / "m.safetensors", info, *cpu.model);
  io::Image image(11, 13, 1, io::SampleKind::u8);
  for (std::size_t i = 0; i < image.samples.size(); ++i) image.samples[i] = static_cast<float>(i % 256);
  for (const auto statistics : {nn::StatisticsFrom::running, nn::StatisticsFrom::batch}) {
    const auto here = gan::load_generator(folder / "m.safetensors");
    const auto there = gan::load_generator(folder / "m.safetensors", kGpu);
    const io::Image expected = gan::translate(*here.network, image, info.input, info.output, statistics);
    const io::Image actual = gan::translate(*there.network, image, info.input, info.output, statistics);
    REQUIRE(actual.samples.size() == expected.samples.size());
    for (std::size_t i = 0; i < actual.samples.size(); ++i)
      CHECK(actual.samples[i] == doctest::Approx(expected.samples[i]).epsilon(1e-4));
  }
}

}  // namespace
}  // namespace uptake::tests
