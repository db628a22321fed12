// Whole networks and training steps against PyTorch's numbers (tests/golden/README.md says how they were
// made).
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <set>
#include <sstream>

#include "gan/pix2pix.h"
#include "nn/enum_names.h"
#include "nn/state.h"

namespace {

using namespace uptake;
using nn::Tensor;

std::filesystem::path golden(const std::string& name) {
  return std::filesystem::path(UPTAKE_SOURCE_DIR) / "tests/golden" / (name + ".safetensors");
}

// [n,c,h,w] in the file to [n,h,w,c].
Tensor image(const io::Safetensors& file, const std::string& name, nn::DType dtype) {
  const auto& shape = file.at(name).shape;
  const auto values = file.as_f64(name);
  const nn::Shape s{shape.at(0), shape.at(2), shape.at(3), shape.at(1)};
  Tensor t = Tensor::empty(s, nn::DType::f64);
  std::size_t i = 0;
  for (std::int64_t n = 0; n < s.n; ++n)
    for (std::int64_t c = 0; c < s.c; ++c)
      for (std::int64_t h = 0; h < s.h; ++h)
        for (std::int64_t w = 0; w < s.w; ++w)
          t.data<double>()[((n * s.h + h) * s.w + w) * s.c + c] = values[i++];
  return t.to(dtype);
}

// ||a - b|| / ||b||, over all elements.
double distance(const Tensor& actual, const Tensor& expected) {
  const Tensor a = actual.to(nn::DType::f64), b = expected.to(nn::DType::f64);
  REQUIRE(a.size() == b.size());
  double difference = 0, norm = 0;
  for (std::int64_t i = 0; i < a.size(); ++i) {
    difference += std::pow(a.data<double>()[i] - b.data<double>()[i], 2);
    norm += std::pow(b.data<double>()[i], 2);
  }
  return std::sqrt(difference) / std::max(std::sqrt(norm), 1e-30);
}

Tensor vector_of(const io::Safetensors& file, const std::string& name) {
  const auto values = file.as_f64(name);
  Tensor t = Tensor::empty({1, 1, 1, static_cast<std::int64_t>(values.size())}, nn::DType::f64);
  std::ranges::copy(values, t.data<double>());
  return t;
}

struct Case {
  io::Safetensors file;
  nn::DType dtype;
  std::unique_ptr<gan::Pix2Pix> model;
  std::set<std::string> zero_gradients;

  const std::string& meta(const char* key) const { return file.metadata.at(key); }
  std::int64_t number(const char* key) const { return std::stoll(meta(key)); }

  Case(const std::string& name, nn::DType type) : file(io::read_safetensors(golden(name))), dtype(type) {
    gan::GeneratorOptions g;
    g.net = meta("net_g");
    g.in = number("input_nc");
    g.out = number("output_nc");
    g.ngf = number("ngf");
    g.norm = nn::from_name<nn::NormKind>(meta("norm")).value();
    g.dropout = meta("dropout") == "masks";
    if (file.metadata.contains("upsample"))
      g.upsample = nn::from_name<gan::Upsampling>(meta("upsample")).value();
    g.machine.dtype = type;
    gan::DiscriminatorOptions d;
    d.net = nn::from_name<gan::DiscriminatorKind>(meta("net_d")).value();
    d.in = g.in + g.out;
    d.ndf = number("ndf");
    d.layers = number("layers_d");
    d.norm = g.norm;
    d.machine.dtype = type;
    gan::Pix2PixOptions options;
    options.gan_mode = nn::from_name<nn::GanMode>(meta("gan_mode")).value();
    options.lambda_l1 = std::stod(meta("lambda_l1"));
    options.adam.beta1 = std::stod(meta("beta1"));
    model = std::make_unique<gan::Pix2Pix>(gan::make_generator(g), gan::make_discriminator(d), options);
    nn::get_state(file, "g.", model->generator().store());
    nn::get_state(file, "d.", model->discriminator().store());
    std::istringstream names(file.metadata.contains("zero_gradients") ? meta("zero_gradients") : "");
    for (std::string n; names >> n;) zero_gradients.insert(n);
  }

