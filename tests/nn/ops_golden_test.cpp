// Every operation, forward and backward, against PyTorch's numbers: tests/golden/ops.safetensors, described
// in tests/golden/README.md.
#include <set>

#include "nn/layers.h"
#include "nn/losses.h"
#include "nn/ops.h"
#include "tests/support/tensors.h"

namespace uptake::tests {
namespace {

using namespace nn;

// One case: its tensors, which it remembers having been asked for, and the checks.
struct GoldenCase {
  const io::Safetensors& file;
  std::set<std::string>& seen;
  std::string name, settings;
  DType dtype;
  double tolerance;

  bool has(const std::string& tensor) const { return file.has(name + "." + tensor); }
  std::int64_t number(const std::string& key) const {
    return static_cast<std::int64_t>(setting(settings, key));
  }
  std::vector<double> plain(const std::string& tensor) const {
    seen.insert(name + "." + tensor);
    return file.as_f64(name + "." + tensor);
  }
  Shape shape(const std::string& tensor) const {
    const auto& s = file.at(name + "." + tensor).shape;
    return {s.at(0), s.at(2), s.at(3), s.at(1)};
  }
  std::vector<double> elements(const std::string& tensor) const {
    return nhwc_of(plain(tensor), shape(tensor));
  }
  Tensor image(const std::string& tensor) const { return tensor_of(shape(tensor), dtype, elements(tensor)); }
  Var leaf() const { return Var(image("x"), true); }

  void check(const std::string& tensor, const std::vector<double>& actual,
             const std::vector<double>& expected) const {
    const double far = distance(actual, expected);
    CHECK_MESSAGE(far <= tolerance, name << "." << tensor << " in " << nn::to_string(dtype) << ": distance "
                                         << far << ", allowed " << tolerance);
  }
  void check_plain(const std::string& tensor, const Tensor& actual) const {
    check(tensor, values_of(actual), plain(tensor));
  }

  /// y, then backward from dy, then dx.
  void check_pass(const Var& x, const Var& y) const {
    REQUIRE(y.shape() == shape("y"));
    check("y", values_of(y.value()), elements("y"));
    y.deposit(image("dy"));
    backward(y);
    check("dx", values_of(x.grad()), elements("dx"));
  }
};

// The case's weight and bias as parameters, and their gradients compared.
struct GoldenParameters {
  const GoldenCase& c;
  ParameterStore store;
  Parameter* weight = nullptr;
  Parameter* bias = nullptr;

  explicit GoldenParameters(const GoldenCase& golden) : c(golden), store(golden.dtype) {}

