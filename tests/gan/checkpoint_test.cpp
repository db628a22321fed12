#include <doctest/doctest.h>

#include <array>
#include <cstdio>
#include <cstring>

#include "gan/checkpoint.h"
#include "gan/config.h"
#include "gan/translator.h"
#include "io/base/file.h"
#include "io/tensors/safetensors.h"
#include "tests/support/temporary_folder.h"

namespace {

using namespace uptake;

gan::CheckpointInfo small_info() {
  gan::CheckpointInfo info;
  info.config.net_g = "unet_4";
  info.config.ngf = info.config.ndf = 1;
  info.config.net_d = gan::DiscriminatorKind::pixel;
  info.config.load_size = info.config.crop_size = 0;
  info.config.input_channels = info.config.output_channels = 1;
  info.input = info.output = gan::Intensity::of(io::SampleKind::u8, 0);
  info.progress.step = 12;
  info.progress.data_fingerprint = "f";
  info.progress.data_pixels = "p";
  info.version = "test";
  return info;
}

gan::Pix2Pix model_of(const gan::TrainConfig& c) {
  return {gan::make_generator(c), gan::make_discriminator(c), gan::pix2pix_options(c)};
}

}  // namespace

TEST_CASE("a checkpoint brings back everything, to the bit") {
  const TemporaryFolder folder;
  const auto path = folder / "c.safetensors";
  const gan::CheckpointInfo info = small_info();
  gan::Pix2Pix a = model_of(info.config);
  const auto x = nn::Tensor::full({1, 8, 8, 1}, nn::DType::f32, 0.5);
  a.step(x, x, 1e-3, {});
  gan::save_checkpoint(path, info, a);

  auto other = info.config;
  other.seed = 77;
  gan::Pix2Pix b = model_of(other);
  gan::load_checkpoint(path, b);
  gan::save_checkpoint(folder / "again.safetensors", info, b);
  CHECK((io::read_file(path) == io::read_file(folder / "again.safetensors")));

  const gan::CheckpointInfo read = gan::read_checkpoint_info(path);
  CHECK(read.config == info.config);
  CHECK(read.progress.step == 12);
  CHECK(read.progress.data_pixels == "p");
  CHECK(read.progress.best_metric == info.progress.best_metric);
  CHECK(read.version == "test");
}

TEST_CASE("a checkpoint carries the SHA-256 of its generator, the one that sha256sum finds in the file") {
  const TemporaryFolder folder;
  const auto path = folder / "c.safetensors", raw = folder / "weights";
  gan::CheckpointInfo info = small_info();
  info.weights_sha256 = "not this one";
  gan::Pix2Pix model = model_of(info.config);
  gan::save_checkpoint(path, info, model);
  const std::string hash = gan::read_checkpoint_info(path).weights_sha256;
  CHECK(gan::load_generator(path).info.weights_sha256 == hash);

  // From the bytes of the file alone, by the definition.
  const std::string file = io::read_file(path);
  std::uint64_t header = 0;
  std::memcpy(&header, file.data(), 8);
  const auto tensors = nlohmann::json::parse(file.substr(8, header));
  std::string data;
  std::size_t count = 0;
  for (const auto& [name, tensor] : tensors.items()) {  // in the order of the names
    if (!name.starts_with("g.")) continue;
    const std::size_t begin = tensor.at("data_offsets")[0], end = tensor.at("data_offsets")[1];
    data += file.substr(8 + header + begin, end - begin);
    ++count;
  }
  CHECK(count > 5);
  io::write_file_atomically(raw, data);
  std::array<char, 65> printed{};
  FILE* sum = popen(("sha256sum '" + raw.string() + "'").c_str(), "r");
  CHECK(std::fread(printed.data(), 1, 64, sum) == 64);
  CHECK(pclose(sum) == 0);
  CHECK(hash == printed.data());
}