  void check_loss(double actual, const std::string& name, double tolerance) const {
    INFO(name);
    const double expected = file.as_f64(name).at(0);
    CHECK(actual == doctest::Approx(expected).epsilon(tolerance));
  }
  void check_losses(const gan::Losses& losses, const std::string& prefix, double tolerance) const {
    check_loss(losses.g_gan, prefix + "loss.G_GAN", tolerance);
    check_loss(losses.g_l1, prefix + "loss.G_L1", tolerance);
    check_loss(losses.d_fake, prefix + "loss.D_fake", tolerance);
    check_loss(losses.d_real, prefix + "loss.D_real", tolerance);
  }
  void check_image(const Tensor& actual, const std::string& name, double tolerance) const {
    INFO(name);
    CHECK(distance(actual, image(file, name, nn::DType::f64)) < tolerance);
  }
  void check_gradients(const std::string& network, nn::ParameterStore& store, double tolerance) const {
    std::size_t checked = 0;
    for (nn::Parameter& p : store.parameters()) {
      const std::string name = network + "." + p.name;
      INFO("gradient of " << name);
      REQUIRE(p.var().has_grad());
      if (zero_gradients.contains(name)) continue;
      CHECK(distance(store.to_plain(p, store.gradients()), vector_of(file, "grad." + name)) < tolerance);
      ++checked;
    }
    CHECK(checked > 0);
  }
  void check_state(const std::string& prefix, const std::string& network, nn::ParameterStore& store,
                   bool weights, double tolerance) const {
    for (const auto& entry : store.entries()) {
      const std::string name = prefix + network + "." + entry.name;
      INFO(name);
      if (const auto* b = std::get_if<nn::Buffer*>(&entry.what)) {
        CHECK(distance((*b)->values, vector_of(file, name)) < tolerance);
      } else if (!weights) {
        continue;
      } else if (const auto* c = std::get_if<nn::Counter*>(&entry.what)) {
        CHECK(static_cast<double>((*c)->value) == file.as_f64(name).at(0));
      } else if (!zero_gradients.contains(network + "." + entry.name)) {
        auto& p = *std::get<nn::Parameter*>(entry.what);
        CHECK(distance(store.to_plain(p, store.values()), vector_of(file, name)) < tolerance);
      }
    }
  }
};

// float32 must agree to 1e-4 relative; double, which the files hold rounded to float32, to well below that.
void train_like_pytorch(const std::string& name, nn::DType dtype) {
  CAPTURE(name);
  CAPTURE(nn::to_string(dtype));
  const double tolerance = dtype == nn::DType::f32 ? 1e-4 : 2e-6;
  Case c(name, dtype);
  gan::Pix2Pix& model = *c.model;
  auto &g = model.generator().store(), &d = model.discriminator().store();
  const Tensor a = image(c.file, "input_a", dtype), b = image(c.file, "input_b", dtype);
  const double lr = std::stod(c.meta("lr"));
  // The masks in the file are those of this key: seed in the metadata, stream 0, step from 0.
  const std::uint64_t seed = c.meta("dropout") == "masks" ? std::stoull(c.meta("mask_seed")) : 0;

  // The first step, opened up to look at the gradients.
  const Tensor losses = Tensor::empty({1, 1, 1, 4}, nn::DType::f64);
  const nn::Var fake = model.forward(a, gan::Mode::training({seed, 0, 0}));
  c.check_image(fake.value(), "fake_b", tolerance);
  model.discriminator_gradients(a, b, fake, losses);
  c.check_gradients("d", d, tolerance);
  model.discriminator_adam().step(lr);
  model.generator_gradients(a, b, fake, losses);
  c.check_gradients("g", g, tolerance);
  model.generator_adam().step(lr);
  c.check_losses(model.losses_of({losses.data<double>(), losses.data<double>() + 4}), "", tolerance);
  c.check_state("after1.", "g", g, false, tolerance);
  c.check_state("after1.", "d", d, false, tolerance);

  for (std::uint32_t step = 1; step < 3; ++step)
    c.check_losses(model.step(a, b, lr, {seed, 0, step}), "step" + std::to_string(step + 1) + ".", tolerance);
  c.check_state("after3.", "g", g, true, tolerance);
  c.check_state("after3.", "d", d, true, tolerance);

  if (c.meta("norm") == "batch") {
    const nn::NoGrad no_grad;
    c.check_image(model.generator().forward(nn::Var(a), gan::Mode::inference()).value(), "eval_fake_b",
                  tolerance);
    const nn::Var real = nn::concat(nn::Var(a), nn::Var(b));
    c.check_image(model.discriminator().forward(real, gan::Mode::inference()).value(), "eval_d_real",
                  tolerance);
  }
}

const char* const kTrainingCases[] = {"unet_32_batch_vanilla",      "unet_32_instance_lsgan",
                                      "unet_32_none_hinge",         "unet_32_batch_64x32",
                                      "unet_32_batch_gray",         "unet_128_batch_vanilla",
                                      "resnet_6blocks_batch_pixel", "resnet_9blocks_instance_lsgan",
                                      "unet_128_batch_dropout",     "resnet_6blocks_batch_dropout",
                                      "unet_32_batch_nearest"};

}  // namespace

TEST_CASE(
    "three training steps in float32 agree with PyTorch: outputs, losses, gradients, statistics, weights") {
  for (const char* name : kTrainingCases) train_like_pytorch(name, nn::DType::f32);
}

TEST_CASE("three training steps in float64 agree with PyTorch to the digits of the file") {
  for (const char* name : kTrainingCases) train_like_pytorch(name, nn::DType::f64);
}

TEST_CASE("unet_256 agrees with PyTorch in the forward pass") {
  Case c("unet_256_batch_forward", nn::DType::f32);
  const Tensor a = image(c.file, "input_a", nn::DType::f32);
  const nn::NoGrad no_grad;
  gan::Mode mode = gan::Mode::training({});
  mode.dropout = false;
  const nn::Var fake = c.model->generator().forward(nn::Var(a), mode);
  c.check_image(fake.value(), "fake_b", 1e-4);
  c.check_image(c.model->discriminator().forward(nn::concat(nn::Var(a), fake), mode).value(), "d_fake", 1e-4);
}
