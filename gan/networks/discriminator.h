// The discriminators. Internal to gan/: made by make_discriminator.
#pragma once
#include <deque>

#include "gan/networks/networks.h"

namespace uptake::gan {

/// PatchGAN (Isola et al. 2017): conv k4 s2 -> ndf, LeakyReLU 0.2; `layers` - 1 times conv k4 s2, norm,
/// LeakyReLU, doubling the channels up to 8 ndf; the same once with stride 1; conv k4 s1 -> 1. Three layers
/// see 70x70 pixels.
class PatchDiscriminator : public Network {
 public:
  explicit PatchDiscriminator(const DiscriminatorOptions& options);
  Var forward(const Var& x, const Mode& mode) override;

 private:
  std::deque<nn::Conv2d> convs_;
  std::deque<nn::Norm> norms_;
};

/// 1x1 convolutions: judges every pixel alone.
class PixelDiscriminator : public Network {
 public:
  explicit PixelDiscriminator(const DiscriminatorOptions& options);
  Var forward(const Var& x, const Mode& mode) override;

 private:
  std::deque<nn::Conv2d> convs_;
  std::deque<nn::Norm> norms_;
};

}  // namespace uptake::gan
