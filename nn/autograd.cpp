#include "nn/autograd.h"

#include <algorithm>
#include <stdexcept>
#include <unordered_set>

#include "nn/backend.h"

namespace uptake::nn {
namespace {

thread_local bool recording = true;

void add_into(Tensor sum, const Tensor& term) {
  run(sum.device(), sum.dtype(), [&]<class On, class T>() {
    On::template copy_channels<T>(sum.view<T>(), kernels::Write::add, term.view<T>(), sum.shape().pixels(),
                                  sum.shape().c);
  });
}

// Inputs before results: the reverse of the order in which backward functions must run.
void visit(const std::shared_ptr<Node>& start, std::unordered_set<Node*>& seen,
           std::vector<std::shared_ptr<Node>>& order, const auto& node_of) {
  std::vector<std::pair<std::shared_ptr<Node>, std::size_t>> path{{start, 0}};
  if (!seen.insert(start.get()).second) return;
  while (!path.empty()) {
    auto& [node, next] = path.back();
    if (next == node->inputs.size()) {
      order.push_back(node);
      path.pop_back();
      continue;
    }
    const std::shared_ptr<Node> input = node_of(node->inputs[next++]);
    if (input && seen.insert(input.get()).second) path.emplace_back(input, 0);
  }
}

[[noreturn]] void second_time(const Node& node) {
  throw std::logic_error(std::string(node.name) + ": backward through it a second time");
}

// A root that would carry nothing back is a mistake of the caller: a loss forgotten, or everything frozen.
void require_gradient(const Var& root, const Node* made_by) {
  if (!root.defined()) throw std::logic_error("backward from a Var that was never given a value");
  const std::string what = "backward from " + to_string(root.shape()) +
                           (made_by ? std::string(", a result of ") + made_by->name : std::string());
  if (!root.requires_grad())
    throw std::logic_error(what +
                           ": neither it nor anything it was made of requires a gradient (is it frozen by "
                           "set_requires_grad(false), or was it made under NoGrad?)");
  if (made_by && !made_by->backward) second_time(*made_by);
  if (!root.has_grad() && root.shape().size() != 1)
    throw std::logic_error(what +
                           ": it is not one number and holds no gradient to carry back; call a loss on it "
                           "(nn/losses.h) or deposit() one");
}

}  // namespace

Var::Var(Tensor value, bool requires_grad) : value_(std::move(value)) {
  state_ = std::make_shared<State>();
  state_->shape = value_.shape();
  state_->dtype = value_.dtype();
  state_->device = value_.device();
  state_->requires_grad = requires_grad;
}

Var::Var(Tensor value, Tensor grad, Origin origin) : Var(std::move(value), true) {
  state_->grad = std::move(grad);
  state_->origin = std::move(origin);
}

Saved::Saved(const Slot& slot, Tensor value) : value_(std::move(value)) {
  if (slot.defined()) origin_ = slot.state_->origin;
  if (origin_.version) version_ = *origin_.version;
}

const Tensor& Saved::value() const {
  if (origin_.version && *origin_.version != version_)
    throw std::logic_error(
        origin_.name +
        ": the weights were changed after the forward pass whose gradient is asked for (by an "
        "optimizer's step, by loading or by changed()); run backward() before that, or forward again");
  return value_;
}

Tensor& Slot::place() const { return state_->node ? state_->node->dy[state_->index] : state_->grad; }

bool Slot::has_grad() const { return state_->node ? place().defined() : state_->grad_is_set; }

const Tensor& Slot::grad() const {
  static const Tensor none;
  return has_grad() ? place() : none;
}

void Slot::forget_gradient() {
  if (state_->node)
    place() = Tensor();
  else
    state_->grad_is_set = false;
}

Target Slot::gradient_target() const {
  const bool first = !has_grad();
  if (first) {
    Tensor& to = place();
    if (!to.defined()) to = Tensor::empty(shape(), dtype(), device());
    state_->grad_is_set = true;
  }
  return {place(), first ? kernels::Write::assign : kernels::Write::add};
}

void Slot::deposit(Tensor dx) const {
  if (!(dx.shape() == shape()))
    throw ShapeError("gradient " + to_string(dx.shape()) + " does not fit the value " + to_string(shape()));
  if (has_grad()) return add_into(place(), dx);
  if (place().defined()) {  // a parameter's gradient has its fixed place
    place().copy_from(dx);
  } else {
    place() = std::move(dx);
  }
  state_->grad_is_set = true;
}

NoGrad::NoGrad() : before_(recording) { recording = false; }
NoGrad::~NoGrad() { recording = before_; }

bool wants_gradient(const Slot& input) { return recording && input.requires_grad(); }

std::vector<Var> make_results(const char* name, std::vector<Tensor> results, std::vector<Slot> inputs,
                              std::function<void(Gradients)> backward) {
  std::shared_ptr<Node> node;
  if (std::ranges::any_of(inputs, wants_gradient)) {
    node = std::make_shared<Node>();
    node->name = name;
    node->inputs = std::move(inputs);
    node->backward = std::move(backward);
    node->dy.resize(results.size());
  }
  std::vector<Var> vars;
  for (auto& result : results) {
    Var& v = vars.emplace_back(std::move(result), node != nullptr);
    v.state_->node = node;
    v.state_->index = vars.size() - 1;
  }
  return vars;
}

Var make_result(const char* name, Tensor result, std::vector<Slot> inputs,
                std::function<void(const Tensor&)> backward) {
  return make_results(name, {std::move(result)}, std::move(inputs),
                      [run = std::move(backward)](Gradients dy) { run(dy[0]); })[0];
}

void backward(std::span<const Var> roots) {
  const auto node_of = [](const Slot& s) { return s.defined() ? s.state_->node : nullptr; };
  for (const Var& root : roots) require_gradient(root, node_of(root).get());
  for (const Var& root : roots)
    if (!root.has_grad()) root.deposit(Tensor::full(root.shape(), root.dtype(), 1, root.device()));
  std::vector<std::shared_ptr<Node>> order;
  std::unordered_set<Node*> seen;
  for (const Var& root : roots)
    if (const auto node = node_of(root)) visit(node, seen, order, node_of);

  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    Node& node = **it;
    const std::vector<Tensor> dy = std::move(node.dy);
    node.dy.assign(dy.size(), Tensor());
    if (std::ranges::any_of(dy, [](const Tensor& t) { return t.defined(); })) {
      if (!node.backward) second_time(node);
      node.backward(dy);
    }
    node.backward = nullptr;
    node.inputs.clear();
  }
}

}  // namespace uptake::nn
