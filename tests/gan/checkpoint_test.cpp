#include <doctest/doctest.h>

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
  CHECK(read.progress.best_metric == info.progress.best_metric);
  CHECK(read.version == "test");
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
  refused([](auto& f) {  // not a number
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
