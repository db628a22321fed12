// Reverse-mode automatic differentiation.
//
// A Var is a value and the slot its gradient gathers in. An operation computes its result and, when any input
// needs a gradient, leaves a Node: the slots of its inputs and a function that turns the gradients of the results
// into those of the inputs. backward() visits the nodes from the last to the first.
//
// A node keeps no value alive: its function holds what the gradient is computed from and nothing else, so an input
// that only passed through (padding, pooling, a sum) is free as soon as its user lets go of it.
//
// Gradients start where backward() is called: a number, such as a loss, gets the gradient 1. Losses that write their
// gradient into the Var they judge in the pass that computes them (see nn/losses.h) let it start there.
//
// Threads: a graph (the Vars of one forward pass and the leaves below them) belongs to one thread at a time. Threads
// may share leaves that require no gradient, and under NoGrad, which counts for its own thread only, any Vars.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "nn/tensor.h"

namespace uptake::nn {

/// The gradients of a node's results: one a result, undefined where nobody asked.
using Gradients = std::span<const Tensor>;

/// Where a backward kernel writes: an existing gradient is added to, a new one is assigned.
struct Target {
  Tensor dx;
  kernels::Write write;
};

struct Node;
class Var;

/// What the Var of a parameter knows of the network it belongs to. Outlives it.
struct Origin {
  std::string name;  // "model.2.weight"
  std::shared_ptr<const std::atomic<std::uint64_t>>
      version;  // of the network's values: another after each change
};

/// Where the gradient of a Var gathers. It knows shape and type of the value, but does not hold it: this is what a
/// backward function keeps of an input, unless it reads the value as well.
class Slot {
 public:
  Slot() = default;

  bool defined() const { return state_ != nullptr; }
  const Shape& shape() const { return state_->shape; }
  DType dtype() const { return state_->dtype; }
  Device device() const { return state_->device; }

  bool requires_grad() const { return state_ && state_->requires_grad; }
  void set_requires_grad(bool wanted) { state_->requires_grad = wanted; }

  /// The gradient gathered so far; undefined if none.
  const Tensor& grad() const;
  bool has_grad() const;
  /// The next gradient is assigned, not added.
  void forget_gradient();

  /// The place for a kernel to write the gradient to; allocates it the first time.
  Target gradient_target() const;
  /// Hands over a finished gradient without copying it when it is the first. The caller must not use it
  /// again.
  void deposit(Tensor dx) const;

 private:
  friend class Var;
  friend class Saved;
  friend std::vector<Var> make_results(const char*, std::vector<Tensor>, std::vector<Slot>,
                                       std::function<void(Gradients)>);
  friend void backward(std::span<const Var>);
  Tensor& place() const;

  struct State {
    Shape shape;
    DType dtype = DType::f32;
    Device device = Device::cpu;
    Tensor grad;               // leaves only
    bool grad_is_set = false;  // leaves only: grad holds a gradient, add to it
    bool requires_grad = false;
    std::shared_ptr<Node> node;  // who made it; null for leaves
    std::size_t index = 0;       // which result of the node
    Origin origin;               // parameters only
  };
  std::shared_ptr<State> state_;
};

struct Node {
  const char* name;
  std::vector<Slot> inputs;
  std::function<void(Gradients dy)> backward;
  std::vector<Tensor> dy;  // gathered so far, one a result
};

/// A slot with its value. A copy shares both.
class Var : public Slot {
 public:
  Var() = default;
  /// A leaf. With requires_grad its gradient is kept after backward().
  explicit Var(Tensor value, bool requires_grad = false);
  /// A parameter: its gradient lives in `grad`, part of a flat buffer. See forget_gradient().
  Var(Tensor value, Tensor grad, Origin origin);

  const Tensor& value() const { return value_; }
  /// The same value, cut off from its history.
  Var detach() const { return Var(value_); }

 private:
  Tensor value_;
};

/// A value that a backward function reads, kept for it. The value of a parameter is remembered with its version, so that
/// weights which changed between forward and backward are an error, not a wrong gradient.
class Saved {
 public:
  /// Of `var`, which may be undefined.
  explicit Saved(const Var& var) : Saved(var, var.value()) {}
  /// Of `slot`, in another form: rounded, say.
  Saved(const Slot& slot, Tensor value);

  /// As it was in the forward pass. Throws std::logic_error naming the parameter if its network has changed since.
  const Tensor& value() const;
  /// Of the parameter; 0 for a value of another kind.
  std::uint64_t version() const { return version_; }

 private:
  Tensor value_;
  Origin origin_;
  std::uint64_t version_ = 0;
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
std::vector<Var> make_results(const char* name, std::vector<Tensor> results, std::vector<Slot> inputs,
                              std::function<void(Gradients dy)> backward);
Var make_result(const char* name, Tensor result, std::vector<Slot> inputs,
                std::function<void(const Tensor& dy)> backward);

/// Whether an operation on this input would leave a node.
bool wants_gradient(const Slot& input);

/// Carries the gradients of `roots` back to every leaf that requires one: those they hold, or 1 for a root of one
/// element that holds none. Each node runs once and is then emptied, so its memory is free before the next one runs.
/// Throws std::logic_error, before anything is done, for a root of several elements that holds no gradient and for one
/// that requires none.
void backward(std::span<const Var> roots);
inline void backward(const Var& root) { backward(std::span(&root, 1)); }

}  // namespace uptake::nn
