// Losses on Vars. Each returns the mean loss and, when x needs a gradient, adds weight * d(mean loss)/dx to
// it in the same pass; backward() then starts from x. Formulas and sources: kernels/losses.h.
#pragma once
#include "kernels/losses.h"
#include "nn/autograd.h"

namespace uptake::nn {

using kernels::GanMode;
using kernels::GanTarget;

/// target has the shape of x.
double l1_loss(const Var& x, const Tensor& target, double weight = 1);
double mse_loss(const Var& x, const Tensor& target, double weight = 1);
double bce_with_logits_loss(const Var& x, const Tensor& target, double weight = 1);

/// Adversarial loss of a discriminator's logits.
double gan_loss(const Var& logits, GanMode mode, GanTarget target, double weight = 1);

}  // namespace uptake::nn
