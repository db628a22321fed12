// Adam (Kingma & Ba 2015) over the flat buffer of a network: one pass, PyTorch's form (kernels/adam_step.h).
//
// Threads: an Adam and its store belong to one thread at a time.
#pragma once
#include "kernels/adam_step.h"
#include "nn/parameters.h"

namespace uptake::nn {

struct AdamOptions {
  double beta1 = 0.5, beta2 = 0.999, eps = 1e-8;
};

class Adam {
 public:
  /// The store must outlive this, and is complete: its parameters get their memory now.
  Adam(ParameterStore& store, const AdamOptions& options);

  /// One step with the gradients gathered in the store, which are then forgotten.
  void step(double learning_rate);

  /// Its two halves. prepare() counts the step and sets the learning rate; apply() moves the parameters. On the
  /// GPU apply() may be recorded once and run again after each prepare(), which writes to device memory.
  void prepare(double learning_rate);
  void apply();

  /// Steps taken, and the moments in the layout of the store: what a checkpoint keeps.
  std::int64_t steps_taken = 0;
  const Tensor& first_moments() const { return m_; }
  const Tensor& second_moments() const { return v_; }
  Tensor& first_moments() { return m_; }
  Tensor& second_moments() { return v_; }

 private:
  ParameterStore& store_;
  AdamOptions options_;
  Tensor m_, v_;
  kernels::AdamStep step_;
  Tensor factors_;  // kernels::AdamFactors in device memory
};

}  // namespace uptake::nn
