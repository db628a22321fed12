// Losses on Vars. Formulas and sources: kernels/pointwise_loss.h, kernels/softmax_loss.h.
//
// Each is the mean over all elements, as a Var of one element that can be computed with further:
//
//   nn::backward(100 * nn::l1_loss(y, target) + nn::gan_loss(logits, mode, nn::GanTarget::generator));
//
// The value is float32 for images of float32 and bfloat16, float64 for float64. A loss that none of these is, is
// written with the arithmetic of nn/ops.h and mean(). Of nothing, the mean is 0. Errors: ShapeError.
#pragma once
#include <span>

#include "kernels/pointwise_loss.h"
#include "nn/autograd.h"

namespace uptake::nn {

using kernels::GanMode;
using kernels::GanTarget;

/// target has the shape of x; no gradient goes to it.
Var l1_loss(const Var& x, const Tensor& target);
Var mse_loss(const Var& x, const Tensor& target);
/// Of logits, against targets in [0,1].
Var bce_with_logits_loss(const Var& x, const Tensor& target);

/// Adversarial loss of a discriminator's logits.
Var gan_loss(const Var& logits, GanMode mode, GanTarget target);

/// Logits [n,1,1,c] (or [n,h,w,c]: of every pixel) against numbers of classes from 0 to c - 1, one a pixel in the order
/// of the pixels. Throws ShapeError for another count of labels and for a label that is no class. The labels are read
/// before it returns.
Var softmax_cross_entropy(const Var& logits, std::span<const int> labels);

// The form for a step that is repeated, on the GPU without waiting for it: the mean is written to the one element of
// `into` (float64, on the device of x), and when x needs a gradient, weight * d(mean)/dx is added to it in the same
// pass; backward() then starts from x.

void l1_loss(Tensor into, const Var& x, const Tensor& target, double weight = 1);
void mse_loss(Tensor into, const Var& x, const Tensor& target, double weight = 1);
void bce_with_logits_loss(Tensor into, const Var& x, const Tensor& target, double weight = 1);
void gan_loss(Tensor into, const Var& logits, GanMode mode, GanTarget target, double weight = 1);

}  // namespace uptake::nn
