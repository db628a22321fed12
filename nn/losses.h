// Losses on Vars. Each writes the mean loss to the one element of `into` (float64, on the device of x) and, when
// x needs a gradient, adds weight * d(mean loss)/dx to it in the same pass; backward() then starts from x.
// Without `into` the number is returned, which on the GPU waits for it. Formulas and sources: kernels/pointwise_loss.h.
#pragma once
#include "kernels/pointwise_loss.h"
#include "nn/autograd.h"

namespace uptake::nn {

using kernels::GanMode;
using kernels::GanTarget;

/// target has the shape of x.
void l1_loss(Tensor into, const Var& x, const Tensor& target, double weight = 1);
void mse_loss(Tensor into, const Var& x, const Tensor& target, double weight = 1);
void bce_with_logits_loss(Tensor into, const Var& x, const Tensor& target, double weight = 1);
double l1_loss(const Var& x, const Tensor& target, double weight = 1);
double mse_loss(const Var& x, const Tensor& target, double weight = 1);
double bce_with_logits_loss(const Var& x, const Tensor& target, double weight = 1);

/// Adversarial loss of a discriminator's logits.
void gan_loss(Tensor into, const Var& logits, GanMode mode, GanTarget target, double weight = 1);
double gan_loss(const Var& logits, GanMode mode, GanTarget target, double weight = 1);

}  // namespace uptake::nn
