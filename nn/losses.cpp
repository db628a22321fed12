#include "nn/losses.h"

#include "nn/backend.h"

namespace uptake::nn {
namespace {

using kernels::View;
using kernels::Write;

// Calls loss(dx, write) with the place of x's gradient, or with none when nobody wants it.
template <class T, class Loss>
void with_gradient(const Var& x, Loss loss) {
  if (!wants_gradient(x)) return loss(View<T>{}, Write::assign);
  const Target to = x.gradient_target();
  loss(to.dx.view<T>(), to.write);
}

double* place(Tensor& into, const Var& x) {
  if (into.size() != 1 || into.device() != x.device())
    throw ShapeError("a loss of " + to_string(x.shape()) + " on " + to_string(x.device()) +
                     " is one number there, not " + to_string(into.shape()) + " on " +
                     to_string(into.device()));
  return into.data<double>();
}

void require_alike(const char* name, const Var& x, const Tensor& target) {
  if (!(x.shape() == target.shape()) || x.dtype() != target.dtype() || x.device() != target.device())
    throw ShapeError(std::string(name) + ": prediction " + to_string(x.shape()) + " and target " +
                     to_string(target.shape()) + " differ");
}

template <class Run>
double number(const Var& x, Run run_into) {
  const Tensor loss = Tensor::empty({1, 1, 1, 1}, DType::f64, x.device());
  run_into(loss);
  return loss.item();
}

}  // namespace

void l1_loss(Tensor into, const Var& x, const Tensor& target, double weight) {
  require_alike("l1_loss", x, target);
  const Shape s = x.shape();
  run(x.device(), x.dtype(), [&]<class On, class T>() {
    with_gradient<T>(x, [&](View<T> dx, Write write) {
      On::template l1_loss<T>(place(into, x), dx, write, x.value().view<T>(), target.view<T>(), s.pixels(),
                              s.c, weight);
    });
  });
}

void mse_loss(Tensor into, const Var& x, const Tensor& target, double weight) {
  require_alike("mse_loss", x, target);
  const Shape s = x.shape();
  run(x.device(), x.dtype(), [&]<class On, class T>() {
    with_gradient<T>(x, [&](View<T> dx, Write write) {
      On::template mse_loss<T>(place(into, x), dx, write, x.value().view<T>(), target.view<T>(), s.pixels(),
                               s.c, weight);
    });
  });
}

void bce_with_logits_loss(Tensor into, const Var& x, const Tensor& target, double weight) {
  require_alike("bce_with_logits_loss", x, target);
  const Shape s = x.shape();
  run(x.device(), x.dtype(), [&]<class On, class T>() {
    with_gradient<T>(x, [&](View<T> dx, Write write) {
      On::template bce_with_logits_loss<T>(place(into, x), dx, write, x.value().view<T>(), target.view<T>(),
                                           s.pixels(), s.c, weight);
    });
  });
}

void gan_loss(Tensor into, const Var& logits, GanMode mode, GanTarget target, double weight) {
  const Shape s = logits.shape();
  run(logits.device(), logits.dtype(), [&]<class On, class T>() {
    with_gradient<T>(logits, [&](View<T> dx, Write write) {
      On::template gan_loss<T>(place(into, logits), mode, target, dx, write, logits.value().view<T>(),
                               s.pixels(), s.c, weight);
    });
  });
}

double l1_loss(const Var& x, const Tensor& target, double weight) {
  return number(x, [&](const Tensor& loss) { l1_loss(loss, x, target, weight); });
}

double mse_loss(const Var& x, const Tensor& target, double weight) {
  return number(x, [&](const Tensor& loss) { mse_loss(loss, x, target, weight); });
}

double bce_with_logits_loss(const Var& x, const Tensor& target, double weight) {
  return number(x, [&](const Tensor& loss) { bce_with_logits_loss(loss, x, target, weight); });
}

double gan_loss(const Var& logits, GanMode mode, GanTarget target, double weight) {
  return number(logits, [&](const Tensor& loss) { gan_loss(loss, logits, mode, target, weight); });
}

}  // namespace uptake::nn
