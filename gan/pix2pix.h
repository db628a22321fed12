// One pix2pix training step, in the public reference's order.
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "gan/networks/networks.h"
#include "nn/adam.h"
#include "nn/losses.h"
#include "nn/repeated_step.h"

namespace uptake::gan {

/// The numbers the reference logs. D_real and D_fake are the two halves before their mean is taken.
struct Losses {
  double g_gan = 0, g_l1 = 0, d_real = 0, d_fake = 0;  // g_l1 includes lambda
};

struct Pix2PixOptions {
  nn::GanMode gan_mode = nn::GanMode::vanilla;
  double lambda_l1 = 100;
  nn::AdamOptions adam;
  bool graph = true;  // GPU: replay the step as one CUDA graph
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
  /// a and b are in host memory. Seed and stream of the key must not change between steps.
  Losses step(const nn::Tensor& a, const nn::Tensor& b, double learning_rate, const kernels::RandomKey& key);

  /// The same without waiting for the GPU: its losses come later, in order, from next_losses(), which without
  /// `wait` hands out only what has arrived.
  void start_step(const nn::Tensor& a, const nn::Tensor& b, double learning_rate,
                  const kernels::RandomKey& key);
  std::optional<Losses> next_losses(bool wait);
  std::size_t steps_in_flight() const { return repeated_.pending(); }

  Network& generator() { return *generator_; }
  Network& discriminator() { return *discriminator_; }
  nn::Adam& generator_adam() { return generator_adam_; }
  nn::Adam& discriminator_adam() { return discriminator_adam_; }

  /// The parts of step(), for those who look in between: gradients are gathered, no optimizer has run. a and b
  /// are on the device; losses (float64 [1,1,1,4] there) are written in the order of Losses.
  Var forward(const nn::Tensor& a, const Mode& mode);
  void discriminator_gradients(const nn::Tensor& a, const nn::Tensor& b, const Var& fake, nn::Tensor losses);
  void generator_gradients(const nn::Tensor& a, const nn::Tensor& b, const Var& fake, nn::Tensor losses);
  /// What next_losses() makes of them.
  Losses losses_of(const std::vector<double>& values) const;

  const nn::RepeatedStep& repeated_step() const { return repeated_; }

 private:
  std::unique_ptr<Network> generator_, discriminator_;
  nn::Adam generator_adam_, discriminator_adam_;
  Pix2PixOptions options_;
  nn::RepeatedStep repeated_;
};

}  // namespace uptake::gan
