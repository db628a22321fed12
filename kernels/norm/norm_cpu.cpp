#include "kernels/norm/norm.h"

#include <cmath>

#include "kernels/detail/activation.h"
#include "kernels/detail/dropout_mask.h"
#include "kernels/detail/pieces.h"
#include "kernels/norm/norm_checks.h"

namespace uptake::kernels::cpu {
namespace {

using detail::Scratch;

/// Pixels are walked in pieces that never cross a group: task i is piece i % pieces of group i / pieces.
struct Tasks {
  std::int64_t piece, pieces, count;
  Tasks(const NormShape& shape, std::int64_t pixels_per_piece)
      : piece(pixels_per_piece),
        pieces(detail::ceil_div(shape.pixels_per_group, pixels_per_piece)),
        count(shape.groups * pieces) {}
};

/// body(task, group, first, last) with [first,last) counted over all pixels.
template <class Body>
void for_tasks(const Tasks& tasks, const NormShape& shape, const Body& body) {
  detail::for_pieces(tasks.count, 1, shape.pixels() * shape.c, [&](std::int64_t task, std::int64_t) {
    const std::int64_t group = task / tasks.pieces, start = group * shape.pixels_per_group;
    const std::int64_t first = start + task % tasks.pieces * tasks.piece;
    body(task, group, first, std::min(start + shape.pixels_per_group, first + tasks.piece));
  });
}

/// z = (x - mean) * scale + shift for one pixel. Subtracting first keeps the digits of data far from zero.
template <class T>
struct Affine {
  const T *mean, *scale, *shift;
  T operator()(const T* x, std::int64_t i) const { return (x[i] - mean[i]) * scale[i] + shift[i]; }
};

/// Fills scale = gamma * rstd [groups,c] and, in the row after it, shift = beta [c].
template <class T>
T* fill_affine(const T* rstd, const T* gamma, const T* beta, const NormShape& shape,
               std::int64_t extra_rows) {
  const std::int64_t c = shape.c;
  T* scale = detail::scratch<T, Scratch::tables>((shape.groups + 1 + extra_rows) * c);
  for (std::int64_t g = 0; g < shape.groups; ++g)
    for (std::int64_t i = 0; i < c; ++i)
      scale[g * c + i] = gamma != nullptr ? gamma[i] * rstd[g * c + i] : rstd[g * c + i];
  for (std::int64_t i = 0; i < c; ++i) scale[shape.groups * c + i] = beta != nullptr ? beta[i] : T(0);
  return scale;
}

/// Calls body(pixel, mask) for pixels [first,last), drawing the mask of a run of pixels at a time.
template <class T, class Body>
void for_masked_pixels(std::int64_t first, std::int64_t last, std::int64_t c, const Dropout& dropout,
                       const Body& body) {
  if (dropout.p == 0) {
    for (std::int64_t pixel = first; pixel < last; ++pixel) body(pixel, nullptr);
    return;
  }
  const std::int64_t run = std::max<std::int64_t>(1, detail::kPieceElements / c);
  T* mask = detail::scratch<T, Scratch::mask>(run * c);
  for (std::int64_t begin = first; begin < last; begin += run) {
    const std::int64_t end = std::min(last, begin + run);
    detail::fill_dropout_mask(mask, dropout, begin * c, (end - begin) * c);
    for (std::int64_t pixel = begin; pixel < end; ++pixel)
      body(pixel, static_cast<const T*>(mask) + (pixel - begin) * c);
  }
}

template <bool kDropout, class T, class A, class B>
void forward_pixel(T* y0, T* y1, const T* x, Affine<T> affine, const T* mask, A a, B b, std::int64_t c) {
#pragma omp simd
  for (std::int64_t i = 0; i < c; ++i) {
    const T z = affine(x, i);
    const T factor = kDropout ? mask[i] : T(1);
    y0[i] = a.value(z) * factor;
    if constexpr (B::kPresent) y1[i] = b.value(z) * factor;
  }
}

/// The gradient arriving at z = the normalised value, from both outputs, through dropout and activation.
template <class T, class A, class B>
struct Arriving {
  const T *dy0, *dy1, *mask;
  A a;
  B b;
  template <bool kDropout>
  T at(T z, std::int64_t i) const {
    T d = dy0[i] * a.derivative(z);
    if constexpr (B::kPresent) d += dy1[i] * b.derivative(z);
    if constexpr (kDropout) d *= mask[i];
    return d;
  }
};

template <bool kDropout, class T, class Gradient>
void reduce_pixel(T* sum_dz, T* sum_dz_xhat, const T* x, const T* rstd, Affine<T> affine, Gradient dz,
                  std::int64_t c) {
#pragma omp simd
  for (std::int64_t i = 0; i < c; ++i) {
    const T d = dz.template at<kDropout>(affine(x, i), i);
    sum_dz[i] += d;
    sum_dz_xhat[i] += d * ((x[i] - affine.mean[i]) * rstd[i]);
  }
}

/// dx = scale * (dz - mean of dz - xhat * mean of dz*xhat); both means are zero for given statistics.
template <bool kDropout, bool kAdd, class T, class Gradient>
void input_gradient_pixel(T* dx, const T* x, const T* rstd, const T* mean_dz, const T* mean_dz_xhat,
                          Affine<T> affine, Gradient dz, std::int64_t c) {
#pragma omp simd
  for (std::int64_t i = 0; i < c; ++i) {
    const T d = dz.template at<kDropout>(affine(x, i), i);
    const T xhat = (x[i] - affine.mean[i]) * rstd[i];
    const T value = affine.scale[i] * (d - mean_dz[i] - xhat * mean_dz_xhat[i]);
    dx[i] = kAdd ? dx[i] + value : value;
  }
}

/// Adds a run of values with the given mean and sum of squared deviations to those of n values before it
/// (Chan, Golub & LeVeque 1979), channel by channel.
void merge(double* mean, double* deviation, double n, const double* run_mean, const double* run_deviation,
           double run, std::int64_t c) {
  const double share = run / (n + run), weight = n * share;
#pragma omp simd
  for (std::int64_t i = 0; i < c; ++i) {
    const double delta = run_mean[i] - mean[i];
    mean[i] += delta * share;
    deviation[i] += run_deviation[i] + delta * delta * weight;
  }
}

/// Mean and sum of squared deviations of x[first,last). A run is short enough to be read from the cache the
/// second time, when its values are taken relative to its own rough mean: no cancellation, and T keeps its
/// digits.
template <class T>
void piece_statistics(double* mean, double* deviation, View<const T> x, std::int64_t first, std::int64_t last,
                      std::int64_t c) {
  T* rough = detail::scratch<T, Scratch::accumulators>(3 * c);
  T *sum = rough + c, *squares = sum + c;
  double* run_mean = detail::scratch<double, Scratch::run>(2 * c);
  double* run_deviation = run_mean + c;
  std::fill(mean, mean + c, 0.0);
  std::fill(deviation, deviation + c, 0.0);
  for (std::int64_t begin = first; begin < last; begin += detail::kReductionRun) {
    const std::int64_t end = std::min(last, begin + detail::kReductionRun);
    const T one_over = T(1) / static_cast<T>(end - begin);
    std::fill(rough, rough + 3 * c, T(0));
    for (std::int64_t pixel = begin; pixel < end; ++pixel) {
      const T* from = x.data + pixel * x.pitch;
#pragma omp simd
      for (std::int64_t i = 0; i < c; ++i) rough[i] += from[i] * one_over;
    }
    for (std::int64_t pixel = begin; pixel < end; ++pixel) {
      const T* from = x.data + pixel * x.pitch;
#pragma omp simd
      for (std::int64_t i = 0; i < c; ++i) {
        const T d = from[i] - rough[i];
        sum[i] += d;
        squares[i] += d * d;
      }
    }
    const auto n = static_cast<double>(end - begin);
#pragma omp simd
    for (std::int64_t i = 0; i < c; ++i) {
      const double off = static_cast<double>(sum[i]) / n;
      run_mean[i] = static_cast<double>(rough[i]) + off;
      run_deviation[i] = static_cast<double>(squares[i]) - off * off * n;
    }
    merge(mean, deviation, static_cast<double>(begin - first), run_mean, run_deviation, n, c);
  }
}

/// mean and biased variance [groups,c].
template <class T>
void statistics_of(T* mean, T* var, View<const T> x, const NormShape& shape) {
  const std::int64_t c = shape.c, statistics = shape.groups * c;
  if (statistics == 0) return;
  if (shape.pixels_per_group == 0) {
    std::fill(mean, mean + statistics, T(0));
    std::fill(var, var + statistics, T(0));
    return;
  }
  const Tasks tasks(shape, detail::reduction_piece(c));
  double* partials = detail::scratch<double, Scratch::partials>(2 * tasks.count * c);
  for_tasks(tasks, shape, [&](std::int64_t task, std::int64_t, std::int64_t first, std::int64_t last) {
    double* partial = partials + 2 * task * c;
    piece_statistics(partial, partial + c, x, first, last, c);
  });
  for (std::int64_t g = 0; g < shape.groups; ++g) {
    double* total = partials + 2 * g * tasks.pieces * c;  // the group's first piece takes in the others
    for (std::int64_t k = 1; k < tasks.pieces; ++k) {
      const double* next = total + 2 * k * c;
      const std::int64_t before = k * tasks.piece;
      merge(total, total + c, static_cast<double>(before), next, next + c,
            static_cast<double>(std::min(tasks.piece, shape.pixels_per_group - before)), c);
    }
    const auto n = static_cast<double>(shape.pixels_per_group);
    for (std::int64_t i = 0; i < c; ++i) {
      mean[g * c + i] = static_cast<T>(total[i]);
      var[g * c + i] = static_cast<T>(std::max(0.0, total[c + i] / n));
    }
  }
}

template <class T>
void update_running(T* running_mean, T* running_var, const T* mean, const T* var, std::int64_t count,
                    double momentum, std::int64_t c) {
  const double unbiased = count > 1 ? static_cast<double>(count) / static_cast<double>(count - 1) : 1.0;
  for (std::int64_t i = 0; i < c; ++i) {
    running_mean[i] = static_cast<T>((1 - momentum) * running_mean[i] + momentum * mean[i]);
    running_var[i] = static_cast<T>((1 - momentum) * running_var[i] + momentum * unbiased * var[i]);
  }
}

}  // namespace

template <class T>
void norm_rstd(T* rstd, const T* var, double eps, std::int64_t count) {
  detail::check_flat("norm_rstd: rstd", rstd, count);
  detail::check_flat("norm_rstd: var", var, count);
  for (std::int64_t i = 0; i < count; ++i)
    rstd[i] = static_cast<T>(1.0 / std::sqrt(static_cast<double>(var[i]) + eps));
}

template <class T>
void norm_batch_statistics(T* mean, T* rstd, T* running_mean, T* running_var, View<const T> x,
                           const NormShape& shape, double eps, double momentum) {
  detail::check_norm_shape("norm_batch_statistics", shape);
  detail::check_view("norm_batch_statistics: x", x, shape.pixels(), shape.c);
  detail::check_flat("norm_batch_statistics: mean", mean, shape.groups * shape.c);
  detail::check_flat("norm_batch_statistics: rstd", rstd, shape.groups * shape.c);
  detail::check_running(running_mean, running_var, shape);
  statistics_of(mean, rstd, x, shape);  // rstd holds the variance for now
  if (running_mean != nullptr)
    update_running(running_mean, running_var, mean, rstd, shape.pixels_per_group, momentum, shape.c);
  norm_rstd(rstd, rstd, eps, shape.groups * shape.c);
}

template <class T>
void norm_forward(std::span<const Output<T>> outputs, View<const T> x, const T* mean, const T* rstd,
                  const T* gamma, const T* beta, const NormShape& shape, const Dropout& dropout) {
  detail::check_norm_shape("norm_forward", shape);
  detail::check_output_count(outputs, "norm_forward");
  check_dropout(dropout);
  const std::int64_t c = shape.c;
  detail::check_view("norm_forward: x", x, shape.pixels(), c);
  for (const Output<T>& output : outputs) detail::check_view("norm_forward: y", output.y, shape.pixels(), c);
  if (shape.pixels() * c == 0) return;
  detail::check_flat("norm_forward: mean", mean, shape.groups * c);
  detail::check_flat("norm_forward: rstd", rstd, shape.groups * c);

  const T* scale = fill_affine(rstd, gamma, beta, shape, 0);
  const T* shift = scale + shape.groups * c;
  const Output<T>* second = outputs.size() == 2 ? &outputs[1] : nullptr;
  const View<T> y0 = outputs[0].y, y1 = second != nullptr ? second->y : View<T>{};
  const Tasks tasks(shape, std::max<std::int64_t>(1, detail::kPieceElements / c));
  detail::with_acts<T>(outputs[0].act, second != nullptr ? &second->act : nullptr, [&](auto a, auto b) {
    for_tasks(tasks, shape, [&](std::int64_t, std::int64_t group, std::int64_t first, std::int64_t last) {
      const Affine<T> affine{mean + group * c, scale + group * c, shift};
      for_masked_pixels<T>(first, last, c, dropout, [&](std::int64_t pixel, const T* mask) {
        T* to0 = y0.data + pixel * y0.pitch;
        T* to1 = second != nullptr ? y1.data + pixel * y1.pitch : nullptr;
        const T* from = x.data + pixel * x.pitch;
        if (mask != nullptr)
          forward_pixel<true>(to0, to1, from, affine, mask, a, b, c);
        else
          forward_pixel<false>(to0, to1, from, affine, mask, a, b, c);
      });
    });
  });
}

template <class T>
void norm_backward(View<T> dx, Write write_dx, T* dgamma, T* dbeta, Write write_parameters,
                   std::span<const OutputGradient<T>> gradients, View<const T> x, const T* mean,
                   const T* rstd, const T* gamma, const T* beta, const NormShape& shape,
                   Statistics statistics, const Dropout& dropout) {
  detail::check_norm_shape("norm_backward", shape);
  detail::check_output_count(gradients, "norm_backward");
  check_dropout(dropout);
  const std::int64_t c = shape.c, groups = shape.groups;
  detail::check_view("norm_backward: x", x, shape.pixels(), c);
  if (dx.data != nullptr) detail::check_view("norm_backward: dx", dx, shape.pixels(), c);
  for (const OutputGradient<T>& gradient : gradients)
    detail::check_view("norm_backward: dy", gradient.dy, shape.pixels(), c);
  if (shape.pixels() * c == 0) {
    if (write_parameters == Write::assign) {
      if (dgamma != nullptr) std::fill(dgamma, dgamma + c, T(0));
      if (dbeta != nullptr) std::fill(dbeta, dbeta + c, T(0));
    }
    return;
  }
  detail::check_flat("norm_backward: mean", mean, groups * c);
  detail::check_flat("norm_backward: rstd", rstd, groups * c);

  T* scale = fill_affine(rstd, gamma, beta, shape, 2 * groups);
  const T* shift = scale + groups * c;
  T *mean_dz = scale + (groups + 1) * c, *mean_dz_xhat = mean_dz + groups * c;
  std::fill(mean_dz, mean_dz + 2 * groups * c, T(0));
  const OutputGradient<T>* second = gradients.size() == 2 ? &gradients[1] : nullptr;
  const View<const T> dy0 = gradients[0].dy, dy1 = second != nullptr ? second->dy : View<const T>{};
  const bool of_this_batch = statistics == Statistics::of_this_batch;

  detail::with_acts<T>(gradients[0].act, second != nullptr ? &second->act : nullptr, [&](auto a, auto b) {
    using Gradient = Arriving<T, decltype(a), decltype(b)>;
    const auto arriving = [&](std::int64_t pixel, const T* mask) {
      return Gradient{dy0.data + pixel * dy0.pitch,
                      second != nullptr ? dy1.data + pixel * dy1.pitch : nullptr, mask, a, b};
    };

    if (dgamma != nullptr || dbeta != nullptr || of_this_batch) {
      const Tasks tasks(shape, detail::reduction_piece(c));
      double* partials = detail::scratch<double, Scratch::partials>(2 * tasks.count * c);
      for_tasks(tasks, shape, [&](std::int64_t task, std::int64_t g, std::int64_t first, std::int64_t last) {
        const Affine<T> affine{mean + g * c, scale + g * c, shift};
        double* partial = partials + 2 * task * c;
        T* run = detail::scratch<T, Scratch::accumulators>(2 * c);
        std::fill(partial, partial + 2 * c, 0.0);
        for (std::int64_t begin = first; begin < last; begin += detail::kReductionRun) {
          std::fill(run, run + 2 * c, T(0));
          for_masked_pixels<T>(begin, std::min(last, begin + detail::kReductionRun), c, dropout,
                               [&](std::int64_t pixel, const T* mask) {
                                 const T* at = x.data + pixel * x.pitch;
                                 const Gradient dz = arriving(pixel, mask);
                                 if (mask != nullptr)
                                   reduce_pixel<true>(run, run + c, at, rstd + g * c, affine, dz, c);
                                 else
                                   reduce_pixel<false>(run, run + c, at, rstd + g * c, affine, dz, c);
                               });
#pragma omp simd
          for (std::int64_t i = 0; i < 2 * c; ++i) partial[i] += static_cast<double>(run[i]);
        }
      });
      for (std::int64_t i = 0; i < c; ++i) {
        double all_dz = 0, all_dz_xhat = 0;
        for (std::int64_t g = 0; g < groups; ++g) {
          double dz = 0, dz_xhat = 0;
          for (std::int64_t k = g * tasks.pieces; k < (g + 1) * tasks.pieces; ++k) {
            dz += partials[2 * k * c + i];
            dz_xhat += partials[2 * k * c + c + i];
          }
          if (of_this_batch) {
            mean_dz[g * c + i] = static_cast<T>(dz / static_cast<double>(shape.pixels_per_group));
            mean_dz_xhat[g * c + i] = static_cast<T>(dz_xhat / static_cast<double>(shape.pixels_per_group));
          }
          all_dz += dz;
          all_dz_xhat += dz_xhat;
        }
        const bool add = write_parameters == Write::add;
        if (dgamma != nullptr) dgamma[i] = static_cast<T>(add ? dgamma[i] + all_dz_xhat : all_dz_xhat);
        if (dbeta != nullptr) dbeta[i] = static_cast<T>(add ? dbeta[i] + all_dz : all_dz);
      }
    }

    if (dx.data == nullptr) return;
    const Tasks tasks(shape, std::max<std::int64_t>(1, detail::kPieceElements / c));
    for_tasks(tasks, shape, [&](std::int64_t, std::int64_t g, std::int64_t first, std::int64_t last) {
      const Affine<T> affine{mean + g * c, scale + g * c, shift};
      for_masked_pixels<T>(first, last, c, dropout, [&](std::int64_t pixel, const T* mask) {
        const auto one_pixel = [&]<bool kDropout, bool kAdd>() {
          input_gradient_pixel<kDropout, kAdd>(dx.data + pixel * dx.pitch, x.data + pixel * x.pitch,
                                               rstd + g * c, mean_dz + g * c, mean_dz_xhat + g * c, affine,
                                               arriving(pixel, mask), c);
        };
        if (mask != nullptr && write_dx == Write::add)
          one_pixel.template operator()<true, true>();
        else if (mask != nullptr)
          one_pixel.template operator()<true, false>();
        else if (write_dx == Write::add)
          one_pixel.template operator()<false, true>();
        else
          one_pixel.template operator()<false, false>();
      });
    });
  });
}

#define UPTAKE_INSTANTIATE(T)                                                                              \
  template void norm_rstd<T>(T*, const T*, double, std::int64_t);                                          \
  template void norm_batch_statistics<T>(T*, T*, T*, T*, View<const T>, const NormShape&, double, double); \
  template void norm_forward<T>(std::span<const Output<T>>, View<const T>, const T*, const T*, const T*,   \
                                const T*, const NormShape&, const Dropout&);                               \
  template void norm_backward<T>(View<T>, Write, T*, T*, Write, std::span<const OutputGradient<T>>,        \
                                 View<const T>, const T*, const T*, const T*, const T*, const NormShape&,  \
                                 Statistics, const Dropout&);
UPTAKE_INSTANTIATE(float)
UPTAKE_INSTANTIATE(double)
#undef UPTAKE_INSTANTIATE

}  // namespace uptake::kernels::cpu
