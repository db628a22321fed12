#include "nn/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace uptake::nn {

double Schedule::rate(std::int64_t epoch) const {
  const auto e = static_cast<double>(epoch);
  const ScheduleOptions& o = options_;
  switch (o.policy) {
    case LrPolicy::linear:
      return o.lr *
             (1 - std::max(0.0, e - static_cast<double>(o.epochs)) / static_cast<double>(o.epochs_decay + 1));
    case LrPolicy::step: {
      const std::int64_t drops = (epoch - 1) / o.decay_every;
      return o.lr * std::pow(0.1, static_cast<double>(drops));
    }
    case LrPolicy::cosine:
      return o.lr * (1 + std::cos(std::numbers::pi * (e - 1) / static_cast<double>(o.epochs))) / 2;
    case LrPolicy::plateau:
      return o.lr * plateau.factor;
  }
  return o.lr;
}

void Schedule::observe(double metric) {
  constexpr double kThreshold = 0.01, kFactor = 0.2;
  constexpr double kSmallestChange = 1e-8;  // PyTorch's eps: a reduction by less is not made
  constexpr std::int64_t kPatience = 5;
  if (metric < plateau.best * (1 - kThreshold)) {
    plateau.best = metric;
    plateau.bad_epochs = 0;
  } else if (++plateau.bad_epochs > kPatience) {
    if (options_.lr * plateau.factor * (1 - kFactor) > kSmallestChange) plateau.factor *= kFactor;
    plateau.bad_epochs = 0;
  }
}

}  // namespace uptake::nn
