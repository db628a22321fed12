// Reverse-mode automatic differentiation.
//
// A Var is a value and the place its gradient gathers. An operation computes its result and, when any input
// needs a gradient, leaves a Node: the inputs and a function that turns the gradients of the results into
// those of the inputs. backward() visits the nodes from the last to the first.
//
// Losses are where gradients start: a loss writes its gradient into the Var it judges in the pass that
// computes it (see nn/losses.h), so backward() takes Vars whose gradient is already there.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "nn/tensor.h"

namespace uptake::nn {

class Var;

/// The gradients of a node's results: one a result, undefined where nobody asked.
using Gradients = std::span<const Tensor>;

struct Node {
  const char* name;
  std::vector<Var> inputs;
  std::function<void(Gradients dy)> backward;
  std::vector<Tensor> dy;  // gathered so far, one a result
};

/// Where a backward kernel writes: an existing gradient is added to, a new one is assigned.
struct Target {
  Tensor dx;
  kernels::Write write;
};

class Var {
 public:
  Var() = default;
  /// A leaf. With requires_grad its gradient is kept after backward().
  explicit Var(Tensor value, bool requires_grad = false);
  /// A parameter: its gradient lives in `grad`, part of a flat buffer. See forget_gradient().
  Var(Tensor value, Tensor grad);

  bool defined() const { return state_ != nullptr; }
  const Tensor& value() const { return state_->value; }
  const Shape& shape() const { return state_->value.shape(); }
  DType dtype() const { return state_->value.dtype(); }
  Device device() const { return state_->value.device(); }

  bool requires_grad() const { return state_ && state_->requires_grad; }
  void set_requires_grad(bool wanted) { state_->requires_grad = wanted; }

  /// The gradient gathered so far; undefined if none.
  const Tensor& grad() const;
  bool has_grad() const;
  /// The next gradient is assigned, not added.
  void forget_gradient();

  /// The place for a kernel to write this Var's gradient to; allocates it the first time.
  Target gradient_target() const;
  /// Hands over a finished gradient without copying it when it is the first. The caller must not use it
  /// again.
  void deposit(Tensor dx) const;

  /// The same value, cut off from its history.
  Var detach() const { return Var(value()); }

 private:
  friend std::vector<Var> make_results(const char*, std::vector<Tensor>, std::vector<Var>,
                                       std::function<void(Gradients)>);
  friend void backward(std::span<const Var>);
  Tensor& slot() const;

  struct State {
    Tensor value;
    Tensor grad;               // leaves only
    bool grad_is_set = false;  // leaves only: grad holds a gradient, add to it
    bool requires_grad = false;
    std::shared_ptr<Node> node;  // who made it; null for leaves
    std::size_t index = 0;       // which result of the node
  };
  std::shared_ptr<State> state_;
};

/// While alive, operations on this thread leave no nodes.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};

/// Wraps the results of an operation; keeps `backward` only if some input needs a gradient.
std::vector<Var> make_results(const char* name, std::vector<Tensor> results, std::vector<Var> inputs,
                              std::function<void(Gradients dy)> backward);
Var make_result(const char* name, Tensor result, std::vector<Var> inputs,
                std::function<void(const Tensor& dy)> backward);

/// Whether an operation on these inputs would leave a node.
bool any_requires_grad(std::span<const Var> inputs);

/// Carries the gradients already held by `roots` back to every leaf that requires one. Each node runs once
/// and is then emptied, so its memory is free before the next one runs.
void backward(std::span<const Var> roots);
inline void backward(const Var& root) { backward(std::span(&root, 1)); }

}  // namespace uptake::nn
