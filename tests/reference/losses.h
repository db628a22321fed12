// Losses, one element at a time. If two disagree, this one is right until proven otherwise.
#pragma once
#include <cmath>
#include <functional>
#include <vector>

#include "kernels/pointwise_loss.h"

namespace uptake::reference {

struct Loss {
  double value = 0;              // mean over all elements; 0 of nothing
  std::vector<double> gradient;  // d value / d x
};

inline Loss mean_of(const std::vector<double>& x, const std::vector<double>& target,
                    const std::function<double(double, double)>& value,
                    const std::function<double(double, double)>& slope) {
  Loss loss;
  const auto n = static_cast<double>(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    loss.value += value(x[i], target[i]) / n;
    loss.gradient.push_back(slope(x[i], target[i]) / n);
  }
  return loss;
}

inline Loss l1_loss(const std::vector<double>& x, const std::vector<double>& target) {
  return mean_of(
      x, target, [](double a, double t) { return std::fabs(a - t); },
      [](double a, double t) { return a == t ? 0.0 : std::copysign(1.0, a - t); });
}

inline Loss mse_loss(const std::vector<double>& x, const std::vector<double>& target) {
  return mean_of(
      x, target, [](double a, double t) { return std::pow(a - t, 2); },
      [](double a, double t) { return 2 * (a - t); });
}

/// log(1 + e^x) without overflow.
inline double softplus(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }

/// -t log(sigmoid(x)) - (1 - t) log(1 - sigmoid(x)), where -log(sigmoid(x)) = softplus(-x).
inline Loss bce_with_logits_loss(const std::vector<double>& x, const std::vector<double>& target) {
  return mean_of(
      x, target, [](double a, double t) { return t * softplus(-a) + (1 - t) * softplus(a); },
      [](double a, double t) {
        const double sigmoid = a > 0 ? 1 / (1 + std::exp(-a)) : std::exp(a) / (1 + std::exp(a));
        return sigmoid - t;
      });
}

inline Loss gan_loss(kernels::GanMode mode, kernels::GanTarget target, const std::vector<double>& x) {
  using kernels::GanMode, kernels::GanTarget;
  const std::vector<double> label(x.size(), target == GanTarget::discriminator_fake ? 0.0 : 1.0);
  if (mode == GanMode::vanilla) return bce_with_logits_loss(x, label);
  if (mode == GanMode::lsgan) return mse_loss(x, label);
  if (target == GanTarget::generator)
    return mean_of(
        x, label, [](double a, double) { return -a; }, [](double, double) { return -1.0; });
  const double sign = target == GanTarget::discriminator_real ? -1.0 : 1.0;
  return mean_of(
      x, label, [sign](double a, double) { return std::max(0.0, 1 + sign * a); },
      [sign](double a, double) { return 1 + sign * a > 0 ? sign : 0.0; });
}

}  // namespace uptake::reference
