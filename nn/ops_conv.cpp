#include <stdexcept>

#include "kernels/conv.h"
#include "kernels/copy.h"
#include "nn/ops.h"

namespace uptake::nn {
namespace {

using kernels::ConvGeometry;
namespace cpu = kernels::cpu;

kernels::FilterShape filter_shape(Parameter& p, DType dtype) {
  if (!p.var.defined()) throw std::logic_error(p.name + " is used before its store's allocate()");
  if (p.var.dtype() != dtype)
    throw ShapeError(p.name + ": filters are " + to_string(p.var.dtype()) + ", the image is " +
                     to_string(dtype));
  return dispatch(dtype, [&]<class T>() { return p.filters<T>().shape(); });
}

void require_bias(const Var& bias, const Shape& y) {
  if (bias.defined() && bias.value().size() != y.c)
    throw ShapeError("convolution: bias " + to_string(bias.shape()) + " does not fit the result " +
                     to_string(y));
}

template <class T>
void bias_gradient(const Var& bias, const Tensor& dy) {
  if (!bias.requires_grad()) return;
  const Target to = bias.gradient_target();
  cpu::sum_pixels<T>(to.dx.data<T>(), to.write, dy.view<T>(), dy.shape().pixels(), dy.shape().c);
}

}  // namespace

Var conv2d(const Var& x, Parameter& filters, const Var& bias) {
  const ConvGeometry geometry{x.shape(), filter_shape(filters, x.dtype())};
  require_bias(bias, geometry.y());
  const Tensor input = x.value().contiguous();
  Tensor y = Tensor::empty(geometry.y(), x.dtype());
  dispatch(x.dtype(), [&]<class T>() {
    cpu::conv_forward<T>(geometry, y.data<T>(), input.data<T>(), filters.filters<T>(),
                         bias.defined() ? bias.value().data<T>() : nullptr);
  });
  return make_result("conv2d", y, {x, filters.var, bias}, [=, w = filters.var, &filters](const Tensor& grad) {
    const Tensor dy = grad.contiguous();
    dispatch(dy.dtype(), [&]<class T>() {
      if (w.requires_grad()) {
        const Target to = w.gradient_target();
        cpu::conv_backward_filters<T>(geometry, to.dx.data<T>(), to.write, input.data<T>(), dy.data<T>(),
                                      filters.filters<T>());
      }
      bias_gradient<T>(bias, dy);
      if (x.requires_grad()) {
        const Tensor dx = Tensor::empty(x.shape(), x.dtype());
        cpu::conv_backward_data<T>(geometry, dx.data<T>(), dy.data<T>(), filters.filters<T>());
        x.deposit(dx);
      }
    });
  });
}

Var conv_transpose2d(const Var& x, Parameter& filters, const Var& bias, std::int64_t output_pad) {
  const ConvGeometry geometry =
      ConvGeometry::transposed(x.shape(), filter_shape(filters, x.dtype()), output_pad);
  require_bias(bias, geometry.x);
  const Tensor input = x.value().contiguous();
  Tensor y = Tensor::empty(geometry.x, x.dtype());
  dispatch(x.dtype(), [&]<class T>() {
    cpu::conv_backward_data<T>(geometry, y.data<T>(), input.data<T>(), filters.filters<T>());
    if (bias.defined())
      cpu::add_bias<T>(y.view<T>(), bias.value().data<T>(), y.shape().pixels(), y.shape().c);
  });
  return make_result(
      "conv_transpose2d", y, {x, filters.var, bias}, [=, w = filters.var, &filters](const Tensor& grad) {
        const Tensor dy = grad.contiguous();
        dispatch(dy.dtype(), [&]<class T>() {
          if (w.requires_grad()) {  // roles exchanged: dy is the image, x the gradient of the convolution's
                                    // output
            const Target to = w.gradient_target();
            cpu::conv_backward_filters<T>(geometry, to.dx.data<T>(), to.write, dy.data<T>(), input.data<T>(),
                                          filters.filters<T>());
          }
          bias_gradient<T>(bias, dy);
          if (x.requires_grad()) {
            const Tensor dx = Tensor::empty(x.shape(), x.dtype());
            cpu::conv_forward<T>(geometry, dx.data<T>(), dy.data<T>(), filters.filters<T>(), nullptr);
            x.deposit(dx);
          }
        });
      });
}

}  // namespace uptake::nn
