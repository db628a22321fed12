#include "nn/layers.h"

#include "tests/support/tensors.h"

namespace uptake::tests {
namespace {

using namespace nn;

const Act kTanh{Activation::tanh, 0}, kLinear{Activation::none, 0};
constexpr kernels::RandomKey kKey{42, 0, 7};

std::vector<std::pair<std::string, std::vector<std::int64_t>>> listing(const ParameterStore& store) {
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> list;
  for (const auto& entry : store.entries()) list.emplace_back(entry.name, entry.shape);
  return list;
}

using Listing = decltype(listing(std::declval<ParameterStore&>()));

TEST_CASE("layers: parameters have PyTorch's names, shapes and order") {
  ParameterStore store(DType::f32);
  const Conv2d conv(store, "model.0", {.in = 3, .out = 8});
  const Conv2d bare(store, "model.1", {.in = 8, .out = 4, .kernel = 3, .stride = 1, .bias = false});
  const Norm norm(store, "model.2", NormKind::batch, 4);
  const Norm instance(store, "model.3", NormKind::instance, 4);
  const Norm none(store, "model.4", NormKind::none, 4);
  const ConvTranspose2d up(store, "model.5", {.in = 4, .out = 2});
  CHECK(listing(store) == Listing{{"model.0.weight", {8, 3, 4, 4}},
                                  {"model.0.bias", {8}},
                                  {"model.1.weight", {4, 8, 3, 3}},
                                  {"model.2.weight", {4}},
                                  {"model.2.bias", {4}},
                                  {"model.2.running_mean", {4}},
                                  {"model.2.running_var", {4}},
                                  {"model.2.num_batches_tracked", {}},
                                  {"model.5.weight", {4, 2, 4, 4}},
                                  {"model.5.bias", {2}}});
  CHECK(values_of(store.buffers()[0].values) == std::vector<double>(4, 0.0));
  CHECK(values_of(store.buffers()[1].values) == std::vector<double>(4, 1.0));
  CHECK(store.parameters()[2].role == Role::filters);
  CHECK(store.parameters()[3].role == Role::norm_weight);
  CHECK(store.parameters()[4].role == Role::norm_bias);
}

TEST_CASE("layers: results have the shapes that PyTorch's formulas give") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    ParameterStore store(dtype);
    const Conv2d down(store, "down", {.in = 3, .out = 5});
    const Conv2d same(store, "same", {.in = 3, .out = 2, .kernel = 3, .stride = 1, .pad = 1});
    const ConvTranspose2d up(store, "up", {.in = 3, .out = 4});
    const ConvTranspose2d odd(store, "odd", {.in = 3, .out = 4, .kernel = 3, .output_pad = 1});
    store.allocate();
    const Var x(random_tensor({2, 8, 6, 3}, dtype, 1));
    CHECK(down.forward(x).shape() == Shape{2, 4, 3, 5});
    CHECK(same.forward(x).shape() == Shape{2, 8, 6, 2});
    CHECK(up.forward(x).shape() == Shape{2, 16, 12, 4});
    CHECK(odd.forward(x).shape() == Shape{2, 16, 12, 4});
    CHECK(down.forward(x).dtype() == dtype);
  }
}

TEST_CASE("layers: the bias of a layer is added") {
  ParameterStore store(DType::f64);
  const Conv2d conv(store, "conv", {.in = 1, .out = 2});
  const ConvTranspose2d up(store, "up", {.in = 1, .out = 2});
  store.allocate();
  for (const std::size_t i : {1u, 3u})
    store.from_plain(store.parameters()[i], store.values(), vector_of(DType::f64, {3, -4}));
  const Var x(Tensor::zeros({1, 2, 2, 1}, DType::f64));
  CHECK(values_of(conv.forward(x).value()) == std::vector<double>{3, -4});
  CHECK(values_of(up.forward(x).value())[30] == 3);
  CHECK(values_of(up.forward(x).value())[31] == -4);
}