TEST_CASE("a checkpoint without the SHA-256 is read as before, one with another is damaged") {
  const TemporaryFolder folder;
  const auto path = folder / "c.safetensors", changed = folder / "changed.safetensors";
  const gan::CheckpointInfo info = small_info();
  gan::Pix2Pix model = model_of(info.config);
  gan::save_checkpoint(path, info, model);
  io::Safetensors file = io::read_safetensors(path);
  const std::string hash = file.metadata.at("weights_sha256");
  file.metadata.erase("weights_sha256");
  io::write_safetensors(changed, file);
  CHECK(gan::read_checkpoint_info(changed).weights_sha256.empty());
  CHECK(gan::load_generator(changed).info.weights_sha256 == hash);
  CHECK_NOTHROW(gan::require_checkpoint(changed));
  CHECK_NOTHROW(gan::load_checkpoint(changed, model));

  file.metadata["weights_sha256"] = hash;
  file.tensors.lower_bound("d.")->second.data[0] ^= std::byte{1};  // of the discriminator: another matter
  io::write_safetensors(changed, file);
  CHECK(gan::load_generator(changed).info.weights_sha256 == hash);
  file.tensors.at("g.model.model.0.weight").data[0] ^= std::byte{1};  // the last bit of a number
  io::write_safetensors(changed, file);
  CHECK_THROWS_WITH_AS(gan::load_generator(changed), doctest::Contains(("expected " + hash).c_str()),
                       io::FileError);
  CHECK_THROWS_AS(gan::require_checkpoint(changed), io::FileError);
  CHECK_THROWS_AS(gan::load_checkpoint(changed, model), io::FileError);
}

TEST_CASE(
    "a checkpoint keeps what it was trained on; one that does not say is read, one that says nonsense is "
    "not") {
  const TemporaryFolder folder;
  const auto path = folder / "c.safetensors", changed = folder / "changed.safetensors";
  gan::CheckpointInfo info = small_info();
  gan::TrainingDomain domain;
  gan::SeenImage image;
  image.height = 3, image.width = 5, image.channels = 1;
  image.pixels = gan::summarize(io::Image(3, 5, 1, io::SampleKind::u8));
  image.minutes = 9.5;
  image.body_part = "HAND";
  domain.input.add(image), domain.target.add(image);
  info.trained_on = domain;
  gan::Pix2Pix model = model_of(info.config);
  gan::save_checkpoint(path, info, model);
  CHECK(gan::read_checkpoint_info(path).trained_on == domain);
  CHECK(gan::load_generator(path).info.trained_on == domain);

  io::Safetensors file = io::read_safetensors(path);
  file.metadata.at("trained_on") = R"({"form": "a heap"})";
  io::write_safetensors(changed, file);
  CHECK_THROWS_WITH_AS(gan::read_checkpoint_info(changed), doctest::Contains("cannot be understood"),
                       io::FileError);
  file.metadata.at("trained_on") = "[";
  io::write_safetensors(changed, file);
  CHECK_THROWS_AS(gan::load_generator(changed), io::FileError);
  file.metadata.erase("trained_on");
  io::write_safetensors(changed, file);
  CHECK_FALSE(gan::read_checkpoint_info(changed).trained_on);
  CHECK_NOTHROW(gan::load_checkpoint(changed, model));
}

TEST_CASE("a checkpoint cut at any byte is refused with a sentence naming the file") {
  const TemporaryFolder folder;
  const auto path = folder / "c.safetensors", cut = folder / "cut.safetensors";
  const gan::CheckpointInfo info = small_info();
  gan::Pix2Pix model = model_of(info.config);
  gan::save_checkpoint(path, info, model);
  const std::string bytes = io::read_file(path);
  for (std::size_t length = 0; length < bytes.size();
       length += length < 64 || length + 64 > bytes.size() ? 1 : 37) {
    CAPTURE(length);
    io::write_file_atomically(cut, bytes.substr(0, length));
    try {
      gan::load_generator(cut);
      FAIL("accepted");
    } catch (const io::FileError& e) {
      CHECK(std::string(e.what()).starts_with(cut.string() + ": "));
    }
  }
}

