#include "nn/losses.h"

namespace uptake::nn {
namespace {

using kernels::View;
using kernels::Write;
namespace cpu = kernels::cpu;

// Calls loss(dx, write) with the place of x's gradient, or with none when nobody wants it.
template <class T, class Loss>
double with_gradient(const Var& x, Loss loss) {
  if (!any_requires_grad({&x, 1})) return loss(View<T>{}, Write::assign);
  const Target to = x.gradient_target();
  return loss(to.dx.view<T>(), to.write);
}

template <class Kernel>
double against(const char* name, const Var& x, const Tensor& target, Kernel kernel) {
  if (!(x.shape() == target.shape()) || x.dtype() != target.dtype())
    throw ShapeError(std::string(name) + ": prediction " + to_string(x.shape()) + " and target " +
                     to_string(target.shape()) + " differ");
  return dispatch(x.dtype(), [&]<class T>() {
    return with_gradient<T>(
        x, [&](View<T> dx, Write write) { return kernel(dx, write, x.value().view<T>(), target.view<T>()); });
  });
}

}  // namespace

double l1_loss(const Var& x, const Tensor& target, double weight) {
  const Shape s = x.shape();
  return against("l1_loss", x, target, [&]<class T>(View<T> dx, Write write, View<T> p, View<T> t) {
    return cpu::l1_loss<T>(dx, write, p, t, s.pixels(), s.c, weight);
  });
}

double mse_loss(const Var& x, const Tensor& target, double weight) {
  const Shape s = x.shape();
  return against("mse_loss", x, target, [&]<class T>(View<T> dx, Write write, View<T> p, View<T> t) {
    return cpu::mse_loss<T>(dx, write, p, t, s.pixels(), s.c, weight);
  });
}

double bce_with_logits_loss(const Var& x, const Tensor& target, double weight) {
  const Shape s = x.shape();
  return against("bce_with_logits_loss", x, target,
                 [&]<class T>(View<T> dx, Write write, View<T> p, View<T> t) {
                   return cpu::bce_with_logits_loss<T>(dx, write, p, t, s.pixels(), s.c, weight);
                 });
}

double gan_loss(const Var& logits, GanMode mode, GanTarget target, double weight) {
  const Shape s = logits.shape();
  return dispatch(logits.dtype(), [&]<class T>() {
    return with_gradient<T>(logits, [&](View<T> dx, Write write) {
      return cpu::gan_loss<T>(mode, target, dx, write, logits.value().view<T>(), s.pixels(), s.c, weight);
    });
  });
}

}  // namespace uptake::nn
