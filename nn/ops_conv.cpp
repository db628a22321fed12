#include <stdexcept>

#include "nn/backend.h"
#include "nn/ops.h"

namespace uptake::nn {
namespace {

using kernels::ConvCall;
using kernels::ConvGeometry;

kernels::FilterShape filter_shape(const Parameter& p, const Var& x) {
  const Tensor& values = p.compute();
  if (values.dtype() != x.dtype() || values.device() != x.device())
    throw ShapeError(p.name + ": filters are " + to_string(values.dtype()) + " on " +
                     to_string(values.device()) + ", the image is " + to_string(x.dtype()) + " on " +
                     to_string(x.device()));
  return p.filter_shape;
}

void require_bias(const Var& bias, const Shape& y) {
  if (bias.defined() && bias.value().size() != y.c)
    throw ShapeError("convolution: bias " + to_string(bias.shape()) + " does not fit the result " +
                     to_string(y));
}

// What the gradient of the filters is computed from: the image, or nothing when nobody wants it.
Tensor for_filters(const Parameter& filters, const Tensor& image) {
  return wants_gradient(filters.var()) ? image : Tensor();
}

const kernels::ConvOptions& options_of(const Parameter& filters) { return filters.store->machine().conv; }

template <class T>
kernels::ConvFilters<T> filters_of(const Parameter& p) {
  return {p.compute().data<T>(), p.store->version()};
}

template <class T>
kernels::ConvEpilogue<T> epilogue(const Var& bias, const Act& act) {
  return {bias.defined() ? bias.value().data<Accum<T>>() : nullptr, act};
}

template <class On, class T>
void bias_gradient(const Slot& bias, const Tensor& dy) {
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
    On::template conv<T>(ConvCall<T>::forward(geometry, y.data<T>(), input.data<T>(), filters_of<T>(filters),
                                              epilogue<T>(bias, act)),
                         options_of(filters));
  });
  return make_result(
      "conv2d", y, {x, filters.var(), bias},
      [=, x = Slot(x), bias = Slot(bias), w = Slot(filters.var()), image = for_filters(filters, input),
       result = act.kind == Activation::none ? Tensor() : y,
       weights = Saved(filters.var(), filters.compute()), &filters](const Tensor& grad) {
        run(x.device(), x.dtype(), [&]<class On, class T>() {
          const Tensor dy = through<On, T>(act, grad, result);
          weights.value();
          if (image.defined() && w.requires_grad()) {
            const Target to = w.gradient_target();
            On::template conv<T>(ConvCall<T>::backward_filters(geometry, to.dx.data<Accum<T>>(), to.write,
                                                               image.data<T>(), dy.data<T>()),
                                 options_of(filters));
          }
          bias_gradient<On, T>(bias, dy);
          if (x.requires_grad()) {
            const Tensor dx = Tensor::empty(x.shape(), x.dtype(), x.device());
            On::template conv<T>(
                ConvCall<T>::backward_data(geometry, dx.data<T>(), dy.data<T>(), filters_of<T>(filters)),
                options_of(filters));
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
    On::template conv<T>(ConvCall<T>::backward_data(geometry, y.data<T>(), input.data<T>(),
                                                    filters_of<T>(filters), epilogue<T>(bias, Act{})),
                         options_of(filters));
  });
  return make_result(
      "conv_transpose2d", y, {x, filters.var(), bias},
      [=, x = Slot(x), bias = Slot(bias), w = Slot(filters.var()), image = for_filters(filters, input),
       weights = Saved(filters.var(), filters.compute()), &filters](const Tensor& grad) {
        const Tensor dy = grad.contiguous();
        run(dy.device(), dy.dtype(), [&]<class On, class T>() {
          weights.value();
          if (image.defined() && w.requires_grad()) {
            // Roles exchanged: dy is the image, x the gradient of the convolution's output.
            const Target to = w.gradient_target();
            On::template conv<T>(ConvCall<T>::backward_filters(geometry, to.dx.data<Accum<T>>(), to.write,
                                                               dy.data<T>(), image.data<T>()),
                                 options_of(filters));
          }
          bias_gradient<On, T>(bias, dy);
          if (x.requires_grad()) {
            const Tensor dx = Tensor::empty(x.shape(), x.dtype(), x.device());
            On::template conv<T>(
                ConvCall<T>::forward(geometry, dx.data<T>(), dy.data<T>(), filters_of<T>(filters)),
                options_of(filters));
            x.deposit(dx);
          }
        });
      });
}

}  // namespace uptake::nn
