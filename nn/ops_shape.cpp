#include "nn/backend.h"
#include "nn/ops.h"

namespace uptake::nn {
namespace {

using kernels::Pool;
using kernels::Write;

void copy(Tensor to, Write write, const Tensor& from) {
  run(to.device(), to.dtype(), [&]<class On, class T>() {
    On::template copy_channels<T>(to.view<T>(), write, from.view<T>(), from.shape().pixels(), from.shape().c);
  });
}

void require_same_pixels(const char* what, const Var& a, const Var& b) {
  const Shape &s = a.shape(), &t = b.shape();
  if (s.n != t.n || s.h != t.h || s.w != t.w || a.dtype() != b.dtype() || a.device() != b.device())
    throw ShapeError(std::string(what) + ": " + to_string(s) + " and " + to_string(t) +
                     " do not fit together");
}

// A backward kernel that writes a packed dx needs a packed target: it has one unless the gradient gathered so
// far is a view of something larger.
template <class Run>
void into_packed_target(const Slot& x, Run run) {
  Target to = x.gradient_target();
  if (to.dx.packed()) return run(to.dx, to.write);
  const Tensor packed = Tensor::empty(x.shape(), x.dtype(), x.device());
  run(packed, Write::assign);
  copy(to.dx, to.write, packed);
}

}  // namespace

Var join(const Var& a, const Var& b, const Tensor& whole) {
  const std::int64_t first = a.shape().c;
  if (first + b.shape().c != whole.shape().c)
    throw ShapeError("join: " + to_string(a.shape()) + " and " + to_string(b.shape()) + " do not make " +
                     to_string(whole.shape()));
  return make_result("join", whole, {a, b}, [a = Slot(a), b = Slot(b), first](const Tensor& dy) {
    if (a.requires_grad()) a.deposit(dy.channels(0, first));
    if (b.requires_grad()) b.deposit(dy.channels(first, dy.shape().c));
  });
}

Var concat(const Var& a, const Var& b) {
  require_same_pixels("concat", a, b);
  const Shape s = a.shape();
  const std::int64_t first = s.c;
  const Tensor whole = Tensor::empty({s.n, s.h, s.w, first + b.shape().c}, a.dtype(), a.device());
  copy(whole.channels(0, first), Write::assign, a.value());
  copy(whole.channels(first, whole.shape().c), Write::assign, b.value());
  return join(a, b, whole);
}

Var add(const Var& a, const Var& b) {
  require_same_pixels("add", a, b);
  if (a.shape().c != b.shape().c)
    throw ShapeError("add: " + to_string(a.shape()) + " and " + to_string(b.shape()) + " differ");
  const Tensor y = a.value().clone();
  copy(y, Write::add, b.value());
  return make_result("add", y, {a, b}, [a = Slot(a), b = Slot(b)](const Tensor& dy) {
    if (b.requires_grad()) b.deposit(a.requires_grad() ? dy.clone() : dy);
    if (a.requires_grad()) a.deposit(dy);
  });
}

Var reflection_pad(const Var& x, std::int64_t pad) {
  const Shape s = x.shape();
  const Tensor input = x.value().contiguous();
  const Tensor y = Tensor::empty(kernels::padded_shape("reflection_pad", s, pad), x.dtype(), x.device());
  run(x.device(), x.dtype(), [&]<class On, class T>() {
    On::template reflection_pad_forward<T>(y.data<T>(), input.data<T>(), s, pad);
  });
  return make_result("reflection_pad", y, {x}, [x = Slot(x), s, pad](const Tensor& grad) {
    const Tensor dy = grad.contiguous();
    into_packed_target(x, [&](const Tensor& dx, Write write) {
      run(x.device(), x.dtype(), [&]<class On, class T>() {
        On::template reflection_pad_backward<T>(dx.data<T>(), write, dy.data<T>(), s, pad);
      });
    });
  });
}

Var upsample(const Var& x, std::int64_t factor, Interpolation interpolation) {
  const Shape s = x.shape();
  const bool nearest = interpolation == Interpolation::nearest;
  const Tensor input = x.value().contiguous();
  const Tensor y = Tensor::empty(kernels::enlarged_shape("upsample", s, factor), x.dtype(), x.device());
  run(x.device(), x.dtype(), [&]<class On, class T>() {
    if (nearest)
      On::template upsample_nearest_forward<T>(y.data<T>(), input.data<T>(), s, factor);
    else
      On::template upsample_bilinear_forward<T>(y.data<T>(), input.data<T>(), s, factor);
  });
  return make_result("upsample", y, {x}, [x = Slot(x), s, factor, nearest](const Tensor& grad) {
    const Tensor dy = grad.contiguous();
    into_packed_target(x, [&](const Tensor& dx, Write write) {
      run(x.device(), x.dtype(), [&]<class On, class T>() {
        if (nearest)
          On::template upsample_nearest_backward<T>(dx.data<T>(), write, dy.data<T>(), s, factor);
        else
          On::template upsample_bilinear_backward<T>(dx.data<T>(), write, dy.data<T>(), s, factor);
      });
    });
  });
}

Var max_pool(const Var& x, const Pool& pool) {
  const Shape s = x.shape();
  const Shape out = kernels::pooled_shape("max_pool", s, pool);
  const Tensor input = x.value().contiguous();
  const Tensor y = Tensor::empty(out, x.dtype(), x.device());
  const auto winners = allocate(x.device(), static_cast<std::size_t>(out.size()) * sizeof(std::int32_t));
  auto* const argmax = reinterpret_cast<std::int32_t*>(winners.get());
  run(x.device(), x.dtype(), [&]<class On, class T>() {
    On::template max_pool_forward<T>(y.data<T>(), argmax, input.data<T>(), s, pool);
  });
  return make_result("max_pool", y, {x}, [x = Slot(x), s, pool, winners, argmax](const Tensor& grad) {
    const Tensor dy = grad.contiguous();
    into_packed_target(x, [&](const Tensor& dx, Write write) {
      run(x.device(), x.dtype(), [&]<class On, class T>() {
        On::template max_pool_backward<T>(dx.data<T>(), write, dy.data<T>(), argmax, s, pool);
      });
    });
  });
}

Var avg_pool(const Var& x, const Pool& pool) {
  const Shape s = x.shape();
  const Tensor input = x.value().contiguous();
  const Tensor y = Tensor::empty(kernels::pooled_shape("avg_pool", s, pool), x.dtype(), x.device());
  run(x.device(), x.dtype(),
      [&]<class On, class T>() { On::template avg_pool_forward<T>(y.data<T>(), input.data<T>(), s, pool); });
  return make_result("avg_pool", y, {x}, [x = Slot(x), s, pool](const Tensor& grad) {
    const Tensor dy = grad.contiguous();
    into_packed_target(x, [&](const Tensor& dx, Write write) {
      run(x.device(), x.dtype(), [&]<class On, class T>() {
        On::template avg_pool_backward<T>(dx.data<T>(), write, dy.data<T>(), s, pool);
      });
    });
  });
}

}  // namespace uptake::nn
