// Gradient checks of anything made of Vars: backward() against central differences of the forward pass.
#pragma once
#include <span>

#include "kernels/base/gradient_check.h"
#include "nn/autograd.h"
#include "nn/parameters.h"
#include "tests/support/tensors.h"

namespace uptake::tests {

using nn::Var;

/// A function of some tensors and of a store's parameters, in double.
struct Differentiable {
  std::vector<Tensor> inputs;
  std::function<std::vector<Var>(const std::vector<Var>& inputs)> run;
  nn::ParameterStore* store = nullptr;
  /// Results that take part; empty: all. The others' gradients stay undefined.
  std::vector<bool> used = {};
};

/// Fills a store's parameters, elementwise in plain order, with seeded numbers.
inline void randomise(nn::ParameterStore& store, std::uint64_t seed, double low = -1, double high = 1) {
  for (nn::Parameter& p : store.parameters())
    store.from_plain(p, store.values(),
                     vector_of(store.dtype(), random_values(seed++, p.elements(), low, high)));
  store.changed();
}

/// Checks d(sum_j w_j . result_j) for fixed random w_j: the gradients of every input and every stored
/// parameter. All in double.
inline void check_backward(const std::string& what, const Differentiable& op,
                           const kernels::GradientCheckOptions& options = {}) {
  INFO(what);
  std::vector<double> at;
  const auto append = [](std::vector<double>& all, const std::vector<double>& part) {
    all.insert(all.end(), part.begin(), part.end());
  };
  for (const Tensor& input : op.inputs) append(at, values_of(input));
  if (op.store) append(at, values_of(op.store->values()));

  const auto takes_part = [&](std::size_t j) { return op.used.empty() || op.used.at(j); };
  const auto weight_of = [](std::size_t j, const Shape& shape) {
    return random_tensor(shape, DType::f64, 1000 + j, -1, 1);
  };

  // One backward pass, into gradients that are stale on purpose.
  std::vector<double> gradient;
  {
    std::vector<Var> leaves;
    for (const Tensor& input : op.inputs) leaves.emplace_back(input.clone(), true);
    if (op.store) {
      Tensor stale = op.store->gradients();
      stale.fill(std::numeric_limits<double>::quiet_NaN());
      op.store->forget_gradients();
      for (const nn::Parameter& p : op.store->parameters())  // but nothing lives between the parameters
        for (std::int64_t i = p.elements(); i % nn::ParameterStore::kAlign != 0; ++i)
          stale.data<double>()[p.offset + i] = 0;
    }
    const std::vector<Var> results = op.run(leaves);
    REQUIRE((op.used.empty() || op.used.size() == results.size()));
    std::vector<Var> roots;
    for (std::size_t j = 0; j < results.size(); ++j) {
      if (!takes_part(j)) continue;
      results[j].deposit(weight_of(j, results[j].shape()));
      roots.push_back(results[j]);
    }
    nn::backward(roots);
    for (const Var& leaf : leaves) {
      REQUIRE(leaf.has_grad());
      append(gradient, values_of(leaf.grad()));
    }
    if (op.store) {
      op.store->finish_gradients();
      append(gradient, values_of(op.store->gradients()));
      op.store->forget_gradients();
    }
  }

  const auto set = [&](std::span<const double> x) {
    std::vector<Var> leaves;
    std::size_t from = 0;
    const auto take = [&](const Tensor& to) {
      for (std::int64_t i = 0; i < to.size(); ++i) to.data<double>()[i] = x[from++];
    };
    for (const Tensor& input : op.inputs) {
      const Tensor copy = Tensor::empty(input.shape(), DType::f64);
      take(copy);
      leaves.emplace_back(copy);
    }
    if (op.store) {
      take(op.store->values());
      op.store->changed();
    }
    return leaves;
  };
  const auto value = [&](std::span<const double> x) {
    const nn::NoGrad no_grad;
    const std::vector<Var> results = op.run(set(x));
    double sum = 0;
    for (std::size_t j = 0; j < results.size(); ++j)
      if (takes_part(j))
        sum += dot(values_of(results[j].value()), values_of(weight_of(j, results[j].shape())));
    return sum;
  };
  const auto result = kernels::check_gradient(value, at, gradient, options);
  CHECK_MESSAGE(result.ok, result.message);
  CHECK(result.checked + result.kinks == at.size());
  CHECK(result.kinks * 10 <= at.size());  // corners are the exception
  set(at);
}

}  // namespace uptake::tests
