// One pix2pix training step, in the public reference's order.
#pragma once
#include <memory>

#include "gan/networks.h"
#include "nn/adam.h"
#include "nn/losses.h"

namespace uptake::gan {

/// The numbers the reference logs. D_real and D_fake are the two halves before their mean is taken.
struct Losses {
  double g_gan = 0, g_l1 = 0, d_real = 0, d_fake = 0;  // g_l1 includes lambda
};

struct Pix2PixOptions {
  nn::GanMode gan_mode = nn::GanMode::vanilla;
  double lambda_l1 = 100;
  nn::AdamOptions adam;
};

/// Generator, discriminator and their optimizers.
class Pix2Pix {
 public:
  Pix2Pix(std::unique_ptr<Network> generator, std::unique_ptr<Network> discriminator,
          const Pix2PixOptions& options);

  /// One step on a batch of pairs, a and b [n,h,w,c] in [-1,1]:
  ///   1. fake = G(a)
  ///   2. D on [a, fake] cut off from G, then on [a, b]; loss (fake + real) / 2; Adam on D
  ///   3. D, held fixed, on [a, fake]; loss GAN + lambda |fake - b|; Adam on G
  /// Each of the three passes through D takes its own batch statistics. `key` numbers the dropout masks.
  Losses step(const nn::Tensor& a, const nn::Tensor& b, double learning_rate, const kernels::RandomKey& key);

  Network& generator() { return *generator_; }
  Network& discriminator() { return *discriminator_; }
  nn::Adam& generator_adam() { return generator_adam_; }
  nn::Adam& discriminator_adam() { return discriminator_adam_; }

  /// The generated image of the last step.
  const nn::Tensor& last_fake() const { return last_fake_; }

  /// The two halves of step(), for those who look in between: gradients are gathered, no optimizer has run.
  Var forward(const nn::Tensor& a, const kernels::RandomKey& key);
  void discriminator_gradients(const nn::Tensor& a, const nn::Tensor& b, const Var& fake, Losses& losses);
  void generator_gradients(const nn::Tensor& a, const nn::Tensor& b, const Var& fake, Losses& losses);

 private:
  std::unique_ptr<Network> generator_, discriminator_;
  nn::Adam generator_adam_, discriminator_adam_;
  Pix2PixOptions options_;
  nn::Tensor last_fake_;
};

}  // namespace uptake::gan
