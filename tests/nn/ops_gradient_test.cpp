// Every operation's backward against central differences of its forward, in double.
#include "nn/ops.h"

#include "tests/support/gradients.h"

namespace uptake::tests {
namespace {

using namespace nn;
using kernels::FilterShape;
using Vars = std::vector<Var>;

const Act kLinear{Activation::none, 0}, kRelu{Activation::relu, 0}, kLeaky{Activation::leaky_relu, 0.2},
    kTanh{Activation::tanh, 0}, kSigmoid{Activation::sigmoid, 0};

// For relu and its like: a stencil that meets the corner is allowed any slope between the two sides.
kernels::GradientCheckOptions with_corners() {
  kernels::GradientCheckOptions options;
  options.allow_kinks = true;
  return options;
}

// For normalisations: the step is small against the spread of x that they divide by, at the price of digits.
kernels::GradientCheckOptions for_norm(bool corners) {
  kernels::GradientCheckOptions options;
  options.step = 1e-4;
  options.absolute_tolerance = 1e-8;
  options.allow_kinks = corners;
  return options;
}

Tensor input(const Shape& shape, std::uint64_t seed = 1) { return random_tensor(shape, DType::f64, seed); }

TEST_CASE("conv2d: gradients of image, filters and bias") {
  for (const FilterShape& shape :
       {FilterShape{3, 2, 3, 3, 1, 1}, FilterShape{2, 2, 4, 4, 2, 1}, FilterShape{1, 2, 3, 5, 1, 2},
        FilterShape{2, 2, 1, 1, 3, 0}, FilterShape{2, 2, 4, 4, 1, 1}})
    for (const bool with_bias : {true, false}) {
      ParameterStore store(DType::f64);
      Parameter& filters = store.add_filters("weight", shape);
      Parameter* bias = with_bias ? &store.add_vector("bias", shape.k, Role::bias) : nullptr;
      store.allocate();
      randomise(store, 3);
      check_backward("kernel " + std::to_string(shape.r) + " stride " + std::to_string(shape.stride),
                     {{input({2, 5, 4, 2})},
                      [&](const Vars& v) { return Vars{conv2d(v[0], filters, bias ? bias->var() : Var())}; },
                      &store});
    }
}

TEST_CASE("conv_transpose2d: gradients of image, filters and bias") {
  struct Setting {
    FilterShape shape;
    std::int64_t output_pad;
  };
  for (const auto& [shape, output_pad] :
       {Setting{{2, 3, 4, 4, 2, 1}, 0}, Setting{{2, 3, 4, 4, 2, 1}, 1}, Setting{{2, 1, 3, 3, 2, 1}, 1},
        Setting{{2, 2, 3, 5, 3, 1}, 2}, Setting{{2, 2, 1, 1, 1, 0}, 0}})
    for (const bool with_bias : {true, false}) {
      ParameterStore store(DType::f64);
      Parameter& filters = store.add_filters("weight", shape);
      Parameter* bias = with_bias ? &store.add_vector("bias", shape.c, Role::bias) : nullptr;
      store.allocate();
      randomise(store, 3);
      check_backward("kernel " + std::to_string(shape.r) + " output_pad " + std::to_string(output_pad),
                     {{input({2, 3, 2, 2})},
                      [&, pad = output_pad](const Vars& v) {
                        return Vars{conv_transpose2d(v[0], filters, bias ? bias->var() : Var(), pad)};
                      },
                      &store});
    }
}

TEST_CASE("convolutions: an image that is a channel view gives the gradient of its own channels") {
  ParameterStore store(DType::f64);
  Parameter& down = store.add_filters("down", {2, 2, 3, 3, 1, 1});
  Parameter& up = store.add_filters("up", {2, 1, 2, 2, 2, 0});
  store.allocate();
  randomise(store, 3);
  check_backward("views", {{input({1, 4, 3, 2})},
                           [&](const Vars& v) {
                             const Tensor whole = Tensor::zeros({1, 4, 3, 5}, DType::f64);
                             const Var part = pointwise(v[0], {{kTanh, whole.channels(2, 4)}})[0];
                             return Vars{conv2d(part, down, Var()), conv_transpose2d(part, up, Var(), 0)};
                           },
                           &store});
}

TEST_CASE("pointwise: gradient of each activation") {
  for (const Act& act : {kLinear, kRelu, kLeaky, kTanh, kSigmoid})
    check_backward("activation " + std::to_string(static_cast<int>(act.kind)),
                   {{input({2, 3, 2, 5})},
                    [&](const Vars& v) {
                      return pointwise(v[0], {{act, {}}});
                    }},
                   with_corners());
}

TEST_CASE("pointwise: two results, one of them in a half of a concatenated tensor") {
  for (const std::vector<bool>& used :
       {std::vector<bool>{true, true}, std::vector<bool>{true, false}, std::vector<bool>{false, true}})
    for (const double p : {0.0, 0.4}) {
      check_backward("two results",
                     {{input({2, 3, 2, 3}), input({2, 3, 2, 2}, 2)},
                      [&](const Vars& v) {
                        const Tensor whole = Tensor::empty({2, 3, 2, 5}, DType::f64);
                        const Vars skip =
                            pointwise(v[0], {{kLeaky, {}}, {kSigmoid, whole.channels(2, 5)}}, {p, {5, 1, 2}});
                        const Var up = pointwise(v[1], {{kTanh, whole.channels(0, 2)}})[0];
                        const Var joined = join(up, skip[1], whole);
                        // The other input must take part whatever is used.
                        return Vars{skip[0], joined, pointwise(v[0], {{kTanh, {}}})[0], up};
                      },
                      nullptr,
                      {used[0], used[1], true, true}},
                     with_corners());
    }
}

struct NormSetting {
  bool per_image, affine, given;
  double p;
};

TEST_CASE("norm: gradients with statistics of the batch, of each image and given, one and two results") {
  for (const NormSetting& setting : {NormSetting{false, true, false, 0}, NormSetting{false, true, false, 0.3},
                                     NormSetting{false, false, false, 0}, NormSetting{true, false, false, 0},
                                     NormSetting{true, true, false, 0.3}, NormSetting{false, true, true, 0},
                                     NormSetting{false, true, true, 0.3}})
    for (const int results : {1, 2}) {
      ParameterStore store(DType::f64);
      Parameter* gamma = setting.affine ? &store.add_vector("weight", 3, Role::norm_weight) : nullptr;
      Parameter* beta = setting.affine ? &store.add_vector("bias", 3, Role::norm_bias) : nullptr;
      store.allocate();
      randomise(store, 3, 0.5, 1.5);
      const Tensor mean = random_tensor({1, 1, 1, 3}, DType::f64, 8, -1, 1),
                   var = random_tensor({1, 1, 1, 3}, DType::f64, 9, 0.5, 2);
      check_backward(
          "per image " + std::to_string(setting.per_image) + " given " + std::to_string(setting.given),
          {{input({2, 3, 4, 3})},
           [&](const Vars& v) {
             NormState state;
             state.per_image = setting.per_image;
             if (gamma) {
               state.gamma = gamma->var();
               state.beta = beta->var();
             }
             if (setting.given) {
               state.running_mean = mean;
               state.running_var = var;
             }
             std::vector<ResultSpec> specs{{kTanh, {}}};
             if (results == 2)
               specs.push_back({kLeaky, Tensor::empty({2, 3, 4, 5}, DType::f64).channels(1, 4)});
             return norm(v[0], state, setting.given ? StatisticsFrom::running : StatisticsFrom::batch, specs,
                         {setting.p, {7, 1, 4}});
           },
           &store},
          for_norm(results == 2));
    }
}

TEST_CASE("norm: one of two results is used") {
  check_backward("second only",
                 {{input({2, 3, 2, 2})},
                  [](const Vars& v) {
                    NormState state;
                    return norm(v[0], state, StatisticsFrom::batch, {{kLeaky, {}}, {kTanh, {}}});
                  },
                  nullptr,
                  {false, true}},
                 for_norm(false));
}

TEST_CASE("norm: weight and bias as ordinary Vars, both, one of them, and used elsewhere too") {
  const Tensor x = input({2, 3, 2, 2});
  const auto run = [&](const Var& gamma, const Var& beta) {
    NormState state;
    state.gamma = gamma;
    state.beta = beta;
    return norm(Var(x), state, StatisticsFrom::batch, {{kTanh, {}}})[0];
  };
  const Tensor g = input({1, 1, 1, 2}, 4), b = input({1, 1, 1, 2}, 5);
  check_backward("both", {{g, b}, [&](const Vars& v) { return Vars{run(v[0], v[1])}; }}, for_norm(false));
  check_backward("weight", {{g}, [&](const Vars& v) { return Vars{run(v[0], Var(b))}; }}, for_norm(false));
  check_backward("bias", {{b}, [&](const Vars& v) { return Vars{run(Var(g), v[0])}; }}, for_norm(false));
  check_backward("weight only, no bias at all", {{g}, [&](const Vars& v) { return Vars{run(v[0], Var())}; }},
                 for_norm(false));
  for (const bool norm_first : {true, false})
    check_backward("weight used elsewhere",
                   {{g, b},
                    [&](const Vars& v) {
                      const Var normalised = run(v[0], v[1]), other = pointwise(v[0], {{kTanh, {}}})[0];
                      return norm_first ? Vars{other, normalised} : Vars{normalised, other};
                    }},
                   for_norm(false));
}

TEST_CASE("norm: given statistics that move between forward and backward do not spoil the gradient") {
  const auto gradient = [](bool move) {
    NormState state;
    state.gamma = Var(Tensor::full({1, 1, 1, 2}, DType::f64, 1.5), true);
    state.beta = Var(Tensor::zeros({1, 1, 1, 2}, DType::f64), true);
    state.running_mean = input({1, 1, 1, 2}, 6);
    state.running_var = Tensor::full({1, 1, 1, 2}, DType::f64, 2);
    const Var x(input({2, 3, 2, 2}), true);
    const Var y = norm(x, state, StatisticsFrom::running, {{kTanh, {}}})[0];
    if (move) norm(x.detach(), state, StatisticsFrom::batch_updating, {{kTanh, {}}});
    y.deposit(input({2, 3, 2, 2}, 7));
    backward(y);
    std::vector<double> all = values_of(x.grad());
    for (const double v : values_of(state.gamma.grad())) all.push_back(v);
    return all;
  };
  CHECK(gradient(true) == gradient(false));
}

TEST_CASE("concat and add: gradients, also of one Var used twice") {
  const Shape shape{2, 2, 3, 2};
  check_backward("concat", {{input(shape), input({2, 2, 3, 3}, 2)},
                            [](const Vars& v) { return Vars{concat(v[0], v[1])}; }});
  check_backward("concat(x, x)", {{input(shape)}, [](const Vars& v) { return Vars{concat(v[0], v[0])}; }});
  check_backward("add",
                 {{input(shape), input(shape, 2)}, [](const Vars& v) { return Vars{add(v[0], v[1])}; }});
  check_backward("add(x, x)", {{input(shape)}, [](const Vars& v) { return Vars{add(v[0], v[0])}; }});
  check_backward("add of a view", {{input(shape), input(shape, 2)}, [](const Vars& v) {
                                     const Tensor whole = Tensor::empty({2, 2, 3, 4}, DType::f64);
                                     const Var a = pointwise(v[0], {{kTanh, whole.channels(1, 3)}})[0];
                                     return Vars{add(a, v[1]), add(v[1], a)};
                                   }});
}

TEST_CASE("reflection_pad, upsample and pooling: gradients") {
  check_backward("reflection_pad", {{input({2, 4, 5, 2})}, [](const Vars& v) {
                                      return Vars{reflection_pad(v[0], 3), reflection_pad(v[0], 1)};
                                    }});
  for (const auto interpolation : {Interpolation::nearest, Interpolation::bilinear})
    for (const std::int64_t factor : {1, 2, 3})
      check_backward("upsample", {{input({2, 2, 3, 2})}, [&](const Vars& v) {
                                    return Vars{upsample(v[0], factor, interpolation)};
                                  }});
  for (const kernels::Pool& pool : {kernels::Pool{2, 2, 0, kernels::CountPadding::include},
                                    kernels::Pool{3, 2, 1, kernels::CountPadding::exclude},
                                    kernels::Pool{3, 1, 1, kernels::CountPadding::include}}) {
    check_backward("avg_pool",
                   {{input({2, 5, 4, 2})}, [&](const Vars& v) { return Vars{avg_pool(v[0], pool)}; }});
    check_backward("max_pool",
                   {{input({2, 5, 4, 2})}, [&](const Vars& v) { return Vars{max_pool(v[0], pool)}; }},
                   with_corners());
  }
}

TEST_CASE("spatial operations: a gradient that gathered in a view of something larger is added to") {
  // The gradient that join hands to x is a half of its own; what comes after is added to that half. Both
  // orders of arrival.
  const auto spatial = [](const Var& x, int which) {
    switch (which) {
      case 0:
        return reflection_pad(x, 1);
      case 1:
        return upsample(x, 2, Interpolation::nearest);
      case 2:
        return upsample(x, 2, Interpolation::bilinear);
      case 3:
        return max_pool(x, {2, 1, 0, kernels::CountPadding::include});
      default:
        return avg_pool(x, {2, 1, 1, kernels::CountPadding::exclude});
    }
  };
  for (int which = 0; which < 5; ++which)
    for (const bool joined_last : {true, false})
      check_backward("operation " + std::to_string(which),
                     {{input({1, 3, 3, 2}), input({1, 3, 3, 1}, 2)},
                      [&](const Vars& v) {
                        const Var x = pointwise(v[0], {{kTanh, {}}})[0];
                        const Var whole = concat(x, v[1]), other = spatial(x, which);
                        return joined_last ? Vars{other, whole} : Vars{whole, other};
                      }},
                     with_corners());
}

TEST_CASE("a Var used by many operations gathers all their gradients") {
  check_backward("many uses",
                 {{input({1, 4, 4, 2})},
                  [](const Vars& v) {
                    const Var x = pointwise(v[0], {{kTanh, {}}})[0];
                    const Var twice = add(x, x), more = add(twice, x);
                    NormState state;
                    return Vars{more, norm(x, state, StatisticsFrom::batch, {{kTanh, {}}})[0],
                                concat(x, more), avg_pool(x, {2, 2, 0}),
                                pointwise(x, {{kSigmoid, {}}, {kTanh, {}}})[1]};
                  }},
                 for_norm(false));
}

TEST_CASE("a small network: gradients of the image and of every parameter through the whole of it") {
  ParameterStore store(DType::f64);
  Parameter& down = store.add_filters("down.weight", {3, 2, 4, 4, 2, 1});
  Parameter& gamma = store.add_vector("norm.weight", 3, Role::norm_weight);
  Parameter& beta = store.add_vector("norm.bias", 3, Role::norm_bias);
  Parameter& up = store.add_filters("up.weight", {3, 2, 4, 4, 2, 1});
  Parameter& up_bias = store.add_vector("up.bias", 2, Role::bias);
  Parameter& last = store.add_filters("last.weight", {1, 4, 3, 3, 1, 0});
  store.add_vector("unused", 5, Role::bias);  // its gradient must be zero, not what the buffer held
  store.allocate();
  randomise(store, 3);
  const Tensor target = random_tensor({2, 4, 6, 1}, DType::f64, 20);
  check_backward("network",
                 {{input({2, 4, 6, 2})},
                  [&](const Vars& v) {
                    const Tensor whole = Tensor::empty({2, 4, 6, 4}, DType::f64);
                    const Vars skip = pointwise(v[0], {{kTanh, {}}, {kSigmoid, whole.channels(2, 4)}});
                    NormState batch;
                    batch.gamma = gamma.var();
                    batch.beta = beta.var();
                    const Var inner = norm(conv2d(skip[0], down, Var()), batch, StatisticsFrom::batch,
                                           {{kTanh, {}}}, {0.2, {3, 1, 1}})[0];
                    NormState instance;
                    instance.per_image = true;
                    const Var raised = norm(conv_transpose2d(inner, up, up_bias.var(), 0), instance,
                                            StatisticsFrom::batch, {{kTanh, whole.channels(0, 2)}})[0];
                    const Var joined = join(raised, skip[1], whole);
                    return Vars{conv2d(reflection_pad(joined, 1), last, Var()), skip[0]};
                  },
                  &store},
                 for_norm(false));
}

// ------------------------------------------------------------------------------------------------ errors

TEST_CASE("operations: contradicting shapes are refused in a text that names both") {
  ParameterStore store(DType::f64);
  Parameter& filters = store.add_filters("weight", {4, 3, 3, 3, 1, 1});
  Parameter& bias = store.add_vector("bias", 4, Role::bias);
  store.allocate();
  const auto refuses = [](const std::vector<std::string>& parts, const std::function<void()>& run) {
    const std::string text = message_of<ShapeError>(run);
    CHECK_MESSAGE(contains(text, parts), text);
  };
  const Var three(input({1, 5, 6, 3})), four(input({1, 5, 6, 4}));
  refuses({"[1,5,6,4]", "[4,3,3,3]"}, [&] { conv2d(four, filters, Var()); });
  refuses({"[1,5,6,3]", "[4,3,3,3]"}, [&] { conv_transpose2d(three, filters, Var(), 0); });
  refuses({"[1,5,6,4]", "bias", "[1,1,1,3]"}, [&] { conv2d(three, filters, Var(input({1, 1, 1, 3}))); });
  refuses({"[1,5,6,3]", "bias", "[1,1,1,4]"}, [&] { conv_transpose2d(four, filters, bias.var(), 0); });
  refuses({"float32", "float64"}, [&] { conv2d(Var(three.value().to(DType::f32)), filters, Var()); });
  refuses({"[1,5,6,3]", "[1,5,6,4]"}, [&] { add(three, four); });
  refuses({"[1,5,6,3]", "[1,4,6,3]"}, [&] { concat(three, Var(input({1, 4, 6, 3}))); });
  refuses({"[1,5,6,3]", "[2,5,6,3]"}, [&] { concat(three, Var(input({2, 5, 6, 3}))); });
  refuses({"[1,5,6,3]", "[1,5,6,4]", "[1,5,6,8]"}, [&] {
    join(three, four, Tensor::zeros({1, 5, 6, 8}, DType::f64));
  });
  refuses({"[1,5,6,4]", "[1,5,6,3]"}, [&] { pointwise(three, {{kTanh, four.value()}}); });
  NormState state;
  refuses({"[1,5,6,4]", "[1,5,6,3]"}, [&] {
    norm(three, state, StatisticsFrom::batch, {{kTanh, four.value()}});
  });
  state.gamma = Var(input({1, 1, 1, 4}));
  refuses({"[1,5,6,3]", "4"}, [&] { norm(three, state, StatisticsFrom::batch, {{kTanh, {}}}); });
  state.gamma = Var();
  state.beta = Var(input({1, 1, 1, 2}));
  refuses({"[1,5,6,3]", "2"}, [&] { norm(three, state, StatisticsFrom::batch, {{kTanh, {}}}); });
  state.beta = Var();
  state.running_mean = state.running_var = input({1, 1, 1, 7});
  refuses({"[1,5,6,3]", "7"}, [&] { norm(three, state, StatisticsFrom::running, {{kTanh, {}}}); });
  CHECK_THROWS_AS(reflection_pad(three, 5), ShapeError);
  CHECK_THROWS_AS(max_pool(three, {7, 1, 0}), ShapeError);
}

}  // namespace
}  // namespace uptake::tests
