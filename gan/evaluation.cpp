#include "gan/evaluation.h"

#include <algorithm>
#include <cmath>

#include "io/base/text.h"
#include "io/image/montage.h"

namespace uptake::gan {
namespace {

/// Over the finite ones; infinite without any.
double mean_of(const std::vector<ImageMetrics>& all, double ImageMetrics::*metric) {
  double sum = 0, count = 0;
  for (const ImageMetrics& m : all)
    if (std::isfinite(m.*metric)) sum += m.*metric, count += 1;
  return count > 0 ? sum / count : HUGE_VAL;
}

}  // namespace

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

Summary evaluate(Network& generator, const io::PairDataset& data, const TrainConfig& config,
                 const Intensity& input, const Intensity& output, nn::StatisticsFrom statistics,
                 const std::function<void(const CaseResult&)>& on_case, std::size_t count) {
  std::vector<io::Draw> draws(std::min(count, data.size()));
  for (std::size_t i = 0; i < draws.size(); ++i) draws[i].index = i;
  io::PairLoader loader(data, test_preparation(config), draws, 1, 4);
  Summary summary;
  std::vector<ImageMetrics> metrics;
  io::FixedPatternSurvey survey;
  while (const auto pair = loader.next()) {
    const Example example = oriented(*pair, config);
    CaseResult result;
    result.name = pair->name;
    result.input = example.input;
    result.truth = example.target;
    result.prediction = translate(generator, example.input, input, output, statistics);
    result.metrics = compare(result.prediction, result.truth, data_range_of(result.truth));
    metrics.push_back(result.metrics);
    if (output.kind == io::SampleKind::counts) survey.add(result.prediction, result.truth);
    if (on_case) on_case(result);
  }
  summary.cases = metrics.size();
  for (const auto metric : {&ImageMetrics::l1, &ImageMetrics::relative_l1, &ImageMetrics::nrmse,
                            &ImageMetrics::psnr, &ImageMetrics::ssim, &ImageMetrics::data_range})
    summary.mean.*metric = mean_of(metrics, metric);
  summary.fixed_pattern = survey.result();
  return summary;
}

io::Image display(const io::Image& image, double window) {
  if (image.kind != io::SampleKind::counts) return io::to_display(image, 0, static_cast<float>(window));
  io::Image roots = image;
  for (float& x : roots.samples) x = std::sqrt(std::max(x, 0.0f));
  return io::to_display(roots, std::sqrt(static_cast<float>(window)), 0);
}

CaseDisplay display(const CaseResult& r) {
  const auto words = [](const io::Image& image, double window) {
    return "0 to " + io::number_text(window) + (image.kind == io::SampleKind::counts ? " counts" : "");
  };
  const double input = data_range_of(r.input), window = data_range_of(r.truth);
  return {display(r.input, input), display(r.prediction, window), display(r.truth, window),
          words(r.input, input), words(r.truth, window)};
}

}  // namespace uptake::gan
