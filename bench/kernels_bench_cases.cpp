#include "bench/kernels_bench_cases.h"

#include <algorithm>
#include <array>
#include <bit>
#include <span>
#include <type_traits>
#include <utility>

#include "kernels/adam_step.h"
#include "kernels/elementwise.h"
#include "kernels/norm/norm.h"
#include "kernels/pointwise.h"
#include "kernels/pointwise_loss.h"
#include "kernels/reduce.h"
#include "kernels/spatial.h"

namespace uptake::bench {
namespace {

using namespace kernels;
namespace cuda = kernels::cuda;

constexpr Act kLeaky{Activation::leaky_relu, 0.2};
constexpr Act kRelu{Activation::relu, 0};
constexpr Act kTanh{Activation::tanh, 0};

cuda::StreamHandle stream() { return cuda::compute_stream(); }

std::string text(const Shape4& s) {
  return std::to_string(s.n) + "x" + std::to_string(s.h) + "x" + std::to_string(s.w) + "x" +
         std::to_string(s.c);
}

template <class T>
const char* type_name() {
  return std::is_same_v<T, float> ? "float32" : "bfloat16";
}

template <class T>
struct Builder {
  std::vector<Case>& cases;
  Shape4 shape;

  std::int64_t count() const { return shape.size(); }
  std::int64_t bytes(std::int64_t tensors) const {
    return tensors * count() * static_cast<std::int64_t>(sizeof(T));
  }
  View<const T> in(Memory& m) const { return {m.inputs.take<T>(count()), shape.c}; }
  View<T> out(Memory& m) const { return {m.outputs.take<T>(count()), shape.c}; }
  /// One half of a tensor of twice the channels, as the U-Net's skip connections are written.
  View<T> half(Memory& m) const { return {m.outputs.take<T>(2 * count()) + shape.c, 2 * shape.c}; }
  View<const T> half_in(Memory& m) const { return {m.inputs.take<T>(2 * count()) + shape.c, 2 * shape.c}; }

  void add(const std::string& name, std::function<Pass(Memory&)> make) const {
    cases.push_back({name + "/" + text(shape) + "/" + type_name<T>(), std::move(make)});
  }

  void copies() const {
    add("copy_channels/into_half", [b = *this](Memory& m) -> Pass {
      return {[b, x = b.in(m), y = b.half(m)] {
                cuda::copy_channels<T>(y, Write::assign, x, b.shape.pixels(), b.shape.c, stream());
              },
              b.bytes(2)};
    });
    add("sum_pixels", [b = *this](Memory& m) -> Pass {
      return {[b, x = b.in(m), y = m.outputs.take<float>(b.shape.c)] {
                cuda::sum_pixels<T>(y, Write::assign, x, b.shape.pixels(), b.shape.c, stream());
              },
              b.bytes(1)};
    });
    add("add_bias", [b = *this](Memory& m) -> Pass {
      return {[b, x = b.out(m), bias = m.inputs.take<float>(b.shape.c)] {
                cuda::add_bias<T>(x, bias, b.shape.pixels(), b.shape.c, stream());
              },
              b.bytes(2)};
    });
    add("fill", [b = *this](Memory& m) -> Pass {
      return {[b, y = b.out(m)] { cuda::fill<T>(y.data, T(0.5f), b.count(), stream()); }, b.bytes(1)};
    });
    add("all_finite", [b = *this](Memory& m) -> Pass {
      return {[b, x = b.in(m), y = m.outputs.take<std::uint32_t>(1)] {
                cuda::all_finite<T>(y, x.data, b.count(), stream());
              },
              b.bytes(1)};
    });
  }

