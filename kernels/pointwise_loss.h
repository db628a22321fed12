// Losses: the mean over all elements (returned on the CPU, written to device memory on the GPU) and, in the same
// pass, its gradient.
//
//   l1     |x - t|                   gradient sign(x - t), 0 where equal
//   mse    (x - t)^2
//   bce    max(x,0) - x*t + log(1 + exp(-|x|))     logits x, target t in [0,1] (stable form)
//   hinge  max(0, 1 - x) real, max(0, 1 + x) fake   discriminator side (Lim & Ye 2017; Miyato 2018)
//          -x                                       generator side; gradient 0 at a corner
//
// dx, when not null, receives scale * d(mean loss)/dx, assigned or added. Sums are taken in double, on the GPU in
// compensated float within a block. An empty
// input has loss 0 (a mean over nothing is defined so here). Inputs are [pixels,c].
#pragma once
#include "kernels/base/device.h"
#include "kernels/base/types.h"

namespace uptake::kernels {

namespace cpu {

template <class T>
double l1_loss(View<T> dx, Write write, View<const T> x, View<const T> target, std::int64_t pixels,
               std::int64_t c, double scale);

template <class T>
double mse_loss(View<T> dx, Write write, View<const T> x, View<const T> target, std::int64_t pixels,
                std::int64_t c, double scale);

/// Binary cross-entropy with logits against targets of the same shape.
template <class T>
double bce_with_logits_loss(View<T> dx, Write write, View<const T> x, View<const T> target,
                            std::int64_t pixels, std::int64_t c, double scale);

/// Adversarial loss of logits x against the label `target` stands for (1 for discriminator_real and
/// generator, 0 for discriminator_fake; hinge as above).
template <class T>
double gan_loss(GanMode mode, GanTarget target, View<T> dx, Write write, View<const T> x, std::int64_t pixels,
                std::int64_t c, double scale);

}  // namespace cpu

namespace cuda {

// The mean loss is assigned to *loss in device memory.

template <class T>
void l1_loss(double* loss, View<T> dx, Write write, View<const T> x, View<const T> target,
             std::int64_t pixels, std::int64_t c, double scale, StreamHandle stream);

template <class T>
void mse_loss(double* loss, View<T> dx, Write write, View<const T> x, View<const T> target,
              std::int64_t pixels, std::int64_t c, double scale, StreamHandle stream);

template <class T>
void bce_with_logits_loss(double* loss, View<T> dx, Write write, View<const T> x, View<const T> target,
                          std::int64_t pixels, std::int64_t c, double scale, StreamHandle stream);

template <class T>
void gan_loss(double* loss, GanMode mode, GanTarget target, View<T> dx, Write write, View<const T> x,
              std::int64_t pixels, std::int64_t c, double scale, StreamHandle stream);

}  // namespace cuda
}  // namespace uptake::kernels
