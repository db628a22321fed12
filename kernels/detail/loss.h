// Formulas of the losses and which one a GAN loss is, for CPU and GPU. Internal to kernels/.
//
// Each is value(x, t) and slope(x, t) = d value / d x for a prediction x and a target t.
#pragma once
#include <cmath>

#include "kernels/base/types.h"

namespace uptake::kernels::detail {

struct L1 {
  template <class T>
  UPTAKE_HOST_DEVICE static T value(T x, T t) {
    return std::abs(x - t);
  }
  template <class T>
  UPTAKE_HOST_DEVICE static T slope(T x, T t) {
    return (x > t ? T(1) : T(0)) - (x < t ? T(1) : T(0));
  }
};

struct Mse {
  template <class T>
  UPTAKE_HOST_DEVICE static T value(T x, T t) {
    return (x - t) * (x - t);
  }
  template <class T>
  UPTAKE_HOST_DEVICE static T slope(T x, T t) {
    return T(2) * (x - t);
  }
};

/// Of sigmoid(x), without taking the logarithm of something that has become 0.
struct Bce {
  template <class T>
  UPTAKE_HOST_DEVICE static T value(T x, T t) {
    return (x > T(0) ? x : T(0)) - x * t + std::log1p(std::exp(-std::abs(x)));
  }
  template <class T>
  UPTAKE_HOST_DEVICE static T slope(T x, T t) {
    return T(1) / (T(1) + std::exp(-x)) - t;
  }
};

struct HingeReal {
  template <class T>
  UPTAKE_HOST_DEVICE static T value(T x, T) {
    return x > T(1) ? T(0) : T(1) - x;
  }
  template <class T>
  UPTAKE_HOST_DEVICE static T slope(T x, T) {
    return x < T(1) ? T(-1) : T(0);
  }
};

struct HingeFake {
  template <class T>
  UPTAKE_HOST_DEVICE static T value(T x, T) {
    return x < T(-1) ? T(0) : T(1) + x;
  }
  template <class T>
  UPTAKE_HOST_DEVICE static T slope(T x, T) {
    return x > T(-1) ? T(1) : T(0);
  }
};

struct MinusMean {
  template <class T>
  UPTAKE_HOST_DEVICE static T value(T x, T) {
    return -x;
  }
  template <class T>
  UPTAKE_HOST_DEVICE static T slope(T, T) {
    return T(-1);
  }
};

/// body(formula, label) for a GAN loss: what is asked of the discriminator's output, and the target everywhere.
template <class Body>
auto with_gan_loss(GanMode mode, GanTarget target, const Body& body) {
  const float label = target == GanTarget::discriminator_fake ? 0.0f : 1.0f;
  if (mode == GanMode::vanilla) return body(Bce{}, label);
  if (mode == GanMode::lsgan) return body(Mse{}, label);
  if (target == GanTarget::discriminator_real) return body(HingeReal{}, label);
  if (target == GanTarget::discriminator_fake) return body(HingeFake{}, label);
  return body(MinusMean{}, label);
}

}  // namespace uptake::kernels::detail