TEST_CASE("linear: of whole pictures, or of every pixel by itself; weights are PyTorch's after Flatten") {
  ParameterStore store(DType::f64);
  const Linear whole(store, "whole", {.in = 2, .out = 3, .height = 2, .width = 2});
  const Linear each(store, "each", {.in = 2, .out = 1, .bias = false});
  using Sizes = std::vector<std::int64_t>;
  REQUIRE(store.entries().size() == 3);
  CHECK(store.entries()[0].name == "whole.weight");
  CHECK(store.entries()[0].shape == Sizes{3, 8});
  CHECK(store.entries()[1].shape == Sizes{3});
  CHECK(store.entries()[2].shape == Sizes{1, 2});
  std::vector<double> weight(24, 0.0);
  weight[5] = 1;       // the first output is channel 1, row 0, column 1
  weight[8 + 2] = 10;  // the second is ten times channel 0, row 1, column 0
  store.from_plain(store.parameters()[0], store.values(), vector_of(DType::f64, weight));
  store.from_plain(store.parameters()[1], store.values(), vector_of(DType::f64, {0, 0.5, 7}));
  store.from_plain(store.parameters()[2], store.values(), vector_of(DType::f64, {1, -1}));
  store.changed();
  const Var x(tensor_of({1, 2, 2, 2}, DType::f64, {1, 2, 3, 4, 5, 6, 7, 8}));
  CHECK(whole.forward(x).shape() == Shape{1, 1, 1, 3});
  CHECK(values_of(whole.forward(x).value()) == std::vector<double>{4, 50.5, 7});
  CHECK(each.forward(x).shape() == Shape{1, 2, 2, 1});
  CHECK(values_of(each.forward(x).value()) == std::vector<double>{-1, -1, -1, -1});
}

TEST_CASE("linear: a picture of another size and a size left out are refused by name") {
  ParameterStore store(DType::f32);
  const Linear linear(store, "head", {.in = 2, .out = 3, .height = 2, .width = 2});
  const std::string text = message_of<ShapeError>([&] {
    linear.forward(Var(Tensor::zeros({1, 3, 2, 2}, DType::f32)));
  });
  CHECK_MESSAGE(contains(text, {"head", "[1,3,2,2]", "[1,2,2,2]"}), text);
  const Linear pixels(store, "pixels", {.in = 2, .out = 3});
  const std::string channels = message_of<ShapeError>([&] {
    pixels.forward(Var(Tensor::zeros({1, 3, 2, 4}, DType::f32)));
  });
  CHECK_MESSAGE(contains(channels, {"pixels", "[1,3,2,4]"}), channels);
  const std::string nothing = message_of<ShapeError>([&] { Linear(store, "none", {.out = 3}); });
  CHECK_MESSAGE(contains(nothing, {"none", ".in is 0"}), nothing);
}

TEST_CASE("layers: a shape error starts with the layer's name and names both shapes") {
  ParameterStore store(DType::f32);
  const Conv2d conv(store, "model.down.3", {.in = 3, .out = 5});
  const ConvTranspose2d up(store, "model.up.4", {.in = 3, .out = 5});
  const Norm norm(store, "model.norm.5", NormKind::batch, 3);
  const Norm none(store, "model.none.6", NormKind::none, 3);
  store.allocate();
  const Var x(Tensor::zeros({1, 8, 8, 4}, DType::f32));
  const auto check = [](const std::string& name, const std::vector<std::string>& parts,
                        const std::function<void()>& run) {
    const std::string text = message_of<ShapeError>(run);
    CHECK_MESSAGE(text.starts_with(name + ": "), text);
    CHECK_MESSAGE(contains(text, parts), text);
  };
  check("model.down.3", {"[1,8,8,4]", "[5,3,4,4]"}, [&] { conv.forward(x); });
  check("model.up.4", {"[1,8,8,4]", "[3,5,4,4]"}, [&] { up.forward(x); });
  check("model.norm.5", {"[1,8,8,4]", "3 channels"}, [&] { norm.forward(x, Mode::training(kKey), kTanh); });
  check("model.none.6", {"[1,8,8,4]", "[1,8,8,5]"}, [&] {
    none.forward(x, Mode::inference(), {{kTanh, Tensor::zeros({1, 8, 8, 5}, DType::f32)}});
  });
  check("model.down.3", {"[1,1,1,3]", "[5,3,4,4]"}, [&] {
    conv.forward(Var(Tensor::zeros({1, 1, 1, 3}, DType::f32)));
  });
}

