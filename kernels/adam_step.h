// Adam over one flat buffer of all parameters, in one pass. Source: Kingma & Ba 2015, algorithm 1, in the
// form PyTorch computes it:
//   m = b1*m + (1-b1)*g        v = b2*v + (1-b2)*g^2
//   p -= lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps)
#pragma once
#include <cmath>

#include "kernels/base/device.h"
#include "kernels/base/types.h"

namespace uptake::kernels {

struct AdamStep {
  double lr = 2e-4, beta1 = 0.5, beta2 = 0.999, eps = 1e-8;
  std::int64_t t = 1;  // this is the t-th step, from 1
};

namespace cpu {
/// p, m, v [count] updated in place from the gradient g [count].
template <class T>
void adam_step(T* p, T* m, T* v, const T* g, std::int64_t count, const AdamStep& step);
}  // namespace cpu

/// The numbers of one step as a device reads them.
struct AdamFactors {
  float step_size = 0;        // lr / (1 - b1^t)
  float root_correction = 1;  // 1 / sqrt(1 - b2^t)
  float beta1 = 0, beta2 = 0, eps = 0;
  float rest1 = 1, rest2 = 1;  // 1 - b1, 1 - b2: a difference of floats would be wrong in the fifth digit
};
inline AdamFactors adam_factors(const AdamStep& s) {
  const auto t = static_cast<double>(s.t);
  return {static_cast<float>(s.lr / (1 - std::pow(s.beta1, t))),
          static_cast<float>(1 / std::sqrt(1 - std::pow(s.beta2, t))),
          static_cast<float>(s.beta1),
          static_cast<float>(s.beta2),
          static_cast<float>(s.eps),
          static_cast<float>(1 - s.beta1),
          static_cast<float>(1 - s.beta2)};
}

namespace cuda {
/// One launch. `factors` is in device memory, so that a recorded step can be given new ones. `copy`, when not
/// null, receives the new p rounded to bfloat16 in the same pass.
void adam_step(float* p, float* m, float* v, const float* g, BFloat16* copy, std::int64_t count,
               const AdamFactors* factors, StreamHandle stream);
}  // namespace cuda
}  // namespace uptake::kernels