TEST_CASE("a checkpoint whose description lies is refused") {
  const TemporaryFolder folder;
  const auto path = folder / "c.safetensors", changed = folder / "changed.safetensors";
  const gan::CheckpointInfo info = small_info();
  gan::Pix2Pix model = model_of(info.config);
  gan::save_checkpoint(path, info, model);
  const auto refused = [&](const std::function<void(io::Safetensors&)>& change) {
    io::Safetensors file = io::read_safetensors(path);
    change(file);
    io::write_safetensors(changed, file);
    CHECK_THROWS_AS(gan::load_generator(changed), io::FileError);
  };
  refused([](auto& f) { f.metadata.erase("format"); });
  refused([](auto& f) { f.metadata["format"] = "something else"; });
  refused([](auto& f) { f.metadata["config"] = "{"; });
  refused([](auto& f) { f.metadata["config"] = "{}"; });
  refused([](auto& f) { f.metadata.erase("progress"); });
  refused([](auto& f) { f.metadata["intensity"] = R"({"input": {"kind": "12-bit", "scale": 1}})"; });
  refused([](auto& f) { f.tensors.erase("g.model.model.0.weight"); });
  refused([](auto& f) { f.tensors.at("g.model.model.0.weight").shape = {16}; });
  refused([](auto& f) {  // not a number, and no hash that would say so first
    f.metadata.erase("weights_sha256");
    for (auto& byte : f.tensors.at("g.model.model.0.weight").data) byte = std::byte{0xff};
  });
  const auto with = [&](const char* section, const char* key, const nlohmann::json& value) {
    CAPTURE(key);
    CAPTURE(value.dump());
    refused([&](auto& f) {
      auto json = nlohmann::json::parse(f.metadata[section]);
      json[key] = value;
      f.metadata[section] = json.dump();
    });
  };
  // A small file must not decide how much memory is asked for.
  for (const std::int64_t huge : {std::int64_t{1000}, std::int64_t{1000000000}, std::int64_t{1} << 61}) {
    with("config", "ngf", huge);
    with("config", "input_channels", huge);
    with("config", "output_channels", huge);
    with("config", "n_layers_d", huge);
  }
  with("config", "crop_size", 1000000000);
  with("config", "input_channels", 0);
  with("config", "net_g", "unet_4096");
  with("progress", "position", -5);
  with("progress", "epoch", -1000);
  with("progress", "step", -1);
  with("progress", "plateau_factor", 0);
  with("progress", "epoch_l1_sum", nullptr);
  with("intensity", "input", nlohmann::json{{"kind", "counts"}, {"scale", 1e308}});
  with("intensity", "input", nlohmann::json{{"kind", "counts"}, {"scale", 0}});
  refused([](auto& f) {
    auto config = nlohmann::json::parse(f.metadata["config"]);
    config["ngf"] = 2;
    f.metadata["config"] = config.dump();
  });
  refused([](auto& f) {
    auto config = nlohmann::json::parse(f.metadata["config"]);
    config["ngf"] = -3;
    f.metadata["config"] = config.dump();
  });
}

TEST_CASE("a translator keeps the size of any image and refuses other channels and kinds") {
  const TemporaryFolder folder;
  const auto path = folder / "c.safetensors";
  gan::CheckpointInfo info = small_info();
  gan::Pix2Pix model = model_of(info.config);
  gan::save_checkpoint(path, info, model);
  gan::Translator translator(path);
  for (const auto& [h, w] : {std::pair{1, 1}, {5, 7}, {8, 8}, {31, 2}}) {
    const io::Image out = translator(io::Image(h, w, 1, io::SampleKind::u8));
    CHECK(out.height == h);
    CHECK(out.width == w);
    CHECK(out.kind == io::SampleKind::u8);
  }
  CHECK_THROWS_AS(translator(io::Image(8, 8, 3, io::SampleKind::u8)), std::invalid_argument);
  CHECK_THROWS_AS(translator(io::Image(8, 8, 1, io::SampleKind::u16)), std::invalid_argument);
  CHECK_THROWS_AS(translator(io::Image(0, 8, 1, io::SampleKind::u8)), std::invalid_argument);
}
