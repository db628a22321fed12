#include <algorithm>

#include "nn/backend.h"
#include "nn/ops.h"

namespace uptake::nn {
namespace {

using kernels::NormShape;
using kernels::Output;
using kernels::OutputGradient;

// The results' tensors: where the caller wants them, or new ones.
std::vector<Tensor> place_results(const Var& x, const std::vector<ResultSpec>& specs) {
  std::vector<Tensor> results;
  for (const ResultSpec& spec : specs) {
    if (spec.into.defined() && !(spec.into.shape() == x.shape()))
      throw ShapeError("result " + to_string(spec.into.shape()) + " does not fit the input " +
                       to_string(x.shape()));
    results.push_back(spec.into.defined() ? spec.into : Tensor::empty(x.shape(), x.dtype(), x.device()));
  }
  return results;
}

template <class T>
std::vector<Output<T>> outputs(const std::vector<Tensor>& results, const std::vector<ResultSpec>& specs) {
  std::vector<Output<T>> list;
  for (std::size_t i = 0; i < specs.size(); ++i) list.push_back({results[i].view<T>(), specs[i].act});
  return list;
}

// The gradients that arrived; a result nobody used has none.
template <class T>
std::vector<OutputGradient<T>> arrived(Gradients dy, const std::vector<Act>& acts) {
  std::vector<OutputGradient<T>> list;
  for (std::size_t i = 0; i < acts.size(); ++i)
    if (dy[i].defined()) list.push_back({dy[i].view<T>(), acts[i]});
  return list;
}

std::vector<Act> acts_of(const std::vector<ResultSpec>& specs) {
  std::vector<Act> acts;
  for (const ResultSpec& spec : specs) acts.push_back(spec.act);
  return acts;
}

template <class T>
T* optional(const Tensor& t) {
  return t.defined() ? t.data<T>() : nullptr;
}

}  // namespace

std::vector<Var> pointwise(const Var& x, std::vector<ResultSpec> specs, const Dropout& dropout) {
  const std::vector<Tensor> results = place_results(x, specs);
  const Shape shape = x.shape();
  run(x.device(), x.dtype(), [&]<class On, class T>() {
    On::template pointwise_forward<T>(outputs<T>(results, specs), x.value().view<T>(), shape.pixels(),
                                      shape.c, dropout);
  });
  return make_results("pointwise", results, {x},
                      [x = Slot(x), input = x.value(), acts = acts_of(specs), dropout, shape](Gradients dy) {
                        run(x.device(), x.dtype(), [&]<class On, class T>() {
                          const Target to = x.gradient_target();
                          On::template pointwise_backward<T>(to.dx.view<T>(), to.write, arrived<T>(dy, acts),
                                                             input.view<T>(), shape.pixels(), shape.c,
                                                             dropout);
                        });
                      });
}

std::vector<Var> norm(const Var& x, NormState& state, StatisticsFrom from, std::vector<ResultSpec> specs,
                      const Dropout& dropout) {
  const Shape s = x.shape();
  const NormShape shape =
      state.per_image ? NormShape{s.n, s.h * s.w, s.c} : NormShape{1, s.n * s.h * s.w, s.c};
  const bool given = from == StatisticsFrom::running && state.running_mean.defined();
  const Saved gamma(state.gamma), beta(state.beta);
  for (const Tensor& t : {state.running_mean, state.running_var, gamma.value(), beta.value()})
    if (t.defined() && t.size() != s.c)
      throw ShapeError("normalisation of " + std::to_string(t.size()) + " channels got " + to_string(s));
  const std::vector<Tensor> results = place_results(x, specs);
  const DType statistics = accum(x.dtype());
  const Tensor rstd = Tensor::empty({1, 1, shape.groups, s.c}, statistics, x.device());
  Tensor mean;
  run(x.device(), x.dtype(), [&]<class On, class T>() {
    using A = Accum<T>;
    if (given) {
      mean = state.running_mean.clone();  // backward needs today's, and training moves them
      On::template norm_rstd<T>(rstd.data<A>(), state.running_var.data<A>(), state.eps, s.c);
    } else {
      mean = Tensor::empty({1, 1, shape.groups, s.c}, statistics, x.device());
      const bool update = from == StatisticsFrom::batch_updating && state.running_mean.defined();
      On::template norm_batch_statistics<T>(mean.data<A>(), rstd.data<A>(),
                                            update ? state.running_mean.data<A>() : nullptr,
                                            update ? state.running_var.data<A>() : nullptr,
                                            x.value().view<T>(), shape, state.eps, state.momentum);
    }
    On::template norm_forward<T>(outputs<T>(results, specs), x.value().view<T>(), mean.data<A>(),
                                 rstd.data<A>(), optional<A>(gamma.value()), optional<A>(beta.value()), shape,
                                 dropout);
  });
  return make_results(
      "norm", results, {x, state.gamma, state.beta},
      [=, x = Slot(x), input = x.value(), gamma_slot = Slot(state.gamma), beta_slot = Slot(state.beta),
       acts = acts_of(specs)](Gradients dy) {
        const Tensor &used_gamma = gamma.value(), &used_beta = beta.value();
        run(x.device(), x.dtype(), [&]<class On, class T>() {
          using A = Accum<T>;
          const bool want_gamma = gamma_slot.requires_grad(), want_beta = beta_slot.requires_grad();
          const bool parameters = want_gamma || want_beta;
          // The kernel writes both alike: straight to their places, unless only one is wanted or only one
          // has gathered something already.
          const bool in_place = want_gamma && want_beta && gamma_slot.has_grad() == beta_slot.has_grad();
          Target dgamma{}, dbeta{}, dx{};
          if (in_place) {
            dgamma = gamma_slot.gradient_target();
            dbeta = beta_slot.gradient_target();
          } else if (parameters) {
            for (Target* t : {&dgamma, &dbeta})
              *t = {Tensor::empty({1, 1, 1, s.c}, statistics, x.device()), kernels::Write::assign};
          }
          if (x.requires_grad()) dx = x.gradient_target();
          On::template norm_backward<T>(
              dx.dx.defined() ? dx.dx.view<T>() : kernels::View<T>{}, dx.write,
              parameters ? dgamma.dx.data<A>() : nullptr, parameters ? dbeta.dx.data<A>() : nullptr,
              dgamma.write, arrived<T>(dy, acts), input.view<T>(), mean.data<A>(), rstd.data<A>(),
              optional<A>(used_gamma), optional<A>(used_beta), shape,
              given ? kernels::Statistics::given : kernels::Statistics::of_this_batch, dropout);
          if (!in_place && want_gamma) gamma_slot.deposit(dgamma.dx);
          if (!in_place && want_beta) beta_slot.deposit(dbeta.dx);
        });
      });
}

}  // namespace uptake::nn
