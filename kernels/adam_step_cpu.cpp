#include "kernels/adam_step.h"

#include <cmath>

#include "kernels/detail/pieces.h"

namespace uptake::kernels::cpu {

template <class T>
void adam_step(T* p, T* m, T* v, const T* g, std::int64_t count, const AdamStep& step) {
  if (step.t < 1) throw ShapeError("adam_step: step is " + std::to_string(step.t) + ", expected at least 1");
  detail::check_flat("adam_step: p", p, count);
  detail::check_flat("adam_step: m", m, count);
  detail::check_flat("adam_step: v", v, count);
  detail::check_flat("adam_step: g", g, count);

  // Every factor is worked out in double once; the loop is then what T can do.
  const auto t = static_cast<double>(step.t);
  const T keep_m = static_cast<T>(step.beta1), take_m = static_cast<T>(1 - step.beta1);
  const T keep_v = static_cast<T>(step.beta2), take_v = static_cast<T>(1 - step.beta2);
  const T rate = static_cast<T>(step.lr / (1 - std::pow(step.beta1, t)));
  const T root = static_cast<T>(std::sqrt(1 - std::pow(step.beta2, t)));
  const T eps = static_cast<T>(step.eps);
  detail::for_pieces(count, detail::kPieceElements, count, [=](std::int64_t first, std::int64_t last) {
#pragma omp simd
    for (std::int64_t i = first; i < last; ++i) {
      m[i] = keep_m * m[i] + take_m * g[i];
      v[i] = keep_v * v[i] + take_v * (g[i] * g[i]);
      p[i] -= rate * m[i] / (std::sqrt(v[i]) / root + eps);
    }
  });
}

template void adam_step<float>(float*, float*, float*, const float*, std::int64_t, const AdamStep&);
template void adam_step<double>(double*, double*, double*, const double*, std::int64_t, const AdamStep&);

}  // namespace uptake::kernels::cpu