  void pointwise() const {
    const auto forward = [this](const std::string& name, const Act& act, double p) {
      add("pointwise_forward/" + name, [b = *this, act, p](Memory& m) -> Pass {
        return {
            [b, act, p, x = b.in(m), y = b.out(m)] {
              const std::array outputs{Output<T>{y, act}};
              cuda::pointwise_forward<T>(outputs, x, b.shape.pixels(), b.shape.c, {p, {1, 2, 3}}, stream());
            },
            b.bytes(2)};
      });
    };
    forward("leaky", kLeaky, 0);
    forward("tanh", kTanh, 0);
    forward("relu_dropout", kRelu, 0.5);
    add("pointwise_forward/leaky_and_relu", [b = *this](Memory& m) -> Pass {
      return {[b, x = b.in(m), y = b.out(m), z = b.half(m)] {
                const std::array outputs{Output<T>{y, kLeaky}, Output<T>{z, kRelu}};
                cuda::pointwise_forward<T>(outputs, x, b.shape.pixels(), b.shape.c, {}, stream());
              },
              b.bytes(3)};
    });
    add("pointwise_backward/leaky", [b = *this](Memory& m) -> Pass {
      return {[b, x = b.in(m), dy = b.in(m), dx = b.out(m)] {
                const std::array gradients{OutputGradient<T>{dy, kLeaky}};
                cuda::pointwise_backward<T>(dx, Write::assign, gradients, x, b.shape.pixels(), b.shape.c, {},
                                            stream());
              },
              b.bytes(3)};
    });
    add("pointwise_backward/leaky_and_relu", [b = *this](Memory& m) -> Pass {
      return {[b, x = b.in(m), dy = b.in(m), dz = b.half_in(m), dx = b.out(m)] {
                const std::array gradients{OutputGradient<T>{dy, kLeaky}, OutputGradient<T>{dz, kRelu}};
                cuda::pointwise_backward<T>(dx, Write::assign, gradients, x, b.shape.pixels(), b.shape.c, {},
                                            stream());
              },
              b.bytes(4)};
    });
  }

  /// Backward needs sums over all pixels before it can write the first one, so x and dy are counted twice.
  void norm(std::int64_t groups, const std::string& kind) const {
    const NormShape norm_shape{groups, shape.pixels() / groups, shape.c};
    const std::int64_t statistics = groups * shape.c;
    add("norm_batch_statistics/" + kind, [b = *this, norm_shape, statistics](Memory& m) -> Pass {
      return {[norm_shape, x = b.in(m), mean = m.outputs.take<float>(statistics),
               rstd = m.outputs.take<float>(statistics)] {
                cuda::norm_batch_statistics<T>(mean, rstd, nullptr, nullptr, x, norm_shape, 1e-5, 0.1,
                                               stream());
              },
              b.bytes(1)};
    });
    const auto forward = [&](const std::string& name, bool skip, double p) {
      add("norm_forward/" + kind + name, [b = *this, norm_shape, statistics, skip, p](Memory& m) -> Pass {
        const View<T> second = skip ? b.half(m) : View<T>{};
        return {[norm_shape, skip, p, second, x = b.in(m), y = b.out(m),
                 mean = m.inputs.take<float>(statistics), rstd = m.inputs.take<float>(statistics),
                 gamma = m.inputs.take<float>(b.shape.c), beta = m.inputs.take<float>(b.shape.c)] {
                  const std::array outputs{Output<T>{y, skip ? kLeaky : kRelu}, Output<T>{second, kRelu}};
                  cuda::norm_forward<T>(std::span(outputs).first(skip ? 2 : 1), x, mean, rstd, gamma, beta,
                                        norm_shape, {p, {1, 2, 3}}, stream());
                },
                b.bytes(skip ? 3 : 2)};
      });
    };
    forward("", false, 0);
    forward("_skip", true, 0);
    forward("_dropout", false, 0.5);
    const auto backward = [&](const std::string& name, bool skip) {
      add("norm_backward/" + kind + name, [b = *this, norm_shape, statistics, skip](Memory& m) -> Pass {
        const View<const T> second = skip ? b.half_in(m) : View<const T>{};
        return {[norm_shape, skip, second, x = b.in(m), dy = b.in(m), dx = b.out(m),
                 mean = m.inputs.take<float>(statistics), rstd = m.inputs.take<float>(statistics),
                 gamma = m.inputs.take<float>(b.shape.c), beta = m.inputs.take<float>(b.shape.c),
                 dgamma = m.outputs.take<float>(b.shape.c), dbeta = m.outputs.take<float>(b.shape.c)] {
                  const std::array gradients{OutputGradient<T>{dy, skip ? kLeaky : kRelu},
                                             OutputGradient<T>{second, kRelu}};
                  cuda::norm_backward<T>(dx, Write::assign, dgamma, dbeta, Write::assign,
                                         std::span(gradients).first(skip ? 2 : 1), x, mean, rstd, gamma, beta,
                                         norm_shape, cuda::Statistics::of_this_batch, {}, stream());
                },
                b.bytes(skip ? 7 : 5)};
      });
    };
    backward("", false);
    backward("_skip", true);
  }

