// One hot spot in one training image (a syringe, an injection site, a bladder) must not decide anything.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "gan/evaluation_report.h"
#include "gan/trainer.h"
#include "io/base/csv.h"
#include "io/base/file.h"
#include "io/pairs/cohort.h"
#include "io/pairs/dataset.h"
#include "io/scan/phantom_cohort.h"
#include "tests/support/temporary_folder.h"

#ifdef UPTAKE_HAS_DICOM

using namespace uptake;
namespace fs = std::filesystem;

namespace {

constexpr int kSize = 32;

/// Nine pixels of 20,000 counts into the corner of a phantom's file, whose pixels are its last bytes.
void heat(const fs::path& file) {
  std::string bytes = io::read_file(file);
  const std::size_t pixels = bytes.size() - 2 * kSize * kSize;
  for (std::size_t y = 1; y < 4; ++y)
    for (std::size_t x = 1; x < 4; ++x) {
      bytes[pixels + 2 * (y * kSize + x)] = static_cast<char>(20000 & 255);
      bytes[pixels + 2 * (y * kSize + x) + 1] = static_cast<char>(20000 >> 8);
    }
  io::write_file_atomically(file, bytes);
}

struct Judged {
  gan::CheckpointInfo info;
  nlohmann::json summary;
  std::string told, page;
  std::map<std::string, std::string> ranges;  // of each case
};

Judged train_and_judge(const fs::path& cohort, const fs::path& run) {
  gan::TrainRequest request;
  request.data = cohort;
  request.out = run;
  request.version = "test";
  gan::TrainConfig& c = request.config;
  c.net_g = "unet_4";
  c.ngf = c.ndf = 4;
  c.net_d = gan::DiscriminatorKind::pixel;
  c.load_size = c.crop_size = 0;
  c.lr = 2e-3;
  c.epochs = 6;
  c.epochs_decay = 4;
  c.threads = 1;
  c.seed = 3;
  c.upsample = gan::Upsampling::nearest;
  std::ostringstream told;
  const std::atomic<bool> never_stop = false;
  gan::train(request, never_stop, told);
  gan::LoadedGenerator model = gan::load_generator(run / "last.safetensors");
  const io::PairDataset data(cohort, "test");
  gan::write_evaluation(model, data, nn::StatisticsFrom::running, {run / "last.safetensors", cohort, "test"},
                        run / "report");
  Judged judged{model.info,
                nlohmann::json::parse(io::read_file(run / "report/summary.json")),
                told.str(),
                io::read_file(run / "report/report.html"),
                {}};
  const auto rows = io::parse_csv("metrics.csv", io::read_file(run / "report/metrics.csv"));
  for (std::size_t i = 1; i < rows.size(); ++i) judged.ranges[rows[i].fields.at(0)] = rows[i].fields.at(6);
  return judged;
}

}  // namespace

TEST_CASE(
    "nine pixels of 20,000 counts in one training image change no scale, no range, no window, no metric "
    "much") {
  const TemporaryFolder folder;
  io::make_phantom_cohort(folder / "cohort", {.patients = 30, .seed = 4, .size = kSize});
  const Judged before = train_and_judge(folder / "cohort", folder / "before");
  CHECK(before.told.find("which decides nothing") == std::string::npos);
  const auto training = io::PairDataset(folder / "cohort", "train").entry(2).b;
  heat(training);
  const Judged after = train_and_judge(folder / "cohort", folder / "after");

  CHECK(after.told.find("its largest count is 20000, which decides nothing") != std::string::npos);
  CHECK(after.info.input == before.info.input);
  CHECK(after.info.output.scale == doctest::Approx(before.info.output.scale).epsilon(0.02));
  CHECK(after.info.output.knee == doctest::Approx(before.info.output.knee).epsilon(0.02));
  CHECK(before.ranges.size() == 6);
  CHECK(after.ranges == before.ranges);
  const auto mean = [](const Judged& judged, const char* metric) {
    return judged.summary.at(metric).at("mean").get<double>();
  };
  CHECK(mean(after, "psnr_db") == doctest::Approx(mean(before, "psnr_db")).epsilon(0.05));
  CHECK(mean(after, "ssim") == doctest::Approx(mean(before, "ssim")).epsilon(0.1));
  CHECK(mean(after, "l1") == doctest::Approx(mean(before, "l1")).epsilon(0.1));
  CHECK(mean(after, "relative_l1") < 1);
  CHECK(mean(after, "data_range") == mean(before, "data_range"));
  // The windows are in the captions.
  const auto captions = [](const std::string& page) {
    std::string all;
    for (std::size_t at = 0; (at = page.find("truth (0 to ", at)) != std::string::npos; ++at)
      all += page.substr(at, page.find(')', at) - at) + "\n";
    return all;
  };
  CHECK(std::ranges::count(captions(before.page), '\n') >= 6);
  CHECK(captions(after.page) == captions(before.page));
  CHECK(after.summary.at("fixed_pattern").at("cases") == 6);
}

#endif
