#include "gan/evaluation.h"

#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "gan/evaluation_report.h"
#include "io/base/csv.h"
#include "io/base/file.h"
#include "tests/support/temporary_folder.h"

using namespace uptake;

namespace {

void check(const std::vector<double>& values, double mean, double sd, double median) {
  const gan::Statistics s = gan::statistics(values);
  CHECK(s.mean == doctest::Approx(mean));
  CHECK(s.sd == doctest::Approx(sd));
  CHECK(s.median == doctest::Approx(median));
}

gan::TrainConfig small_config() {
  gan::TrainConfig config;
  config.net_g = "unet_4";
  config.ngf = config.ndf = 1;
  config.net_d = gan::DiscriminatorKind::pixel;
  config.load_size = config.crop_size = 0;
  config.input_channels = config.output_channels = 1;
  return config;
}

/// A model that has learnt nothing, and a split of three pairs side by side, one named so that CSV must quote it.
struct Bench {
  TemporaryFolder folder;
  std::filesystem::path checkpoint = folder / "run/best.safetensors";
  Bench() {
    std::filesystem::create_directories(folder / "run");
    gan::CheckpointInfo info;
    info.config = small_config();
    info.input = info.output = gan::Intensity::of(io::SampleKind::u8, 0);
    info.version = "test";
    gan::Pix2Pix model(gan::make_generator(info.config), gan::make_discriminator(info.config),
                       gan::pix2pix_options(info.config));
    gan::save_checkpoint(checkpoint, info, model);
    for (const char* name : {"1.png", "2.png", "a,b.png"}) add(name, io::SampleKind::u8);
  }
  void add(const std::string& name, io::SampleKind kind) const {
    std::filesystem::create_directories(folder / "data/test");
    io::Image both(8, 16, 1, kind);
    for (std::size_t i = 0; i < both.samples.size(); ++i)
      both.samples[i] = static_cast<float>((i * 37 + name.size() * 11) % 256);
    io::write_png(folder / "data/test" / name, both);
  }
  gan::EvaluationResult run(const std::filesystem::path& out) const {
    gan::LoadedGenerator model = gan::load_generator(checkpoint);
    const io::PairDataset data(folder / "data", "test");
    return gan::write_evaluation(model, data, nn::StatisticsFrom::running,
                                 {checkpoint, folder / "data", "test"}, out);
  }
};

}  // namespace

TEST_CASE("statistics: mean, standard deviation of the sample, median") {
  check({2}, 2, 0, 2);
  check({1, 3}, 2, std::sqrt(2.0), 2);
  check({9, 1, 2}, 4, std::sqrt(19.0), 2);
  check({4, 1, 2, 100}, 26.75, std::sqrt((22.75 * 22.75 + 25.75 * 25.75 + 24.75 * 24.75 + 73.25 * 73.25) / 3),
        3);
  check({-1, -1, -1}, -1, 0, -1);
}

TEST_CASE(
    "statistics: values that are not finite do not count; without others mean and median are infinite") {
  check({INFINITY, 1, NAN, 3, -INFINITY}, 2, std::sqrt(2.0), 2);
  for (const std::vector<double>& none : {std::vector<double>{}, {INFINITY, INFINITY}, {NAN}}) {
    const gan::Statistics s = gan::statistics(none);
    CHECK(s.mean == HUGE_VAL);
    CHECK(s.sd == 0);
    CHECK(s.median == HUGE_VAL);
  }
}

TEST_CASE("write_evaluation: the table, the summary and what is returned tell the same") {
  const Bench bench;
  const auto out = bench.folder / "report";
  const gan::EvaluationResult result = bench.run(out);
  CHECK(result.cases == 3);
  CHECK(result.unit == "of 255");
  CHECK(result.report == out / "report.html");

  const auto rows = io::parse_csv("metrics.csv", io::read_file(out / "metrics.csv"));
  REQUIRE(rows.size() == 4);
  CHECK(rows[0].fields ==
        std::vector<std::string>{"case", "l1", "relative_l1", "nrmse", "psnr_db", "ssim", "data_range"});
  CHECK(rows[1].fields.at(6) == "255");
  CHECK(rows[3].fields[0] == "a,b");
  std::vector<double> l1;
  for (std::size_t i = 1; i < rows.size(); ++i) l1.push_back(std::stod(rows[i].fields.at(1)));
  check(l1, result.l1.mean, result.l1.sd, result.l1.median);

  const auto summary = nlohmann::json::parse(io::read_file(out / "summary.json"));
  CHECK(summary.at("cases") == 3);
  CHECK(summary.at("left_out") == 0);
  CHECK(summary.at("split") == "test");
  CHECK(summary.at("norm_at_test") == "running");
  CHECK(summary.at("l1").at("mean") == result.l1.mean);
  CHECK(summary.at("psnr_db").at("sd") == result.psnr.sd);
  CHECK(summary.at("ssim").at("median") == result.ssim.median);
  CHECK(summary.at("nrmse").at("mean") == result.nrmse.mean);
  CHECK(summary.at("relative_l1").at("mean") == result.relative_l1.mean);
  CHECK(summary.at("data_range").at("median") == 255);
  CHECK(summary.at("fixed_pattern").is_null());
  const std::string hash = summary.at("weights_sha256");
  CHECK(hash == gan::read_checkpoint_info(bench.checkpoint).weights_sha256);
  const std::string page = io::read_file(result.report);
  CHECK(page.find(hash) != std::string::npos);
  CHECK(page.find("<td>a,b</td>") != std::string::npos);
}

TEST_CASE("write_evaluation: data of another kind is refused before anything is written") {
  const Bench bench;
  std::filesystem::remove_all(bench.folder / "data");
  bench.add("deep.png", io::SampleKind::u16);
  CHECK_THROWS_WITH_AS(bench.run(bench.folder / "report"),
                       doctest::Contains("the model was trained on 1 -> 1 (of 255)"), io::FileError);
  CHECK_FALSE(std::filesystem::exists(bench.folder / "report"));
}

TEST_CASE("display: counts dark on white by their root, up to the window; pictures from 0 to theirs") {
  io::Image counts(1, 4, 1, io::SampleKind::counts);
  counts.samples = {0, 25, 100, 400};
  CHECK(gan::display(counts, 100).samples == std::vector<float>{255, 127.5f, 0, 0});
  io::Image deep(1, 3, 1, io::SampleKind::u16);
  deep.samples = {0, 2000, 4000};
  CHECK(gan::display(deep, 4000).samples == std::vector<float>{0, 127.5f, 255});
}

TEST_CASE("display of a case: prediction and truth share the truth's window, which no hot spot decides") {
  gan::CaseResult r;
  r.input = r.truth = r.prediction = io::Image(1, 100, 1, io::SampleKind::counts);
  for (std::size_t i = 0; i < 100; ++i) {
    r.input.samples[i] = 30;
    r.truth.samples[i] = 100 + static_cast<float>(i);
    r.prediction.samples[i] = 396;
  }
  r.truth.samples[40] = 20000;
  const gan::CaseDisplay shown = gan::display(r);
  CHECK(shown.window == "0 to 396 counts");
  CHECK(shown.input_window == "0 to 30 counts");
  CHECK(shown.prediction.samples[0] == doctest::Approx(0).epsilon(1e-3));
  CHECK(shown.truth.samples[0] == doctest::Approx(255 * (1 - std::sqrt(100.0 / 396))));
  CHECK(shown.truth.samples[40] == 0);
}
