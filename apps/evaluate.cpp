#include <algorithm>
#include <cmath>
#include <iostream>
#include <limits>
#include <nlohmann/json.hpp>

#include "apps/cli.h"
#include "gan/evaluation.h"
#include "io/base/csv.h"
#include "io/base/file.h"
#include "io/base/text.h"
#include "io/logs/csv_log.h"
#include "io/report/report.h"

namespace uptake::apps {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPicturesInReport = 24;

struct Scores {
  std::vector<std::string> names;
  std::vector<double> l1, psnr, ssim;
};

struct Statistics {
  double mean = 0, sd = 0, median = 0;
};

// Over the finite values, for PSNR is infinite where prediction and truth are equal; infinite if all are.
Statistics statistics(std::vector<double> values) {
  std::erase_if(values, [](double v) { return !std::isfinite(v); });
  Statistics s;
  if (values.empty()) return {HUGE_VAL, 0, HUGE_VAL};
  const auto count = static_cast<double>(values.size());
  for (const double v : values) s.mean += v / count;
  for (const double v : values) s.sd += (v - s.mean) * (v - s.mean);
  s.sd = values.size() > 1 ? std::sqrt(s.sd / (count - 1)) : 0;
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  s.median = values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return s;
}

std::string number(double v) { return std::isfinite(v) ? io::number_text(v) : "inf"; }

std::string digits(double v) {
  std::ostringstream text;
  text.precision(std::numeric_limits<double>::digits10);
  text << v;
  return text.str();
}

std::string csv(const Scores& s) {
  std::string text = io::csv_row({"case", "l1", "psnr_db", "ssim"});
  for (std::size_t i = 0; i < s.names.size(); ++i)
    text += io::csv_row({s.names[i], digits(s.l1[i]), digits(s.psnr[i]), digits(s.ssim[i])});
  return text;
}

nlohmann::json json_of(const Statistics& s) { return {{"mean", s.mean}, {"sd", s.sd}, {"median", s.median}}; }

std::vector<io::Chart> loss_charts(const fs::path& run) {
  std::vector<io::Chart> charts;
  const auto add = [&](const char* file, const char* title, const char* x,
                       const std::vector<std::string>& columns,
                       const std::vector<io::ChartReference>& references = {}) {
    if (!fs::exists(run / file)) return;
    const io::CsvTable table = io::read_csv_log(run / file);
    io::Chart chart;
    chart.title = title;
    chart.x_label = x;
    chart.references = references;
    for (const auto& column : columns) {
      const auto found = std::ranges::find(table.columns, column);
      if (found == table.columns.end()) continue;
      chart.series.push_back({column,
                              {table.steps.begin(), table.steps.end()},
                              table.values[static_cast<std::size_t>(found - table.columns.begin())]});
    }
    if (!chart.series.empty() && !table.steps.empty()) charts.push_back(chart);
  };
  add("losses.csv", "Generator: weighted L1", "step", {"G_L1"});
  add("losses.csv", "Adversarial losses", "step", {"G_GAN", "D_real", "D_fake"}, {{"log 2", std::log(2.0)}});
  add("validation.csv", "Validation L1", "epoch", {"L1"});
  add("validation.csv", "Validation SSIM", "epoch", {"SSIM"});
  return charts;
}

std::string unit_of(const gan::Intensity& intensity) {
  if (intensity.kind == io::SampleKind::counts) return "counts";
  return intensity.kind == io::SampleKind::u8 ? "of 255" : "of 65535";
}

// The data must be what the model was trained on.
void require_fitting(const io::PairDataset& data, const gan::CheckpointInfo& info, const fs::path& path) {
  const bool a_to_b = info.config.direction == gan::Direction::a_to_b;
  const std::int64_t in = a_to_b ? data.a_channels() : data.b_channels();
  const std::int64_t out = a_to_b ? data.b_channels() : data.a_channels();
  if (in != info.config.input_channels || out != info.config.output_channels ||
      data.kind() != info.input.kind)
    throw io::FileError(path, "its images have " + std::to_string(in) + " -> " + std::to_string(out) +
                                  " channels (" + unit_of({data.kind(), 1}) + "), the model was trained on " +
                                  std::to_string(info.config.input_channels) + " -> " +
                                  std::to_string(info.config.output_channels) + " (" + unit_of(info.input) +
                                  ")");
}

struct Request {
  fs::path checkpoint, data, out;
  std::string split = "test";
  std::optional<gan::NormAtTest> norm;
  std::int64_t threads = 0;
  std::string device = "auto";
  bool skip_bad = false;
};

Options declare(Request& r) {
  Options options(
      {.name = "evaluate",
       .synopsis = "uptake evaluate --model CKPT --data DIR --out DIR [OPTION]...",
       .summary = "judge a trained model on a split and write a report",
       .description =
           "Translates every pair of the split and compares prediction and truth: L1 in the units of the "
           "files (gray levels or counts), PSNR in dB and SSIM (Gaussian window 11x11, sigma 1.5), both for "
           "the data range of the model (255, 65535, or the largest training count). Writes metrics.csv "
           "(each case), summary.json (mean, sd, median) and report.html: one self-contained file with "
           "figures, the loss curves of the run the checkpoint lies in, and input, prediction and truth "
           "side by side. A model that was trained on resized images (--load-size) is judged at that size.",
       .example =
           "  uptake evaluate --model run/best.safetensors --data cohort --split test --out report\n"});
  options.add_path("model", r.checkpoint, "checkpoint of uptake train (required)");
  options.add_path("data", r.data, "folder of the data set (required)");
  options.add("split", r.split, "which part of the data set", {"train", "val", "test"});
  options.add_path("out", r.out, "folder for the results (required)");
  options.add("norm-at-test", r.norm,
              "statistics of batch normalisation (see uptake train); default: as trained");
  add_machine(options, r.device, r.threads);
  options.add_flag("skip-bad", r.skip_bad, "leave bad files out instead of refusing to start");
  return options;
}

}  // namespace