  void losses() const {
    add("l1_loss/with_gradient", [b = *this](Memory& m) -> Pass {
      return {[b, x = b.in(m), t = b.in(m), dx = b.out(m), loss = m.outputs.take<double>(1)] {
                cuda::l1_loss<T>(loss, dx, Write::assign, x, t, b.shape.pixels(), b.shape.c, 100, stream());
              },
              b.bytes(3)};
    });
    add("mse_loss/with_gradient", [b = *this](Memory& m) -> Pass {
      return {[b, x = b.in(m), t = b.in(m), dx = b.out(m), loss = m.outputs.take<double>(1)] {
                cuda::mse_loss<T>(loss, dx, Write::assign, x, t, b.shape.pixels(), b.shape.c, 1, stream());
              },
              b.bytes(3)};
    });
  }

  void gan_losses() const {
    add("gan_loss/vanilla", [b = *this](Memory& m) -> Pass {
      return {[b, x = b.in(m), dx = b.out(m), loss = m.outputs.take<double>(1)] {
                cuda::gan_loss<T>(loss, GanMode::vanilla, GanTarget::generator, dx, Write::assign, x,
                                  b.shape.pixels(), b.shape.c, 1, stream());
              },
              b.bytes(2)};
    });
  }

  void spatial() const {
    using Call = void (*)(T*, const T*, const Shape4&, std::int64_t, cuda::StreamHandle);
    using BackCall = void (*)(T*, Write, const T*, const Shape4&, std::int64_t, cuda::StreamHandle);
    const auto pair = [this](const std::string& name, Call forward, BackCall backward, std::int64_t argument,
                             const Shape4& y) {
      const std::int64_t moved = (count() + y.size()) * static_cast<std::int64_t>(sizeof(T));
      add(name + "_forward", [b = *this, forward, argument, y, moved](Memory& m) -> Pass {
        return {[b, forward, argument, x = b.in(m).data, to = m.outputs.take<T>(y.size())] {
                  forward(to, x, b.shape, argument, stream());
                },
                moved};
      });
      add(name + "_backward", [b = *this, backward, argument, y, moved](Memory& m) -> Pass {
        return {[b, backward, argument, dy = m.inputs.take<T>(y.size()), dx = b.out(m).data] {
                  backward(dx, Write::assign, dy, b.shape, argument, stream());
                },
                moved};
      });
    };
    const auto& [n, h, w, c] = shape;
    pair("reflection_pad", cuda::reflection_pad_forward<T>, cuda::reflection_pad_backward<T>, 1,
         {n, h + 2, w + 2, c});
    pair("upsample_nearest", cuda::upsample_nearest_forward<T>, cuda::upsample_nearest_backward<T>, 2,
         {n, 2 * h, 2 * w, c});
    pair("upsample_bilinear", cuda::upsample_bilinear_forward<T>, cuda::upsample_bilinear_backward<T>, 2,
         {n, 2 * h, 2 * w, c});
    const Shape4 half{n, h / 2, w / 2, c};
    add("max_pool_forward", [b = *this, half](Memory& m) -> Pass {
      return {[b, x = b.in(m).data, y = m.outputs.take<T>(half.size()),
               argmax = m.outputs.take<std::int32_t>(half.size())] {
                cuda::max_pool_forward<T>(y, argmax, x, b.shape, {}, stream());
              },
              b.bytes(1) + half.size() * static_cast<std::int64_t>(sizeof(T) + sizeof(std::int32_t))};
    });
    add("avg_pool_forward", [b = *this, half](Memory& m) -> Pass {
      return {[b, x = b.in(m).data, y = m.outputs.take<T>(half.size())] {
                cuda::avg_pool_forward<T>(y, x, b.shape, {}, stream());
              },
              b.bytes(1) + half.size() * static_cast<std::int64_t>(sizeof(T))};
    });
  }
};

void parameters(std::vector<Case>& cases, const std::string& network, std::int64_t count) {
  const auto add = [&](const std::string& name, std::int64_t bytes_each,
                       std::function<std::function<void()>(Memory&)> make) {
    cases.push_back({name + "/" + network, [=](Memory& m) -> Pass { return {make(m), bytes_each * count}; }});
  };
  const auto adam = [count](bool with_copy) {
    return [count, with_copy](Memory& m) {
      float* const p = m.outputs.take<float>(count);
      float* const first = m.outputs.take<float>(count);
      float* const second = m.outputs.take<float>(count);
      BFloat16* const copy = with_copy ? m.outputs.take<BFloat16>(count) : nullptr;
      auto* const factors = m.outputs.take<std::uint32_t>(16);
      const float* const g = m.inputs.take<float>(count);
      cuda::fill<float>(second, 0.01f, count, stream());  // a mean of squares
      cuda::Words words{};
      const auto numbers =
          std::bit_cast<std::array<std::uint32_t, sizeof(AdamFactors) / 4>>(adam_factors({}));
      std::copy(numbers.begin(), numbers.end(), words.begin());
      cuda::store_words(factors, words, static_cast<int>(numbers.size()), stream());
      return [=] {
        cuda::adam_step(p, first, second, g, copy, count, reinterpret_cast<const AdamFactors*>(factors),
                        stream());
      };
    };
  };
  add("adam_step/float32", 28, adam(false));
  add("adam_step/with_bfloat16_copy", 30, adam(true));
  add("convert/float32_to_bfloat16", 6, [count](Memory& m) {
    return [count, x = m.inputs.take<float>(count), y = m.outputs.take<BFloat16>(count)] {
      cuda::convert<BFloat16, float>(y, x, count, stream());
    };
  });
  add("accumulate/bfloat16", 10, [count](Memory& m) {
    return [count, x = m.inputs.take<BFloat16>(count), y = m.outputs.take<float>(count)] {
      cuda::accumulate(y, Write::add, x, count, stream());
    };
  });
}

template <class T>
void layers(std::vector<Case>& cases, std::int64_t n) {
  const auto at = [&](std::int64_t size, std::int64_t c) { return Builder<T>{cases, {n, size, size, c}}; };
  at(256, 3).losses();
  at(30, 1).gan_losses();
  for (const auto& [size, c] : {std::pair{128, 64}, {32, 256}, {31, 512}, {4, 512}}) {  // d2, e3, D4, e6
    at(size, c).pointwise();
    at(size, c).norm(1, "batch");
  }
  at(128, 64).norm(n, "instance");
  at(128, 64).copies();
  at(256, 64).spatial();
  at(64, 256).spatial();
}

}  // namespace

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const std::int64_t n : {1, 16}) {
    layers<float>(cases, n);
    layers<BFloat16>(cases, n);
  }
  parameters(cases, "generator_54.4M", 54413955);
  parameters(cases, "discriminator_2.8M", 2768705);
  return cases;
}

}  // namespace uptake::bench
