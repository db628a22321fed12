#include <doctest/doctest.h>

#include <map>
#include <sstream>

#include "gan/trainer.h"
#include "io/base/file.h"
#include "io/image/image.h"
#include "io/logs/csv_log.h"
#include "io/tensors/safetensors.h"
#include "kernels/base/memory.h"
#include "tests/gan/small_run.h"
#include "tests/support/in_pieces.h"
#include "tests/support/temporary_folder.h"

using namespace uptake;
using namespace uptake::tests;
namespace fs = std::filesystem;

TEST_CASE("a run stopped after every single step and resumed ends with the bits of an uninterrupted one") {
  const TemporaryFolder folder;
  for (const char* net : {"unet_32", "resnet_1blocks"}) {
    CAPTURE(net);
    write_pairs(folder / "data/train", 5, 36, 1);
    write_pairs(folder / "data/val", 2, 36, 2);
    const fs::path whole_out = folder / (std::string(net) + "_whole"),
                   pieces_out = folder / (std::string(net) + "_pieces");
    gan::TrainRequest whole = small_request(folder / "data", whole_out);
    whole.config.net_g = net;
    run(whole);

    gan::TrainRequest pieces = whole;
    pieces.out = pieces_out;
    CHECK(train_in_pieces(pieces, 5) ==
          12);  // 3 epochs of 3 steps and a judgement, which in the end is the end
    for (const char* file :
         {"last.safetensors", "best.safetensors", "generator.safetensors", "losses.csv", "validation.csv"}) {
      CAPTURE(file);
      CHECK((io::read_file(whole_out / file) == io::read_file(pieces_out / file)));
    }
  }
}

TEST_CASE("plateau and --steps: a run ended within epochs and resumed has the bits of an uninterrupted one") {
  const TemporaryFolder folder;
  write_pairs(folder / "data/train", 3, 36, 1);
  write_pairs(folder / "data/val", 1, 36, 2);
  gan::TrainRequest whole = small_request(folder / "data", folder / "whole");
  whole.config.lr_policy = nn::LrPolicy::plateau;
  whole.config.lr = 1e-7;  // learns nothing, so the rate drops
  whole.config.epochs = 9;
  whole.config.epochs_decay = 0;
  run(whole);
  CHECK(gan::read_checkpoint_info(folder / "whole/last.safetensors").progress.plateau.factor < 1);

  gan::TrainRequest pieces = whole;
  pieces.out = folder / "pieces";
  for (const int steps : {1, 2, 3, 5, 7, 13, 0}) {
    pieces.config.steps = steps;
    run(pieces);
    pieces.resume = true;
  }
  const auto tensors = [](const fs::path& path) {
    std::map<std::string, std::vector<std::byte>> all;
    for (auto& [name, tensor] : io::read_safetensors(path).tensors) all[name] = tensor.data;
    return all;
  };
  CHECK((tensors(folder / "whole/last.safetensors") == tensors(folder / "pieces/last.safetensors")));
  CHECK((io::read_file(folder / "whole/losses.csv") == io::read_file(folder / "pieces/losses.csv")));
  CHECK((io::read_file(folder / "whole/validation.csv") == io::read_file(folder / "pieces/validation.csv")));
}

TEST_CASE("the same seed gives the same bits, another seed does not") {
  const TemporaryFolder folder;
  write_pairs(folder / "data/train", 3, 36, 1);
  gan::TrainRequest r = small_request(folder / "data", folder / "a");
  r.config.steps = 2;
  run(r);
  r.out = folder / "b";
  run(r);
  r.out = folder / "c";
  r.config.seed = 6;
  run(r);
  CHECK((io::read_file(folder / "a/losses.csv") == io::read_file(folder / "b/losses.csv")));
  CHECK((io::read_file(folder / "a/last.safetensors") == io::read_file(folder / "b/last.safetensors")));
  CHECK((io::read_file(folder / "a/losses.csv") != io::read_file(folder / "c/losses.csv")));
}

TEST_CASE("training learns: the L1 loss falls, the log and the samples are there") {
  const TemporaryFolder folder;
  write_pairs(folder / "data/train", 4, 32, 3);
  gan::TrainRequest r = small_request(folder / "data", folder / "run");
  r.config.load_size = r.config.crop_size = 0;
  r.config.lr = 2e-3;
  r.config.ngf = 4;
  r.config.epochs = 20;
  r.config.epochs_decay = 0;
  const std::string told = run(r);
  const io::CsvTable log = io::read_csv_log(folder / "run/losses.csv");
  REQUIRE(log.columns == std::vector<std::string>{"epoch", "lr", "G_GAN", "G_L1", "D_real", "D_fake"});
  REQUIRE(log.steps.size() == 40);
  const auto& l1 = log.values[3];
  CHECK(l1.back() < 0.8 * l1.front());
  CHECK(told.find("4 training pairs, no val split") != std::string::npos);
  CHECK(fs::exists(folder / "run/samples/epoch_0001.png"));
  CHECK(fs::exists(folder / "run/samples/epoch_0020.png"));
}

TEST_CASE("images that do not fit the network are padded, so native odd sizes train") {
  const TemporaryFolder folder;
  write_pairs(folder / "data/train", 2, 37, 3);
  gan::TrainRequest r = small_request(folder / "data", folder / "run");
  r.config.load_size = r.config.crop_size = 0;
  r.config.epochs = 1;
  r.config.epochs_decay = 0;
  CHECK_NOTHROW(run(r));
}