ManPage evaluate_page() {
  Request request;
  return declare(request).page();
}

int evaluate(Arguments arguments) {
  Request request;
  if (!declare(request).parse(arguments)) return kExitOk;
  const auto& [checkpoint, data_path, out, split, norm, threads, device, skip_bad] = request;
  if (checkpoint.empty()) throw UsageError("--model is missing: a checkpoint of uptake train");
  if (data_path.empty()) throw UsageError("--data is missing: the folder of the data set");
  if (out.empty()) throw UsageError("--out is missing: the folder for the results");

  use_threads(threads);
  gan::LoadedGenerator model = gan::load_generator(checkpoint, machine_for(device));
  const gan::CheckpointInfo& info = model.info;
  const nn::StatisticsFrom statistics_from =
      gan::statistics_at_test(norm.value_or(info.config.norm_at_test), info.config);
  io::PairDataset data(data_path, split, {skip_bad, 0});
  data.verify(2);
  for (const auto& problem : data.problems())
    std::cerr << "left out: " << problem.file << ": " << problem.reason << "\n";
  require_fitting(data, info, data_path);
  io::ensure_writable_folder(out);

  Scores scores;
  std::vector<io::ImageRow> rows;
  const std::size_t every = (data.size() + kPicturesInReport - 1) / kPicturesInReport;
  const auto on_case = [&](const gan::CaseResult& r) {
    if (scores.names.size() % every == 0)
      rows.push_back({r.name,
                      {{gan::display(r.input, info.input), "input"},
                       {gan::display(r.prediction, info.output), "prediction"},
                       {gan::display(r.truth, info.output), "truth"}}});
    scores.names.push_back(r.name);
    scores.l1.push_back(r.metrics.l1);
    scores.psnr.push_back(r.metrics.psnr);
    scores.ssim.push_back(r.metrics.ssim);
  };
  gan::evaluate(*model.network, data, info.config, info.input, info.output, statistics_from, on_case);

  const Statistics l1 = statistics(scores.l1), psnr = statistics(scores.psnr), ssim = statistics(scores.ssim);
  const nlohmann::json summary = {
      {"model", checkpoint.string()},
      {"weights_sha256", info.weights_sha256},
      {"data", data_path.string()},
      {"split", split},
      {"cases", scores.names.size()},
      {"left_out", data.problems().size()},
      {"norm_at_test", statistics_from == nn::StatisticsFrom::batch ? "batch" : "running"},
      {"data_range", info.output.scale},
      {"l1", json_of(l1)},
      {"psnr_db", json_of(psnr)},
      {"ssim", json_of(ssim)}};
  io::write_file_atomically(out / "metrics.csv", csv(scores));
  io::write_file_atomically(out / "summary.json", summary.dump(2) + "\n");

  const bool counts = info.output.kind == io::SampleKind::counts;
  io::Report report("Evaluation of " + checkpoint.filename().string());
  report.paragraph(
      "The model of step " + std::to_string(info.progress.step) + " on the " + split +
      " split: " + std::to_string(scores.names.size()) + " pairs" +
      (data.problems().empty() ? "." : ", " + std::to_string(data.problems().size()) + " files left out.") +
      (counts ? " Images are shown on a square-root scale, dark where counts are high." : ""));
  report.figures({{"L1 (" + unit_of(info.output) + ")", number(l1.mean)},
                  {"PSNR (dB)", number(psnr.mean)},
                  {"SSIM", number(ssim.mean)},
                  {"cases", std::to_string(scores.names.size())}});
  report.section("Input, prediction, truth");
  report.images(rows);
  if (const auto charts = loss_charts(checkpoint.parent_path()); !charts.empty()) {
    report.section("Training");
    report.charts(charts);
  }
  report.section("Every case");
  io::ReportTable table{"", {"case", "L1", "PSNR (dB)", "SSIM"}, {}};
  for (std::size_t i = 0; i < scores.names.size(); ++i)
    table.rows.push_back(
        {scores.names[i], number(scores.l1[i]), number(scores.psnr[i]), number(scores.ssim[i])});
  report.table(table);
  report.section("Configuration");
  io::Report::Pairs configuration{{"weights (SHA-256)", info.weights_sha256}};
  const nlohmann::json config = info.config;
  for (const auto& [key, value] : config.items())
    configuration.emplace_back(key, value.is_string() ? value.get<std::string>() : value.dump());
  report.configuration(configuration);
  report.write(out / "report.html");

  std::cout << "cases  " << scores.names.size() << "\n"
            << "L1     " << number(l1.mean) << " " << unit_of(info.output) << " (sd " << number(l1.sd)
            << ")\n"
            << "PSNR   " << number(psnr.mean) << " dB (sd " << number(psnr.sd) << ")\n"
            << "SSIM   " << number(ssim.mean) << " (sd " << number(ssim.sd) << ")\n"
            << "report " << (out / "report.html").string() << "\n";
  return kExitOk;
}

}  // namespace uptake::apps