TEST_CASE("layers: a size left out or impossible is refused when the layer is made, by name") {
  ParameterStore store(DType::f32);
  const auto check = [](const std::vector<std::string>& parts, const std::function<void()>& make) {
    const std::string text = message_of<ShapeError>(make);
    CHECK_MESSAGE(contains(text, parts), text);
  };
  check({"down: ", ".in is 0"}, [&] { Conv2d(store, "down", {.out = 1}); });
  check({"down: ", ".out is 0"}, [&] { Conv2d(store, "down", {.in = 1}); });
  check({"down: ", ".in is -3"}, [&] { Conv2d(store, "down", {.in = -3, .out = 1}); });
  check({"down: ", ".kernel is 0"}, [&] { Conv2d(store, "down", {.in = 1, .out = 1, .kernel = 0}); });
  check({"down: ", ".stride is 0"}, [&] { Conv2d(store, "down", {.in = 1, .out = 1, .stride = 0}); });
  check({"down: ", ".pad is -1"}, [&] { Conv2d(store, "down", {.in = 1, .out = 1, .pad = -1}); });
  check({"up: ", ".in is 0"}, [&] { ConvTranspose2d(store, "up", {.out = 1}); });
  check({"norm: ", "0 channels"}, [&] { Norm(store, "norm", NormKind::batch, 0); });
  CHECK(store.entries().empty());
}

// A batch normalisation of two channels whose gamma is 1 and beta 0.
struct BatchNorm {
  ParameterStore store{DType::f64};
  Norm norm{store, "norm", NormKind::batch, 2};

  BatchNorm() {
    store.allocate();
    store.from_plain(store.parameters()[0], store.values(), vector_of(DType::f64, {1, 1}));
  }
  std::vector<double> mean() { return values_of(store.buffers()[0].values); }
  std::vector<double> var() { return values_of(store.buffers()[1].values); }
  std::int64_t batches() { return store.counters()[0].value; }
};

TEST_CASE("batch norm: running statistics and the counter move in training, and only then") {
  BatchNorm b;
  const Var x(tensor_of({2, 1, 2, 2}, DType::f64, {0, 10, 2, 10, 4, 10, 6, 10}));
  Mode only_batch = Mode::training(kKey);
  only_batch.statistics = StatisticsFrom::batch;
  for (const Mode& mode : {Mode::inference(), only_batch}) {
    b.norm.forward(x, mode, kLinear);
    CHECK(b.mean() == std::vector<double>{0, 0});
    CHECK(b.var() == std::vector<double>{1, 1});
    CHECK(b.batches() == 0);
  }
  b.norm.forward(x, Mode::training(kKey), kLinear);
  // Mean 3 and 10; variance 5 (unbiased 20/3) and 0; momentum 0.1.
  CHECK(b.mean()[0] == doctest::Approx(0.3).epsilon(1e-14));
  CHECK(b.mean()[1] == doctest::Approx(1.0).epsilon(1e-14));
  CHECK(b.var()[0] == doctest::Approx(0.9 + 0.1 * 20 / 3).epsilon(1e-14));
  CHECK(b.var()[1] == doctest::Approx(0.9).epsilon(1e-14));
  CHECK(b.batches() == 1);
  {
    const NoGrad no_grad;  // means no gradients, not inference
    b.norm.forward(x, Mode::training(kKey), kLinear);
  }
  CHECK(b.batches() == 2);
  CHECK(b.mean()[0] == doctest::Approx(0.57).epsilon(1e-14));
}

TEST_CASE("batch norm: training normalises by the batch, inference by the running statistics") {
  BatchNorm b;
  const Var x(tensor_of({2, 1, 2, 2}, DType::f64, {0, 10, 2, 10, 4, 10, 6, 10}));
  b.store.buffers()[0].values.copy_from(vector_of(DType::f64, {1, 2}));
  b.store.buffers()[1].values.copy_from(vector_of(DType::f64, {4, 16}));
  const auto inference = values_of(b.norm.forward(x, Mode::inference(), kLinear).value());
  CHECK(inference[0] == doctest::Approx((0 - 1) / std::sqrt(4 + 1e-5)).epsilon(1e-14));
  CHECK(inference[7] == doctest::Approx((10 - 2) / std::sqrt(16 + 1e-5)).epsilon(1e-14));
  const auto training = values_of(b.norm.forward(x, Mode::training(kKey), kLinear).value());
  CHECK(training[0] == doctest::Approx((0 - 3) / std::sqrt(5 + 1e-5)).epsilon(1e-14));
  CHECK(training[7] == 0);
}

