#include "gan/pix2pix.h"

namespace uptake::gan {

using nn::GanTarget;
using nn::Tensor;

Pix2Pix::Pix2Pix(std::unique_ptr<Network> generator, std::unique_ptr<Network> discriminator,
                 const Pix2PixOptions& options)
    : generator_(std::move(generator)),
      discriminator_(std::move(discriminator)),
      generator_adam_(generator_->store(), options.adam),
      discriminator_adam_(discriminator_->store(), options.adam),
      options_(options) {}

Losses Pix2Pix::step(const Tensor& a, const Tensor& b, double learning_rate, const kernels::RandomKey& key) {
  Losses losses;
  const Var fake = forward(a, key);
  discriminator_gradients(a, b, fake, losses);
  discriminator_adam_.step(learning_rate);
  generator_gradients(a, b, fake, losses);
  generator_adam_.step(learning_rate);
  last_fake_ = fake.value();
  return losses;
}

Var Pix2Pix::forward(const Tensor& a, const kernels::RandomKey& key) {
  return generator_->forward(Var(a), Mode::training(key));
}

void Pix2Pix::discriminator_gradients(const Tensor& a, const Tensor& b, const Var& fake, Losses& losses) {
  const Mode mode = Mode::training({});  // no discriminator has dropout
  discriminator_->store().set_requires_grad(true);
  const Var on_fake = discriminator_->forward(nn::concat(Var(a), fake.detach()), mode);
  losses.d_fake = nn::gan_loss(on_fake, options_.gan_mode, GanTarget::discriminator_fake, 0.5);
  nn::backward(on_fake);
  const Var on_real = discriminator_->forward(nn::concat(Var(a), Var(b)), mode);
  losses.d_real = nn::gan_loss(on_real, options_.gan_mode, GanTarget::discriminator_real, 0.5);
  nn::backward(on_real);
}

void Pix2Pix::generator_gradients(const Tensor& a, const Tensor& b, const Var& fake, Losses& losses) {
  discriminator_->store().set_requires_grad(false);
  const Var on_fake = discriminator_->forward(nn::concat(Var(a), fake), Mode::training({}));
  losses.g_gan = nn::gan_loss(on_fake, options_.gan_mode, GanTarget::generator);
  losses.g_l1 = options_.lambda_l1 * nn::l1_loss(fake, b, options_.lambda_l1);
  const Var roots[] = {on_fake, fake};
  nn::backward(roots);
}

}  // namespace uptake::gan