  void declare_filters(std::int64_t stride, std::int64_t pad) {
    const auto& s = c.file.at(c.name + ".weight").shape;
    weight = &store.add_filters("weight", {s.at(0), s.at(1), s.at(2), s.at(3), stride, pad});
  }
  void declare_vectors() {
    if (!weight)
      weight = &store.add_vector("weight", c.file.at(c.name + ".weight").shape.at(0), Role::norm_weight);
    if (c.has("bias")) bias = &store.add_vector("bias", c.file.at(c.name + ".bias").shape.at(0), Role::bias);
  }
  void load() {
    store.allocate();
    for (Parameter& p : store.parameters())
      store.from_plain(p, store.values(), vector_of(c.dtype, c.plain(p.name)));
    store.changed();
  }
  Var bias_var() const { return bias ? bias->var() : Var(); }
  void check_gradients() {
    for (Parameter& p : store.parameters()) c.check_plain("d" + p.name, store.to_plain(p, store.gradients()));
  }
};

void check_convolution(const GoldenCase& c, bool transposed) {
  GoldenParameters p(c);
  p.declare_filters(c.number("stride"), c.number("pad"));
  p.declare_vectors();
  p.load();
  const Var x = c.leaf();
  c.check_pass(x, transposed ? conv_transpose2d(x, *p.weight, p.bias_var(), c.number("output_pad"))
                             : conv2d(x, *p.weight, p.bias_var()));
  p.check_gradients();
}

void check_norm(const GoldenCase& c, bool per_image, StatisticsFrom from) {
  GoldenParameters p(c);
  NormState state;
  state.per_image = per_image;
  state.eps = setting(c.settings, "eps");
  if (c.has("weight")) {
    p.declare_vectors();
    p.load();
    state.gamma = p.weight->var();
    state.beta = p.bias_var();
  }
  if (c.has("running_mean")) {
    state.running_mean = vector_of(c.dtype, c.plain("running_mean"));
    state.running_var = vector_of(c.dtype, c.plain("running_var"));
  }
  if (from == StatisticsFrom::batch_updating) state.momentum = setting(c.settings, "momentum");
  const Var x = c.leaf();
  c.check_pass(x, norm(x, state, from, {{{Activation::none, 0}, {}}})[0]);
  p.check_gradients();
  if (from == StatisticsFrom::batch_updating) {
    c.check_plain("new_running_mean", state.running_mean);
    c.check_plain("new_running_var", state.running_var);
  }
}

void check_pool(const GoldenCase& c, bool max, kernels::CountPadding count) {
  const Var x = c.leaf();
  const kernels::Pool pool{c.number("kernel"), c.number("stride"), c.number("pad"), count};
  c.check_pass(x, max ? max_pool(x, pool) : avg_pool(x, pool));
}

/// A result of one element.
void check_number(const GoldenCase& c, const std::function<Var(const Var&)>& number) {
  const Var x = c.leaf(), y = number(x);
  c.check_plain("y", y.value());
  backward(y);
  c.check("dx", values_of(x.grad()), c.elements("dx"));
}

void check_loss(const GoldenCase& c, Var (*loss)(const Var&, const Tensor&)) {
  check_number(c, [&](const Var& x) { return loss(x, c.image("target")); });
}

void check_softmax(const GoldenCase& c) {
  std::vector<int> labels;
  for (const double label : c.plain("labels")) labels.push_back(static_cast<int>(label));
  check_number(c, [&](const Var& x) { return softmax_cross_entropy(x, labels); });
}

void check_function(const GoldenCase& c, const std::function<Var(const Var&)>& f) {
  const Var x = c.leaf();
  c.check_pass(x, f(x));
}

void check_binary(const GoldenCase& c, Var (*f)(const Var&, const Var&)) {
  const Var x = c.leaf(), other(c.image("other"), true);
  c.check_pass(x, f(x, other));
  c.check("dother", values_of(other.grad()), c.elements("dother"));
}

void check_linear(const GoldenCase& c) {
  ParameterStore store(c.dtype);
  const Linear linear(store, "linear",
                      {.in = c.shape("x").c,
                       .out = c.shape("y").c,
                       .height = c.number("height"),
                       .width = c.number("width"),
                       .bias = c.has("bias")});
  store.allocate();
  const auto tensor_named = [](const Parameter& p) { return p.name.substr(p.name.find('.') + 1); };
  for (Parameter& p : store.parameters()) {
    REQUIRE(p.shape == c.file.at(c.name + "." + tensor_named(p)).shape);
    store.from_plain(p, store.values(), vector_of(c.dtype, c.plain(tensor_named(p))));
  }
  store.changed();
  const Var x = c.leaf();
  c.check_pass(x, linear.forward(x));
  for (Parameter& p : store.parameters())
    c.check_plain("d" + tensor_named(p), store.to_plain(p, store.gradients()));
}

/// Whether the operation is known.
bool check_case(const std::string& operation, const GoldenCase& c) {
  using kernels::CountPadding;
  if (operation == "conv") return check_convolution(c, false), true;
  if (operation == "conv_transpose") return check_convolution(c, true), true;
  if (operation == "batch_norm") return check_norm(c, false, StatisticsFrom::batch_updating), true;
  if (operation == "batch_norm_inference") return check_norm(c, false, StatisticsFrom::running), true;
  if (operation == "instance_norm" || operation == "instance_norm_affine")
    return check_norm(c, true, StatisticsFrom::batch), true;
  if (operation == "upsample_nearest" || operation == "upsample_bilinear") {
    const Var x = c.leaf();
    c.check_pass(
        x, upsample(x, c.number("factor"),
                    operation == "upsample_nearest" ? Interpolation::nearest : Interpolation::bilinear));
    return true;
  }
  if (operation == "max_pool") return check_pool(c, true, CountPadding::include), true;
  if (operation == "avg_pool_include") return check_pool(c, false, CountPadding::include), true;
  if (operation == "avg_pool_exclude") return check_pool(c, false, CountPadding::exclude), true;
  if (operation == "reflection_pad") {
    const Var x = c.leaf();
    c.check_pass(x, reflection_pad(x, c.number("pad")));
    return true;
  }
  if (operation == "relu") return check_function(c, nn::relu), true;
  if (operation == "leaky_relu")
    return check_function(c, [&](const Var& x) { return leaky_relu(x, setting(c.settings, "slope")); }), true;
  if (operation == "tanh") return check_function(c, nn::tanh), true;
  if (operation == "sigmoid") return check_function(c, nn::sigmoid), true;
  if (operation == "l1") return check_loss(c, l1_loss), true;
  if (operation == "mse") return check_loss(c, mse_loss), true;
  if (operation == "bce_with_logits") return check_loss(c, bce_with_logits_loss), true;
  if (operation == "softmax_cross_entropy") return check_softmax(c), true;
  if (operation == "linear") return check_linear(c), true;
  if (operation == "abs") return check_function(c, nn::abs), true;
  if (operation == "square") return check_function(c, nn::square), true;
  if (operation == "sqrt") return check_function(c, nn::sqrt), true;
  if (operation == "exp") return check_function(c, nn::exp), true;
  if (operation == "log") return check_function(c, nn::log), true;
  if (operation == "affine") return check_function(c, [](const Var& x) { return 0.5 - x * 0.75; }), true;
  if (operation == "reciprocal") return check_function(c, [](const Var& x) { return 1.5 / x; }), true;
  if (operation == "sum") return check_number(c, nn::sum), true;
  if (operation == "mean") return check_number(c, nn::mean), true;
  if (operation == "add") return check_binary(c, nn::operator+), true;
  if (operation == "sub") return check_binary(c, nn::operator-), true;
  if (operation == "mul") return check_binary(c, nn::operator*), true;
  if (operation == "div") return check_binary(c, nn::operator/), true;
  return false;
}

void check_all_cases(DType dtype, double tolerance) {
  const io::Safetensors file = golden_file("ops");
  std::set<std::string> seen;
  std::istringstream names(file.metadata.at("cases"));
  int cases = 0;
  for (std::string name; names >> name; ++cases) {
    CAPTURE(name);
    const GoldenCase c{file, seen, name, file.metadata.at(name), dtype, tolerance};
    CHECK_MESSAGE(check_case(name.substr(0, name.find('.')), c), "an operation this test does not know");
  }
  CHECK(cases == 101);
  for (const auto& tensor : file.tensors)
    CHECK_MESSAGE(seen.contains(tensor.first), tensor.first << " was compared with nothing");
}

// PyTorch's own float32 is within 5e-6 of every one of these tensors (the script that made them asserts it);
// another order of summation may stray as far on the other side.
TEST_CASE("operations in float32 agree with PyTorch, forward and backward") {
  check_all_cases(DType::f32, 1e-5);
}

// The file holds float64 results rounded to float32: each element, and so the whole, is off by 2^-24 = 6e-8
// of itself at most. What double adds is far below.
TEST_CASE("operations in float64 agree with PyTorch to the last digit of the file") {
  check_all_cases(DType::f64, 6.1e-8);
}

}  // namespace
}  // namespace uptake::tests
