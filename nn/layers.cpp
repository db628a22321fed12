#include "nn/layers.h"

#include "nn/repeated_step.h"

namespace uptake::nn {
namespace {

// Errors name the layer they come from.
template <class Run>
auto named(const std::string& name, Run run) {
  try {
    return run();
  } catch (const ShapeError& e) {
    throw ShapeError(name + ": " + e.what());
  }
}

// A size left out is 0: said here, by name, before a tensor of no elements goes through a whole network.
void require_size(const std::string& name, const char* what, std::int64_t value, std::int64_t least) {
  if (value < least)
    throw ShapeError(name + ": ." + what + " is " + std::to_string(value) + ", must be at least " +
                     std::to_string(least));
}

template <class Options>
kernels::FilterShape filters_of(const std::string& name, const Options& o, std::int64_t k, std::int64_t c) {
  require_size(name, "in", o.in, 1);
  require_size(name, "out", o.out, 1);
  require_size(name, "kernel", o.kernel, 1);
  require_size(name, "stride", o.stride, 1);
  require_size(name, "pad", o.pad, 0);
  return {k, c, o.kernel, o.kernel, o.stride, o.pad};
}

kernels::FilterShape filters_of(const std::string& name, const LinearOptions& o) {
  require_size(name, "in", o.in, 1);
  require_size(name, "out", o.out, 1);
  require_size(name, "height", o.height, 1);
  require_size(name, "width", o.width, 1);
  return {o.out, o.in, o.height, o.width, 1, 0};
}

Var var_of(const Parameter* p) { return p ? p->var() : Var(); }

}  // namespace

Conv2d::Conv2d(ParameterStore& store, const std::string& name, const Conv2dOptions& o)
    : name_(name),
      weight_(&store.add_filters(name + ".weight", filters_of(name, o, o.out, o.in))),
      bias_(o.bias ? &store.add_vector(name + ".bias", o.out, Role::bias) : nullptr) {}

Var Conv2d::forward(const Var& x, const Act& act) const {
  return named(name_, [&] { return conv2d(x, *weight_, var_of(bias_), act); });
}

ConvTranspose2d::ConvTranspose2d(ParameterStore& store, const std::string& name,
                                 const ConvTranspose2dOptions& o)
    : name_(name),
      output_pad_(o.output_pad),
      weight_(&store.add_filters(name + ".weight", filters_of(name, o, o.in, o.out))),
      bias_(o.bias ? &store.add_vector(name + ".bias", o.out, Role::bias) : nullptr) {}

Var ConvTranspose2d::forward(const Var& x) const {
  return named(name_, [&] { return conv_transpose2d(x, *weight_, var_of(bias_), output_pad_); });
}

Linear::Linear(ParameterStore& store, const std::string& name, const LinearOptions& o)
    : name_(name),
      options_(o),
      weight_(&store.add_matrix(name + ".weight", filters_of(name, o))),
      bias_(o.bias ? &store.add_vector(name + ".bias", o.out, Role::bias) : nullptr) {}

Var Linear::forward(const Var& x) const {
  const Shape &s = x.shape(), picture{s.n, options_.height, options_.width, options_.in};
  if (options_.height * options_.width != 1 && !(s == picture))
    throw ShapeError(name_ + ": x is " + to_string(s) + ", a linear layer of " + to_string(picture) +
                     " was declared");
  return named(name_, [&] { return conv2d(x, *weight_, var_of(bias_)); });
}

Norm::Norm(ParameterStore& store, const std::string& name, NormKind kind, std::int64_t channels)
    : name_(name), kind_(kind) {
  if (kind != NormKind::batch) return;
  if (channels < 1)
    throw ShapeError(name + ": normalisation of " + std::to_string(channels) +
                     " channels, must be at least 1");
  gamma_ = &store.add_vector(name + ".weight", channels, Role::norm_weight);
  beta_ = &store.add_vector(name + ".bias", channels, Role::norm_bias);
  running_mean_ = &store.add_buffer(name + ".running_mean", channels, 0);
  running_var_ = &store.add_buffer(name + ".running_var", channels, 1);
  batches_ = &store.add_counter(name + ".num_batches_tracked");
}

std::vector<Var> Norm::forward(const Var& x, const Mode& mode, std::vector<ResultSpec> results,
                               const Dropout& dropout) const {
  if (kind_ == NormKind::none) return named(name_, [&] { return pointwise(x, std::move(results), dropout); });
  NormState state;
  state.per_image = kind_ == NormKind::instance;
  if (kind_ == NormKind::batch) {
    state.gamma = var_of(gamma_);
    state.beta = var_of(beta_);
    state.running_mean = running_mean_->values;
    state.running_var = running_var_->values;
    if (mode.statistics == StatisticsFrom::batch_updating)
      in_every_run([batches = batches_] { ++batches->value; });
  }
  return named(name_, [&] { return norm(x, state, mode.statistics, std::move(results), dropout); });
}

}  // namespace uptake::nn
