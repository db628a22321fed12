#include <stdexcept>

#include "nn/backend.h"
#include "nn/ops.h"

namespace uptake::nn {
namespace {

using kernels::ConvGeometry;

kernels::FilterShape filter_shape(const Parameter& p, const Var& x) {
  if (!p.var.defined()) throw std::logic_error(p.name + " is used before its store's allocate()");
  if (p.compute.dtype() != x.dtype() || p.compute.device() != x.device())
    throw ShapeError(p.name + ": filters are " + to_string(p.compute.dtype()) + " on " +
                     to_string(p.compute.device()) + ", the image is " + to_string(x.dtype()) + " on " +
                     to_string(x.device()));
  return p.filter_shape;
}

void require_bias(const Var& bias, const Shape& y) {
  if (bias.defined() && bias.value().size() != y.c)
    throw ShapeError("convolution: bias " + to_string(bias.shape()) + " does not fit the result " +
                     to_string(y));
}

template <class T>
Epilogue<T> epilogue(const Var& bias, const Act& act) {
  return {bias.defined() ? bias.value().data<Accum<T>>() : nullptr, act};
}

template <class On, class T>
void bias_gradient(const Var& bias, const Tensor& dy) {
  if (!bias.requires_grad()) return;
  const Target to = bias.gradient_target();
  On::template sum_pixels<T>(to.dx.data<Accum<T>>(), to.write, dy.view<T>(), dy.shape().pixels(),
                             dy.shape().c);
}

// The gradient before the activation, from the one behind it and the result: y has the sign of what it was
// computed from, and that is all the slope of a straight activation depends on.
template <class On, class T>
Tensor through(const Act& act, const Tensor& dy, const Tensor& y) {
  if (act.kind == Activation::none) return dy.contiguous();
  const Shape s = y.shape();
  Tensor dz = Tensor::empty(s, y.dtype(), y.device());
  const std::vector<kernels::OutputGradient<T>> gradients = {{dy.view<T>(), act}};
  On::template pointwise_backward<T>(dz.view<T>(), kernels::Write::assign, gradients, y.view<T>(), s.pixels(),
                                     s.c, Dropout{});
  return dz;
}

void require_straight(const Act& act) {
  const bool straight = act.kind == Activation::none || act.kind == Activation::relu ||
                        (act.kind == Activation::leaky_relu && act.slope > 0);
  if (!straight)
    throw std::logic_error(
        "a convolution is fused only with activations whose slope can be read off their result");
}

}  // namespace

Var conv2d(const Var& x, Parameter& filters, const Var& bias, const Act& act) {
  require_straight(act);
  const ConvGeometry geometry{x.shape(), filter_shape(filters, x)};
  require_bias(bias, geometry.y());
  const Tensor input = x.value().contiguous();
  const Tensor y = Tensor::empty(geometry.y(), x.dtype(), x.device());
  run(x.device(), x.dtype(), [&]<class On, class T>() {
    On::template conv_forward<T>(geometry, y.data<T>(), input.data<T>(), filters, epilogue<T>(bias, act));
  });
  return make_result("conv2d", y, {x, filters.var, bias}, [=, w = filters.var, &filters](const Tensor& grad) {
    run(y.device(), y.dtype(), [&]<class On, class T>() {
      const Tensor dy = through<On, T>(act, grad, y);
      if (w.requires_grad()) {
        const Target to = w.gradient_target();
        On::template conv_backward_filters<T>(geometry, to.dx.data<Accum<T>>(), to.write, input.data<T>(),
                                              dy.data<T>(), filters);
      }
      bias_gradient<On, T>(bias, dy);
      if (x.requires_grad()) {
        const Tensor dx = Tensor::empty(x.shape(), x.dtype(), x.device());
        On::template conv_backward_data<T>(geometry, dx.data<T>(), dy.data<T>(), filters, Epilogue<T>{});
        x.deposit(dx);
      }
    });
  });
}

Var conv_transpose2d(const Var& x, Parameter& filters, const Var& bias, std::int64_t output_pad) {
  const ConvGeometry geometry = ConvGeometry::transposed(x.shape(), filter_shape(filters, x), output_pad);
  require_bias(bias, geometry.x);
  const Tensor input = x.value().contiguous();
  const Tensor y = Tensor::empty(geometry.x, x.dtype(), x.device());
  run(x.device(), x.dtype(), [&]<class On, class T>() {
    On::template conv_backward_data<T>(geometry, y.data<T>(), input.data<T>(), filters,
                                       epilogue<T>(bias, Act{}));
  });
  return make_result(
      "conv_transpose2d", y, {x, filters.var, bias}, [=, w = filters.var, &filters](const Tensor& grad) {
        const Tensor dy = grad.contiguous();
        run(dy.device(), dy.dtype(), [&]<class On, class T>() {
          if (w.requires_grad()) {  // roles exchanged: dy is the image, x the gradient of the convolution's
                                    // output
            const Target to = w.gradient_target();
            On::template conv_backward_filters<T>(geometry, to.dx.data<Accum<T>>(), to.write, dy.data<T>(),
                                                  input.data<T>(), filters);
          }
          bias_gradient<On, T>(bias, dy);
          if (x.requires_grad()) {
            const Tensor dx = Tensor::empty(x.shape(), x.dtype(), x.device());
            On::template conv_forward<T>(geometry, dx.data<T>(), dy.data<T>(), filters, Epilogue<T>{});
            x.deposit(dx);
          }
        });
      });
}

}  // namespace uptake::nn
