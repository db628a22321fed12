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

// Labels where `device` can read them.
class Labels {
 public:
  Labels(std::span<const int> labels, Device device) {
    static_assert(sizeof(int) == sizeof(std::int32_t));
    if (device == Device::cpu || labels.empty()) {
      data_ = labels.data();
      return;
    }
    memory_ = allocate(device, labels.size_bytes());
    copy_between_devices(memory_.get(), labels.data(), labels.size_bytes());
    data_ = reinterpret_cast<const std::int32_t*>(memory_.get());
  }
  const std::int32_t* data() const { return data_; }

 private:
  std::shared_ptr<std::byte> memory_;
  const std::int32_t* data_ = nullptr;
};

// A loss as a Var: the pass that computes it leaves d(mean)/dx as well, which is kept for backward.
template <class Run>
Var var_of(const char* name, const Var& x, const Run& run_into) {
  const Tensor value = Tensor::empty({1, 1, 1, 1}, DType::f64, x.device());
  const Var judged(x.value(), wants_gradient(x));
  run_into(value, judged);
  return make_result(name, value.to(accum(x.dtype())), {x},
                     [to = Slot(x), slope = judged.grad()](const Tensor& dy) {
                       add_scaled(to.gradient_target(), dy, slope);
                     });
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

Var l1_loss(const Var& x, const Tensor& target) {
  return var_of("l1_loss", x, [&](Tensor loss, const Var& v) { l1_loss(loss, v, target, 1); });
}

Var mse_loss(const Var& x, const Tensor& target) {
  return var_of("mse_loss", x, [&](Tensor loss, const Var& v) { mse_loss(loss, v, target, 1); });
}

Var bce_with_logits_loss(const Var& x, const Tensor& target) {
  return var_of("bce_with_logits_loss", x,
                [&](Tensor loss, const Var& v) { bce_with_logits_loss(loss, v, target, 1); });
}

Var gan_loss(const Var& logits, GanMode mode, GanTarget target) {
  return var_of("gan_loss", logits, [&](Tensor loss, const Var& v) { gan_loss(loss, v, mode, target, 1); });
}

Var softmax_cross_entropy(const Var& logits, std::span<const int> labels) {
  const Shape s = logits.shape();
  if (static_cast<std::int64_t>(labels.size()) != s.pixels())
    throw ShapeError("softmax_cross_entropy: " + std::to_string(labels.size()) + " labels for logits " +
                     to_string(s) + ", expected one a pixel");
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels[i] < 0 || labels[i] >= s.c)
      throw ShapeError("softmax_cross_entropy: label " + std::to_string(labels[i]) + " of pixel " +
                       std::to_string(i) + " is none of the " + std::to_string(s.c) + " classes of " +
                       to_string(s));
  return var_of("softmax_cross_entropy", logits, [&](Tensor loss, const Var& v) {
    const Labels classes(labels, v.device());
    run(v.device(), v.dtype(), [&]<class On, class T>() {
      with_gradient<T>(v, [&](View<T> dx, Write write) {
        On::template softmax_cross_entropy<T>(place(loss, v), dx, write, v.value().view<T>(), classes.data(),
                                              s.pixels(), s.c, 1);
      });
    });
  });
}

}  // namespace uptake::nn
