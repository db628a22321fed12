// nn::Network: what is saved is what PyTorch would save, and what is loaded is what was saved or nothing.
#include "nn/network.h"

#include <optional>

#include "io/base/file.h"
#include "tests/support/gradients.h"
#include "tests/support/temporary_folder.h"

namespace uptake::tests {
namespace {

using namespace nn;

class Small : public Network {
 public:
  explicit Small(std::int64_t channels = 3, bool with_head = true, DType dtype = DType::f32)
      : Network(dtype),
        conv_(store_, "conv", {.in = 2, .out = channels}),
        norm_(store_, "norm", NormKind::batch, channels) {
    if (with_head)
      head_.emplace(store_, "head",
                    Conv2dOptions{.in = channels, .out = 1, .kernel = 1, .stride = 1, .pad = 0});
  }
  Var forward(const Var& x, const Mode& mode) override {
    const Var y = norm_.forward(conv_.forward(x), mode, {Activation::relu, 0});
    return head_ ? head_->forward(y) : y;
  }

 private:
  Conv2d conv_;
  Norm norm_;
  std::optional<Conv2d> head_;
};

Tensor picture(DType dtype = DType::f32) { return random_tensor({2, 8, 6, 2}, dtype, 1); }

std::vector<double> output(Small& network, DType dtype = DType::f32) {
  const NoGrad no_grad;
  return values_of(network.forward(Var(picture(dtype)), Mode::inference()).value());
}

/// A network with something in all its parts.
void fill(Small& network) {
  randomise(network.store(), 3);
  network.forward(Var(picture()), Mode::training({}));
}

TEST_CASE("network: saved and loaded, it computes the same bits") {
  const TemporaryFolder folder;
  Small first, second;
  fill(first);
  REQUIRE(output(first) != output(second));
  first.save(folder / "network.safetensors");
  second.load(folder / "network.safetensors");
  CHECK(output(first) == output(second));
  CHECK(second.store().counters()[0].value == 1);
}

TEST_CASE("network: the file has PyTorch's names, shapes and types") {
  const TemporaryFolder folder;
  Small network;
  network.save(folder / "network.safetensors");
  const io::Safetensors file = io::read_safetensors(folder / "network.safetensors");
  const std::map<std::string, std::vector<std::int64_t>> expected = {{"conv.weight", {3, 2, 4, 4}},
                                                                     {"conv.bias", {3}},
                                                                     {"norm.weight", {3}},
                                                                     {"norm.bias", {3}},
                                                                     {"norm.running_mean", {3}},
                                                                     {"norm.running_var", {3}},
                                                                     {"norm.num_batches_tracked", {}},
                                                                     {"head.weight", {1, 3, 1, 1}},
                                                                     {"head.bias", {1}}};
  std::map<std::string, std::vector<std::int64_t>> found;
  for (const auto& [name, tensor] : file.tensors) {
    found[name] = tensor.shape;
    CHECK(tensor.dtype == (name == "norm.num_batches_tracked" ? io::DType::i64 : io::DType::f32));
  }
  CHECK(found == expected);
}

TEST_CASE("network: a file of a float32 network is read by a float64 one") {
  const TemporaryFolder folder;
  Small narrow, wide(3, true, DType::f64);
  fill(narrow);
  narrow.save(folder / "network.safetensors");
  wide.load(folder / "network.safetensors");
  CHECK(distance(output(wide, DType::f64), output(narrow)) < 1e-6);
}

/// What load() says of a file that `change` was made to, and that it changed nothing.
std::string refused(const std::function<void(io::Safetensors&)>& change) {
  const TemporaryFolder folder;
  const auto path = folder / "network.safetensors";
  Small saved, network;
  fill(saved);
  fill(network);
  saved.save(path);
  io::Safetensors file = io::read_safetensors(path);
  change(file);
  io::write_safetensors(path, file);
  const auto before = values_of(network.store().values());
  const auto output_before = output(network);
  const std::string text = message_of<io::FileError>([&] { network.load(path); });
  CHECK(values_of(network.store().values()) == before);
  CHECK(output(network) == output_before);
  return text;
}

TEST_CASE("network: a file that does not fit is refused with the tensor's name, and nothing is changed") {
  const auto expect = [](const std::string& text, const std::vector<std::string>& parts) {
    CHECK_MESSAGE(contains(text, parts), text);
  };
  expect(refused([](auto& file) { file.tensors.erase("norm.running_var"); }),
         {"network.safetensors", "norm.running_var", "holds no tensor"});
  expect(refused([](auto& file) { file.put("conv.bias", {4}, std::vector<float>(4)); }),
         {"network.safetensors", "conv.bias", "[4]", "[3]"});
  expect(refused([](auto& file) { file.put("tail.bias", {4}, std::vector<float>(4)); }),
         {"network.safetensors", "tail.bias", "does not have"});
  expect(refused([](auto& file) { file.put("head.bias", {1}, std::vector<float>{std::nanf("")}); }),
         {"network.safetensors", "head.bias", "not finite"});
  expect(refused([](auto& file) { file.put("norm.num_batches_tracked", {2}, std::vector<std::int64_t>(2)); }),
         {"network.safetensors", "norm.num_batches_tracked"});
  expect(refused([](auto& file) {
           file.put("conv.bias", {3}, std::vector<std::int64_t>{1, 2, 3});
         }),
         {"network.safetensors", "conv.bias"});
}

TEST_CASE("network: another network's file, no file and a file of something else are errors") {
  const TemporaryFolder folder;
  Small network, deeper(3, false), wider(4);
  deeper.save(folder / "deeper");
  wider.save(folder / "wider");
  io::write_file_atomically(folder / "text", "nothing of the kind");
  const auto text = [&](const char* name) {
    return message_of<io::FileError>([&] { network.load(folder / name); });
  };
  CHECK_MESSAGE(contains(text("deeper"), {"head.weight"}), text("deeper"));
  CHECK_MESSAGE(contains(text("wider"), {"conv.weight", "[4,2,4,4]", "[3,2,4,4]"}), text("wider"));
  CHECK_MESSAGE(contains(text("text"), {"text"}), text("text"));
  CHECK_MESSAGE(contains(text("missing"), {"missing"}), text("missing"));
  CHECK_THROWS_AS(network.save(folder / "no such folder" / "network"), io::FileError);
}

TEST_CASE("network: counters that PyTorch before 0.4 did not write count from 0") {
  const TemporaryFolder folder;
  Small first, second;
  fill(first);
  fill(second);
  first.save(folder / "network");
  io::Safetensors file = io::read_safetensors(folder / "network");
  file.tensors.erase("norm.num_batches_tracked");
  io::write_safetensors(folder / "network", file);
  second.load(folder / "network");
  CHECK(output(first) == output(second));
  CHECK(second.store().counters()[0].value == 0);
}

}  // namespace
}  // namespace uptake::tests