TEST_CASE("a diverging run is ended by a sentence and leaves its checkpoints alone") {
  const TemporaryFolder folder;
  write_pairs(folder / "data/train", 4, 36, 1);
  gan::TrainRequest r = small_request(folder / "data", folder / "run");
  r.config.norm = nn::NormKind::none;  // nothing that would tame the numbers
  r.config.steps = 2;
  run(r);
  const std::string before = io::read_file(folder / "run/last.safetensors");
  r.config.lr = 1e6;
  r.config.steps = 0;
  r.resume = true;
  try {
    run(r);
    FAIL("trained on");
  } catch (const gan::TrainingError& e) {
    CHECK(std::string(e.what()).find("at step") != std::string::npos);
    CHECK(std::string(e.what()).starts_with("loss "));
  }
  CHECK((io::read_file(folder / "run/last.safetensors") == before));
}

TEST_CASE("a run is neither overwritten nor resumed on other pairs") {
  const TemporaryFolder folder;
  write_pairs(folder / "data/train", 3, 36, 1);
  write_pairs(folder / "other/train", 4, 36, 1);
  gan::TrainRequest r = small_request(folder / "data", folder / "run");
  r.config.steps = 1;
  CHECK_THROWS_AS(run([&] {
                    auto s = r;
                    s.resume = true;
                    return s;
                  }()),
                  io::FileError);
  run(r);
  CHECK_THROWS_AS(run(r), io::FileError);
  r.resume = true;
  r.data = folder / "other";
  CHECK_THROWS_AS(run(r), gan::TrainingError);
}

TEST_CASE("bad pairs are named and refused, or left out on request") {
  const TemporaryFolder folder;
  write_pairs(folder / "data/train", 3, 36, 1);
  io::write_file_atomically(folder / "data/train/broken.png", "no image");
  gan::TrainRequest r = small_request(folder / "data", folder / "run");
  r.config.steps = 1;
  try {
    run(r);
    FAIL("trained on a broken file");
  } catch (const io::FileError& e) {
    CHECK(std::string(e.what()).find("broken.png") != std::string::npos);
  }
  CHECK_FALSE(fs::exists(folder / "run/last.safetensors"));
  r.config.skip_bad = true;
  CHECK(run(r).find("left out: train/broken.png") != std::string::npos);
}

TEST_CASE("a steady training step asks the system for no memory") {
  gan::Pix2Pix model(gan::make_generator({.net = "unet_32", .in = 1, .out = 1, .ngf = 2}),
                     gan::make_discriminator({.in = 2, .ndf = 2}), {});
  const nn::Tensor a = nn::Tensor::full({1, 32, 32, 1}, nn::DType::f32, 0.3), b = a.clone();
  for (std::uint32_t step = 0; step < 3; ++step) model.step(a, b, 1e-4, {1, 0, step});
  const auto before = kernels::host_memory().statistics().system_allocations;
  for (std::uint32_t step = 3; step < 8; ++step) model.step(a, b, 1e-4, {1, 0, step});
  CHECK(kernels::host_memory().statistics().system_allocations == before);
}

TEST_CASE("a validation log of an older version is put aside on resume, not mixed with other ranges") {
  const TemporaryFolder folder;
  write_pairs(folder / "data/train", 2, 32, 1);
  write_pairs(folder / "data/val", 1, 32, 2);
  gan::TrainRequest request = small_request(folder / "data", folder / "run");
  request.config.load_size = request.config.crop_size = 0;
  request.config.steps = 1;
  CHECK(run(request).find("older version") == std::string::npos);
  const std::string old = "step,L1,PSNR,SSIM\n1,9,20,0.5\n";
  io::write_file_atomically(folder / "run/validation.csv", old);
  request.resume = true;
  request.config.steps = 0;
  CHECK(run(request).find("validation.csv of an older version is validation_before.csv now") !=
        std::string::npos);
  CHECK(io::read_file(folder / "run/validation_before.csv") == old);
  CHECK(io::read_csv_log(folder / "run/validation.csv").columns ==
        std::vector<std::string>{"L1", "PSNR", "SSIM", "relative_L1", "NRMSE", "data_range"});
}

TEST_CASE("16-bit training pairs that use 12 bits are noticed and scaled by those") {
  const TemporaryFolder folder;
  fs::create_directories(folder / "data/train");
  for (int n = 0; n < 2; ++n) {
    io::Image image(32, 64, 1, io::SampleKind::u16);
    for (std::size_t i = 0; i < image.samples.size(); ++i)
      image.samples[i] = static_cast<float>(i * 7 % 4000);
    io::write_png(folder / "data/train" / (std::to_string(n) + ".png"), image);
  }
  gan::TrainRequest request = small_request(folder / "data", folder / "run");
  request.config.load_size = request.config.crop_size = 0;
  request.config.epochs = 1;
  request.config.epochs_decay = 0;
  const std::string told = run(request);
  CHECK(told.find("warning: A: the largest sample of the training set is ") != std::string::npos);
  CHECK(told.find("of the 16 bits of its images 12 are used; +1 is 4095 instead of 65535") !=
        std::string::npos);
  const gan::CheckpointInfo info = gan::read_checkpoint_info(folder / "run/last.safetensors");
  CHECK(info.input.scale == 4095);
  CHECK(info.output.scale == 4095);
}
