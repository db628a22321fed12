// Batch and instance normalisation, fused with the activation(s) and dropout that follow.
// Source: Ioffe & Szegedy 2015 (batch), Ulyanov et al. 2016 (instance).
//
//   mean_g,c = sum x / count      var_g,c = sum (x - mean)^2 / count      rstd = 1 / sqrt(var + eps)
//   z = gamma_c * (x - mean) * rstd + beta_c           y_j = dropout(act_j(z))
//
// A group is the set of pixels one statistic is taken over: batch normalisation has one group of n*h*w
// pixels, instance normalisation n groups of h*w pixels. gamma and beta may be null (1 and 0). Saved for
// backward: x, mean, rstd (and the dropout key). On the CPU statistics are accumulated in double, on the GPU in
// float by a method that does not cancel.
#pragma once
#include <span>

#include "kernels/base/types.h"
#include "kernels/pointwise.h"

namespace uptake::kernels {

struct NormShape {
  std::int64_t groups = 0, pixels_per_group = 0, c = 0;
  std::int64_t pixels() const { return groups * pixels_per_group; }
};

/// Whether mean and rstd depend on x (training) or are given numbers (inference, frozen layers).
enum class Statistics { of_this_batch, given };

namespace cpu {
using kernels::Statistics;

/// rstd = 1/sqrt(var + eps), `count` values. rstd may alias var.
template <class T>
void norm_rstd(T* rstd, const T* var, double eps, std::int64_t count);

/// mean and rstd [groups,c] of x [pixels,c], and the running statistics moved towards them (null: none are kept; they
/// need groups = 1): running = (1 - momentum) * running + momentum * batch, with the unbiased variance, var *
/// count/(count-1) for count = pixels_per_group (1 pixel: var itself).
template <class T>
void norm_batch_statistics(T* mean, T* rstd, T* running_mean, T* running_var, View<const T> x,
                           const NormShape& shape, double eps, double momentum);

/// outputs as in pointwise_forward. mean, rstd [groups,c]: of this batch in training, from running statistics
/// in inference.
template <class T>
void norm_forward(std::span<const Output<T>> outputs, View<const T> x, const T* mean, const T* rstd,
                  const T* gamma, const T* beta, const NormShape& shape, const Dropout& dropout);

/// dx assigned or added by `write_dx`. dgamma, dbeta [c] assigned or added by `write_parameters`; null: not
/// wanted. dx may be null too (data == nullptr): only the parameter gradients are then computed. dx may alias
/// a dy or x when packed alike.
template <class T>
void norm_backward(View<T> dx, Write write_dx, T* dgamma, T* dbeta, Write write_parameters,
                   std::span<const OutputGradient<T>> gradients, View<const T> x, const T* mean,
                   const T* rstd, const T* gamma, const T* beta, const NormShape& shape,
                   Statistics statistics, const Dropout& dropout);

}  // namespace cpu

namespace cuda {
using kernels::Statistics;

template <class T>
void norm_batch_statistics(Accum<T>* mean, Accum<T>* rstd, Accum<T>* running_mean, Accum<T>* running_var,
                           View<const T> x, const NormShape& shape, double eps, double momentum,
                           StreamHandle stream);

template <class T>
void norm_rstd(Accum<T>* rstd, const Accum<T>* var, double eps, std::int64_t count, StreamHandle stream);

template <class T>
void norm_forward(std::span<const Output<T>> outputs, View<const T> x, const Accum<T>* mean,
                  const Accum<T>* rstd, const Accum<T>* gamma, const Accum<T>* beta, const NormShape& shape,
                  const Dropout& dropout, StreamHandle stream);

template <class T>
void norm_backward(View<T> dx, Write write_dx, Accum<T>* dgamma, Accum<T>* dbeta, Write write_parameters,
                   std::span<const OutputGradient<T>> gradients, View<const T> x, const Accum<T>* mean,
                   const Accum<T>* rstd, const Accum<T>* gamma, const Accum<T>* beta, const NormShape& shape,
                   Statistics statistics, const Dropout& dropout, StreamHandle stream);

}  // namespace cuda
}  // namespace uptake::kernels
