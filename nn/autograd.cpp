#include "nn/autograd.h"

#include <algorithm>
#include <stdexcept>
#include <unordered_set>

#include "nn/backend.h"

namespace uptake::nn {
namespace {

thread_local bool recording = true;

void add_into(const Tensor& sum, const Tensor& term) {
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

}  // namespace

Var::Var(Tensor value, bool requires_grad) : state_(std::make_shared<State>()) {
  state_->value = std::move(value);
  state_->requires_grad = requires_grad;
}

Var::Var(Tensor value, Tensor grad) : Var(std::move(value), true) { state_->grad = std::move(grad); }

Tensor& Var::slot() const { return state_->node ? state_->node->dy[state_->index] : state_->grad; }

bool Var::has_grad() const { return state_->node ? slot().defined() : state_->grad_is_set; }

const Tensor& Var::grad() const {
  static const Tensor none;
  return has_grad() ? slot() : none;
}

void Var::forget_gradient() {
  if (state_->node)
    slot() = Tensor();
  else
    state_->grad_is_set = false;
}

Target Var::gradient_target() const {
  const bool first = !has_grad();
  if (first) {
    Tensor& place = slot();
    if (!place.defined()) place = Tensor::empty(shape(), dtype(), device());
    state_->grad_is_set = true;
  }
  return {slot(), first ? kernels::Write::assign : kernels::Write::add};
}

void Var::deposit(Tensor dx) const {
  if (!(dx.shape() == shape()))
    throw ShapeError("gradient " + to_string(dx.shape()) + " does not fit the value " + to_string(shape()));
  if (has_grad()) return add_into(slot(), dx);
  if (slot().defined()) {  // a parameter's gradient has its fixed place
    slot().copy_from(dx);
  } else {
    slot() = std::move(dx);
  }
  state_->grad_is_set = true;
}

NoGrad::NoGrad() : before_(recording) { recording = false; }
NoGrad::~NoGrad() { recording = before_; }

bool any_requires_grad(std::span<const Var> inputs) {
  return recording && std::ranges::any_of(inputs, [](const Var& v) { return v.requires_grad(); });
}

std::vector<Var> make_results(const char* name, std::vector<Tensor> results, std::vector<Var> inputs,
                              std::function<void(Gradients)> backward) {
  std::shared_ptr<Node> node;
  if (any_requires_grad(inputs)) {
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

Var make_result(const char* name, Tensor result, std::vector<Var> inputs,
                std::function<void(const Tensor&)> backward) {
  return make_results(name, {std::move(result)}, std::move(inputs),
                      [run = std::move(backward)](Gradients dy) { run(dy[0]); })[0];
}

void backward(std::span<const Var> roots) {
  std::vector<std::shared_ptr<Node>> order;
  std::unordered_set<Node*> seen;
  const auto node_of = [](const Var& v) { return v.defined() ? v.state_->node : nullptr; };
  for (const Var& root : roots)
    if (const auto node = node_of(root)) visit(node, seen, order, node_of);

  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    Node& node = **it;
    const std::vector<Tensor> dy = std::move(node.dy);
    node.dy.assign(dy.size(), Tensor());
    if (std::ranges::any_of(dy, [](const Tensor& t) { return t.defined(); })) {
      if (!node.backward)
        throw std::logic_error(std::string(node.name) + ": backward through it a second time");
      node.backward(dy);
    }
    node.backward = nullptr;
    node.inputs.clear();
  }
}

}  // namespace uptake::nn
