// Adam over one flat buffer of all parameters, in one pass. Source: Kingma & Ba 2015, algorithm 1, in the
// form PyTorch computes it:
//   m = b1*m + (1-b1)*g        v = b2*v + (1-b2)*g^2
//   p -= lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps)
#pragma once
#include "kernels/types.h"

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
}  // namespace uptake::kernels
