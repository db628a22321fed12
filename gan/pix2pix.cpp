#include "gan/pix2pix.h"

namespace uptake::gan {
namespace {

using nn::GanTarget;
using nn::Tensor;

// Places of the four losses.
enum : std::int64_t { kGGan, kGL1, kDReal, kDFake, kLosses };

}  // namespace

Pix2Pix::Pix2Pix(std::unique_ptr<Network> generator, std::unique_ptr<Network> discriminator,
                 const Pix2PixOptions& options)
    : generator_(std::move(generator)),
      discriminator_(std::move(discriminator)),
      generator_adam_(generator_->store(), options.adam),
      discriminator_adam_(discriminator_->store(), options.adam),
      options_(options),
      repeated_({generator_->store().device(), generator_->store().dtype(), int{kLosses}, options.graph}) {}

void Pix2Pix::start_step(const Tensor& a, const Tensor& b, double learning_rate,
                         const kernels::RandomKey& key) {
  discriminator_adam_.prepare(learning_rate);
  generator_adam_.prepare(learning_rate);
  const Tensor inputs[] = {a, b};
  repeated_.start(inputs, key.step, [&](const nn::RepeatedStep::Work& work) {
    const Tensor &real_a = work.inputs[0], &real_b = work.inputs[1];
    Mode mode = Mode::training(key);
    mode.device_step = work.device_step;
    const Var fake = forward(real_a, mode);
    discriminator_gradients(real_a, real_b, fake, work.results);
    discriminator_adam_.apply();
    generator_gradients(real_a, real_b, fake, work.results);
    generator_adam_.apply();
  });
}

std::optional<Losses> Pix2Pix::next_losses(bool wait) {
  const auto values = repeated_.next_results(wait);
  if (!values) return std::nullopt;
  return losses_of(*values);
}

Losses Pix2Pix::losses_of(const std::vector<double>& values) const {
  return {values[kGGan], options_.lambda_l1 * values[kGL1], values[kDReal], values[kDFake]};
}

Losses Pix2Pix::step(const Tensor& a, const Tensor& b, double learning_rate, const kernels::RandomKey& key) {
  start_step(a, b, learning_rate, key);
  Losses last;
  while (const auto losses = next_losses(true)) last = *losses;
  return last;
}

Var Pix2Pix::forward(const Tensor& a, const Mode& mode) { return generator_->forward(Var(a), mode); }

void Pix2Pix::discriminator_gradients(const Tensor& a, const Tensor& b, const Var& fake, Tensor losses) {
  const Mode mode = Mode::training({});  // no discriminator has dropout
  discriminator_->store().set_requires_grad(true);
  const Var on_fake = discriminator_->forward(nn::concat(Var(a), fake.detach()), mode);
  nn::gan_loss(losses.slice(kDFake, 1), on_fake, options_.gan_mode, GanTarget::discriminator_fake, 0.5);
  nn::backward(on_fake);
  const Var on_real = discriminator_->forward(nn::concat(Var(a), Var(b)), mode);
  nn::gan_loss(losses.slice(kDReal, 1), on_real, options_.gan_mode, GanTarget::discriminator_real, 0.5);
  nn::backward(on_real);
}

void Pix2Pix::generator_gradients(const Tensor& a, const Tensor& b, const Var& fake, Tensor losses) {
  discriminator_->store().set_requires_grad(false);
  const Var on_fake = discriminator_->forward(nn::concat(Var(a), fake), Mode::training({}));
  nn::gan_loss(losses.slice(kGGan, 1), on_fake, options_.gan_mode, GanTarget::generator);
  nn::l1_loss(losses.slice(kGL1, 1), fake, b, options_.lambda_l1);
  const Var roots[] = {on_fake, fake};
  nn::backward(roots);
}

}  // namespace uptake::gan
