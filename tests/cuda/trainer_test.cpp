// A training run in a folder, as `uptake train` makes it, on the CUDA backend: losses, validation, checkpoints,
// stopping and going on, also on the other device.
#include "gan/trainer.h"

#include <sstream>

#include "io/base/file.h"
#include "io/image/image.h"
#include "io/logs/csv_log.h"
#include "tests/cuda/on_device.h"
#include "tests/support/in_pieces.h"
#include "tests/support/temporary_folder.h"

namespace uptake::tests {
namespace {

namespace fs = std::filesystem;

const nn::Machine kCpu{}, kGpu{nn::Device::cuda, nn::DType::f32, {}};
const std::atomic<bool> kNeverStop = false;
constexpr int kPairs = 5;

// Side by side, the right half the left one inverted.
void write_pairs(const fs::path& folder, int count, unsigned seed) {
  fs::create_directories(folder);
  for (int n = 0; n < count; ++n) {
    io::Image image(8, 16, 1, io::SampleKind::u8);
    for (std::int64_t y = 0; y < 8; ++y)
      for (std::int64_t x = 0; x < 8; ++x) {
        seed = seed * 1664525u + 1013904223u;
        image.at(y, x, 0) = static_cast<float>(seed >> 24);
        image.at(y, x + 8, 0) = 255 - static_cast<float>(seed >> 24);
      }
    io::write_png(folder / (std::to_string(n) + ".png"), image);
  }
}

struct Run {
  TemporaryFolder folder;
  Run() {
    write_pairs(folder / "data/train", kPairs, 1);
    write_pairs(folder / "data/val", 2, 2);
  }

  gan::TrainRequest request(const std::string& name, const nn::Machine& machine) const {
    gan::TrainRequest r;
    r.data = folder / "data";
    r.out = folder / name;
    r.version = "test";
    r.machine = machine;
    gan::TrainConfig& c = r.config;
    c.net_g = "unet_8";
    c.net_d = gan::DiscriminatorKind::pixel;
    c.ngf = c.ndf = 2;
    c.load_size = c.crop_size = 0;
    c.batch_size = 2;  // and a last one of 1
    c.epochs = 3;
    c.epochs_decay = 1;
    c.lr = 1e-3;
    c.threads = 2;
    c.seed = 5;
    return r;
  }

  gan::TrainOutcome train(const gan::TrainRequest& r, const std::atomic<bool>& stop = kNeverStop) const {
    std::ostringstream told;
    return gan::train(r, stop, told);
  }
  io::CsvTable log(const std::string& name, const char* file) const {
    return io::read_csv_log(folder / name / file);
  }
};

void check_alike(const io::CsvTable& actual, const io::CsvTable& expected) {
  CHECK(actual.steps == expected.steps);
  REQUIRE(actual.values.size() == expected.values.size());
  REQUIRE_FALSE(expected.values.empty());
  for (std::size_t row = 0; row < expected.values.size(); ++row)
    for (std::size_t k = 0; k < expected.values[row].size(); ++k) {
      INFO("row " << row << ", " << expected.columns[k]);
      CHECK(actual.values[row][k] == doctest::Approx(expected.values[row][k]).epsilon(2e-3));
    }
}

TEST_CASE("a training run on the GPU logs the CPU's losses and validation") {
  const Run run;
  run.train(run.request("cpu", kCpu));
  run.train(run.request("gpu", kGpu));
  CHECK(run.log("cpu", "losses.csv").steps.size() == 12);
  for (const char* file : {"losses.csv", "validation.csv"})
    check_alike(run.log("gpu", file), run.log("cpu", file));
}

TEST_CASE(
    "a run on the GPU stopped after every step and resumed ends with the bits of an uninterrupted one") {
  const Run run;
  run.train(run.request("whole", kGpu));
  gan::TrainRequest pieces = run.request("pieces", kGpu);
  CHECK(train_in_pieces(pieces, kPairs) == 16);  // 4 epochs of 3 steps and a judgement
  for (const char* file : {"last.safetensors", "losses.csv", "validation.csv"}) {
    INFO(file);
    CHECK((io::read_file(run.folder / "pieces" / file) == io::read_file(run.folder / "whole" / file)));
  }
}

TEST_CASE("a run that changes devices at every stop stays on the CPU's course") {
  const Run run;
  run.train(run.request("cpu", kCpu));
  gan::TrainRequest changing = run.request("changing", kGpu);
  train_in_pieces(changing, kPairs, [](gan::TrainRequest& r) {
    r.machine = r.machine.device == nn::Device::cpu ? kGpu : kCpu;
  });
  check_alike(run.log("changing", "losses.csv"), run.log("cpu", "losses.csv"));
}

}  // namespace
}  // namespace uptake::tests
