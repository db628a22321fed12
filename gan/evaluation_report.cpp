#include "gan/evaluation_report.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "io/base/csv.h"
#include "io/base/file.h"
#include "io/base/private_file.h"
#include "io/base/text.h"
#include "io/image/band.h"
#include "io/logs/csv_log.h"
#include "io/report/report.h"

namespace uptake::gan {
namespace {

namespace fs = std::filesystem;
using io::number_text;

constexpr std::size_t kPicturesInReport = 24;

// Of one image: with more, a report of large ones could hardly be opened.
constexpr std::int64_t kPixelsInReport = 100000;

struct Case {
  std::string name;
  ImageMetrics metrics;
};

io::Image for_page(const io::Image& image) {
  const std::int64_t pixels = image.height * image.width;
  if (pixels <= kPixelsInReport) return image;
  const double factor = std::sqrt(static_cast<double>(kPixelsInReport) / static_cast<double>(pixels));
  const auto reduced = [&](std::int64_t side) {
    return std::max<std::int64_t>(1,
                                  static_cast<std::int64_t>(std::floor(factor * static_cast<double>(side))));
  };
  return io::resize_bicubic(image, reduced(image.height), reduced(image.width));
}

void save_picture(const fs::path& path, const CaseResult& r, const io::PngTexts& texts) {
  io::Image picture = r.prediction;
  if (picture.kind == io::SampleKind::counts) picture.kind = io::SampleKind::u16;
  io::write_png(path, picture, texts);
}

Statistics statistics_of(const std::vector<Case>& cases, double ImageMetrics::*metric) {
  std::vector<double> values;
  for (const Case& c : cases) values.push_back(c.metrics.*metric);
  return statistics(values);
}

std::string digits(double v) {
  std::ostringstream text;
  text.precision(std::numeric_limits<double>::digits10);
  text << v;
  return text.str();
}

// Cases of patients are numbers in whatever may be passed on; other names are harmless.
bool hides_names(const io::PairDataset& data) {
  return data.form() == io::DatasetForm::cohort || data.kind() == io::SampleKind::counts;
}

std::string key_table(const io::PairDataset& data) {
  std::string text = io::csv_row({"case", "patient", "a", "b"});
  for (std::size_t i = 0; i < data.size(); ++i) {
    const io::PairEntry& entry = data.entry(i);
    text += io::csv_row({std::to_string(i + 1), entry.name, entry.a.string(), entry.b.string()});
  }
  return text;
}

std::string notice_of(const CheckpointInfo& info) {
  return info.output.kind == io::SampleKind::counts ? "Synthetic: predicted images were not acquired from a "
                                                      "patient. For research, not for diagnosis."
                                                    : "Synthetic: predicted images were made by a model.";
}

std::string metrics_table(const std::vector<Case>& cases) {
  std::string text = io::csv_row({"case", "l1", "relative_l1", "nrmse", "psnr_db", "ssim", "data_range"});
  for (const auto& [name, m] : cases)
    text += io::csv_row({name, digits(m.l1), digits(m.relative_l1), digits(m.nrmse), digits(m.psnr),
                         digits(m.ssim), digits(m.data_range)});
  return text;
}

nlohmann::json json_of(const Statistics& s) { return {{"mean", s.mean}, {"sd", s.sd}, {"median", s.median}}; }

nlohmann::json json_of(const std::optional<io::FixedPattern>& pattern) {
  if (!pattern) return nullptr;
  nlohmann::json power;
  for (std::size_t i = 0; i < io::kLatticePeriods.size(); ++i)
    power[std::to_string(io::kLatticePeriods[i])] = pattern->power[i];
  const auto& worst = pattern->worst;
  return {{"cases", pattern->cases},
          {"air_mean", {{"prediction", pattern->prediction_mean}, {"truth", pattern->truth_mean}}},
          {"hot_pixels_an_image", {{"prediction", pattern->prediction_hot}, {"truth", pattern->truth_hot}}},
          {"worst_pixel",
           {{"row", worst.row},
            {"column", worst.column},
            {"cases", worst.cases},
            {"prediction", worst.prediction_mean},
            {"truth", worst.truth_mean}}},
          {"power_at_period", power},
          {"lattice", pattern->has_lattice()}};
}

const char* range_words(io::SampleKind kind) {
  return kind == io::SampleKind::u8 ? "255"
                                    : "of each true image: its largest sample, or twice the 98 % quantile of "
                                      "its body if that is less";
}

void describe_air(io::Report& report, const io::FixedPattern& p) {
  report.section("Outside the body");
  report.paragraph(
      "What the predictions hold in the air, more than 6 pixels outside of the body, over " +
      std::to_string(p.cases) +
      " cases. Hot: above five times the mean of the true air, plus five counts. Worst fixed pixel: "
      "where prediction - truth is largest in the mean over the cases. Power: of that mean at the "
      "periods of up-sampling lattices, over the power that noise of this size gives; about 1 without "
      "a pattern" +
      std::string(p.has_lattice() ? ". These predictions have a fixed pattern." : "."));
  const auto& w = p.worst;
  report.table({"",
                {"", "prediction", "truth"},
                {{"counts a pixel", number_text(p.prediction_mean), number_text(p.truth_mean)},
                 {"hot pixels an image", number_text(p.prediction_hot), number_text(p.truth_hot)},
                 {"worst fixed pixel, row " + std::to_string(w.row) + ", column " + std::to_string(w.column),
                  number_text(w.prediction_mean), number_text(w.truth_mean)},
                 {"power at period", io::power_text(p), ""}}});
}

std::vector<io::Chart> loss_charts(const fs::path& run) {
  std::vector<io::Chart> charts;
  const auto add_from = [&](const char* file, const char* title, const char* x,
                            const std::vector<std::string>& columns,
                            const std::vector<io::ChartReference>& references) {
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
  // A run that goes on, or was ended by a power cut, may have a torn log: no reason to have no report.
  const auto add = [&](const char* file, const char* title, const char* x,
                       const std::vector<std::string>& columns,
                       const std::vector<io::ChartReference>& references = {}) {
    try {
      add_from(file, title, x, columns, references);
    } catch (const io::FileError&) {
    }
  };
  add("losses.csv", "Generator: weighted L1", "step", {"G_L1"});
  add("losses.csv", "Adversarial losses", "step", {"G_GAN", "D_real", "D_fake"}, {{"log 2", std::log(2.0)}});
  add("validation.csv", "Validation L1", "epoch", {"L1"});
  add("validation.csv", "Validation SSIM", "epoch", {"SSIM"});
  return charts;
}

std::string unit_of(io::SampleKind kind) {
  if (kind == io::SampleKind::counts) return "counts";
  return kind == io::SampleKind::u8 ? "of 255" : "of 65535";
}

void require_fitting(const io::PairDataset& data, const CheckpointInfo& info, const fs::path& folder) {
  const bool a_to_b = info.config.direction == Direction::a_to_b;
  const std::int64_t in = a_to_b ? data.a_channels() : data.b_channels();
  const std::int64_t out = a_to_b ? data.b_channels() : data.a_channels();
  if (in != info.config.input_channels || out != info.config.output_channels ||
      data.kind() != info.input.kind)
    throw io::FileError(folder, "its images have " + std::to_string(in) + " -> " + std::to_string(out) +
                                    " channels (" + unit_of(data.kind()) + "), the model was trained on " +
                                    std::to_string(info.config.input_channels) + " -> " +
                                    std::to_string(info.config.output_channels) + " (" +
                                    unit_of(info.input.kind) + ")");
}

io::Report report_of(const CheckpointInfo& info, const EvaluationNames& names, const EvaluationResult& result,
                     const std::vector<Case>& cases, const std::vector<io::ImageRow>& pictures,
                     std::size_t left_out) {
  const bool counts = info.output.kind == io::SampleKind::counts;
  io::Report report("Evaluation of " + names.checkpoint.filename().string());
  report.notice(notice_of(info));
  report.paragraph(
      "The model of step " + std::to_string(info.progress.step) + " on the " + names.split +
      " split: " + std::to_string(cases.size()) + " pairs" +
      (left_out == 0 ? "." : ", " + std::to_string(left_out) + " files left out.") +
      (counts ? " Images are shown on a square-root scale, dark where counts are high, up to a level "
                "of the true image that its prediction shares."
              : ""));
  report.figures({{"L1 (" + result.unit + ")", number_text(result.l1.mean)},
                  {"L1 / truth", number_text(result.relative_l1.mean)},
                  {"NRMSE", number_text(result.nrmse.mean)},
                  {"PSNR (dB)", number_text(result.psnr.mean)},
                  {"SSIM", number_text(result.ssim.mean)},
                  {"cases", std::to_string(cases.size())}});
  report.paragraph(
      std::string("Data range of PSNR and SSIM: ") + range_words(info.output.kind) +
      (info.output.kind == io::SampleKind::u8 ? "."
                                              : "; median " + number_text(result.data_range.median) + ".") +
      " L1 / truth: the sum of absolute errors over the sum of the truth. NRMSE: the root of the sum "
      "of squared errors over that of squares of the truth.");
  if (names.outside > 0)
    report.paragraph(std::to_string(names.outside) +
                     " of these pairs are not like those the model was trained on; they were judged because "
                     "it was asked for.");
  report.section("Input, prediction, truth");
  report.paragraph(std::to_string(pictures.size()) + " of " + std::to_string(cases.size()) +
                   " cases are shown. Images of more than " + std::to_string(kPixelsInReport) +
                   " pixels are reduced to that number; the figures are of the whole images.");
  report.images(pictures);
  if (result.fixed_pattern) describe_air(report, *result.fixed_pattern);
  if (const auto charts = loss_charts(names.checkpoint.parent_path()); !charts.empty()) {
    report.section("Training");
    report.charts(charts);
  }
  report.section("Every case");
  io::ReportTable table{"", {"case", "L1", "L1 / truth", "NRMSE", "PSNR (dB)", "SSIM", "data range"}, {}};
  for (const auto& [name, m] : cases)
    table.rows.push_back({name, number_text(m.l1), number_text(m.relative_l1), number_text(m.nrmse),
                          number_text(m.psnr), number_text(m.ssim), number_text(m.data_range)});
  report.table(table);
  report.section("Configuration");
  io::Report::Pairs configuration{{"weights (SHA-256)", info.weights_sha256}};
  const nlohmann::json config = info.config;
  for (const auto& [key, value] : config.items())
    configuration.emplace_back(key, value.is_string() ? value.get<std::string>() : value.dump());
  report.configuration(configuration);
  return report;
}

}  // namespace

EvaluationResult write_evaluation(LoadedGenerator& model, const io::PairDataset& data,
                                  nn::StatisticsFrom statistics, const EvaluationNames& names,
                                  const fs::path& out, const EvaluationOptions& options) {
  const CheckpointInfo& info = model.info;
  require_fitting(data, info, names.data);
  const fs::path images = out / "images";
  io::ensure_writable_folder(options.save_images ? images : out);

  std::vector<Case> cases;
  std::vector<io::ImageRow> pictures;
  const std::size_t every = (data.size() + kPicturesInReport - 1) / kPicturesInReport;
  const bool hidden = hides_names(data);
  const auto on_case = [&](const CaseResult& r) {
    const std::string name = hidden ? std::to_string(cases.size() + 1) : r.name;
    const std::string label = (hidden ? "case " : "") + name;
    if (options.save_images)
      save_picture(images / ((hidden ? "case_" : "") + name + ".png"), r, options.image_texts);
    if (options.stop != nullptr && *options.stop)
      throw io::Interrupted("stopped after " + std::to_string(cases.size()) + " of " +
                            std::to_string(data.size()) + " pairs; no report is written");
    if (cases.size() % every == 0) {
      const CaseDisplay shown = display(r);
      pictures.push_back({label,
                          {{for_page(shown.input), "input (" + shown.input_window + ")"},
                           {for_page(shown.prediction), "prediction (" + shown.window + ")"},
                           {for_page(shown.truth), "truth (" + shown.window + ")"}}});
    }
    cases.push_back({name, r.metrics});
  };
  const Summary judged =
      evaluate(*model.network, data, info.config, info.input, info.output, statistics, on_case);

  if (info.output.kind == io::SampleKind::counts)  // of patients: the pixels say which one was not acquired
    for (io::ImageRow& row : pictures)
      row.images[1].image = io::with_band(row.images[1].image, {{"", "SYNTHETIC", ""}});

  const EvaluationResult result{cases.size(),
                                statistics_of(cases, &ImageMetrics::l1),
                                statistics_of(cases, &ImageMetrics::relative_l1),
                                statistics_of(cases, &ImageMetrics::nrmse),
                                statistics_of(cases, &ImageMetrics::psnr),
                                statistics_of(cases, &ImageMetrics::ssim),
                                statistics_of(cases, &ImageMetrics::data_range),
                                unit_of(info.output.kind),
                                judged.fixed_pattern,
                                out / "report.html"};
  const nlohmann::json summary = {
      {"model", names.checkpoint.string()},
      {"weights_sha256", info.weights_sha256},
      {"data", names.data.string()},
      {"split", names.split},
      {"cases", result.cases},
      {"left_out", data.problems().size()},
      {"outside_training", names.outside},
      {"norm_at_test", statistics == nn::StatisticsFrom::batch ? "batch" : "running"},
      {"data_range", json_of(result.data_range)},
      {"data_range_is", range_words(info.output.kind)},
      {"l1", json_of(result.l1)},
      {"relative_l1", json_of(result.relative_l1)},
      {"nrmse", json_of(result.nrmse)},
      {"psnr_db", json_of(result.psnr)},
      {"ssim", json_of(result.ssim)},
      {"fixed_pattern", json_of(result.fixed_pattern)}};
  if (hidden) io::write_private_file(out / "key.csv", key_table(data));
  io::write_file_atomically(out / "metrics.csv", metrics_table(cases));
  io::write_file_atomically(out / "summary.json",
                            summary.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  report_of(info, names, result, cases, pictures, data.problems().size()).write(result.report);
  return result;
}

}  // namespace uptake::gan
