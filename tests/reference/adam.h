// Adam as the paper's algorithm 1 states it: with corrected moments. If two disagree, this one is right until
// proven otherwise.
#pragma once
#include <cmath>
#include <vector>

#include "kernels/adam_step.h"

namespace uptake::reference {

struct AdamState {
  std::vector<double> p, m, v;
};

inline void adam_step(AdamState& state, const std::vector<double>& g, const kernels::AdamStep& step) {
  const auto t = static_cast<double>(step.t);
  for (std::size_t i = 0; i < g.size(); ++i) {
    state.m[i] = step.beta1 * state.m[i] + (1 - step.beta1) * g[i];
    state.v[i] = step.beta2 * state.v[i] + (1 - step.beta2) * g[i] * g[i];
    const double m_corrected = state.m[i] / (1 - std::pow(step.beta1, t));
    const double v_corrected = state.v[i] / (1 - std::pow(step.beta2, t));
    state.p[i] -= step.lr * m_corrected / (std::sqrt(v_corrected) + step.eps);
  }
}

}  // namespace uptake::reference