TEST_CASE("instance norm: the same bits in training and inference, each image by itself") {
  ParameterStore store(DType::f32);
  const Norm norm(store, "norm", NormKind::instance, 3);
  store.allocate();
  CHECK(store.entries().empty());
  const Tensor both = random_tensor({2, 3, 5, 3}, DType::f32, 1);
  Mode training = Mode::training(kKey);
  const auto trained = values_of(norm.forward(Var(both), training, kTanh).value());
  CHECK(trained == values_of(norm.forward(Var(both), Mode::inference(), kTanh).value()));
  const std::vector<double> all = values_of(both);
  const auto half = static_cast<std::ptrdiff_t>(all.size() / 2);
  const Tensor second = tensor_of({1, 3, 5, 3}, DType::f32, {all.begin() + half, all.end()});
  CHECK(values_of(norm.forward(Var(second), training, kTanh).value()) ==
        std::vector<double>(trained.begin() + half, trained.end()));
}

TEST_CASE("norm of kind none: the activations alone") {
  ParameterStore store(DType::f64);
  const Norm none(store, "none", NormKind::none, 3);
  CHECK(store.entries().empty());
  const Tensor x = random_tensor({1, 2, 2, 3}, DType::f64, 1);
  const auto results = none.forward(Var(x), Mode::training(kKey), {{kTanh, {}}, {kLinear, {}}});
  REQUIRE(results.size() == 2);
  CHECK(values_of(results[1].value()) == values_of(x));
  for (std::size_t i = 0; i < 12; ++i)
    CHECK(values_of(results[0].value())[i] == doctest::Approx(std::tanh(values_of(x)[i])).epsilon(1e-14));
}

TEST_CASE("dropout: masks come from the key, the layer's stream and the step, and from nothing else") {
  ParameterStore store(DType::f32);
  const Norm none(store, "none", NormKind::none, 4);
  const Tensor ones = Tensor::full({2, 8, 8, 4}, DType::f32, 1);
  const auto mask = [&](const Mode& mode, std::uint32_t stream) {
    return values_of(
        none.forward(Var(ones), mode, {{kLinear, {}}}, dropout_of(mode, 0.5, stream))[0].value());
  };
  const auto first = mask(Mode::training(kKey), 3);
  CHECK(mask(Mode::training(kKey), 3) == first);
  CHECK(mask(Mode::training(kKey), 4) != first);                                // another layer
  CHECK(mask(Mode::training({kKey.seed, 0, kKey.step + 1}), 3) != first);       // another step
  CHECK(mask(Mode::training({kKey.seed + 1, 0, kKey.step}), 3) != first);       // another seed
  CHECK(mask(Mode::training({kKey.seed, 3, kKey.step}), 0) == first);           // streams add up
  CHECK(mask(Mode::inference(), 3) == std::vector<double>(first.size(), 1.0));  // off
  // What is kept is doubled, and about half is kept: within five standard errors.
  const auto n = static_cast<double>(first.size());
  double kept = 0;
  for (const double v : first) {
    CHECK((v == 0 || v == 2));
    kept += v / 2;
  }
  CHECK(std::abs(kept / n - 0.5) < 5 * std::sqrt(0.25 / n));
  // Two layers' masks have nothing to do with each other: they agree in half of the elements.
  const auto other = mask(Mode::training(kKey), 4);
  double equal = 0;
  for (std::size_t i = 0; i < first.size(); ++i) equal += first[i] == other[i] ? 1 : 0;
  CHECK(std::abs(equal / n - 0.5) < 5 * std::sqrt(0.25 / n));
}

}  // namespace
}  // namespace uptake::tests
