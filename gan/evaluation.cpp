#include "gan/evaluation.h"

#include <algorithm>
#include <cmath>

#include "io/image/montage.h"

namespace uptake::gan {

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
  std::size_t finite = 0;
  while (const auto pair = loader.next()) {
    const Example example = oriented(*pair, config);
    CaseResult result;
    result.name = pair->name;
    result.input = example.input;
    result.truth = example.target;
    result.prediction = translate(generator, example.input, input, output, statistics);
    result.metrics = compare(result.prediction, result.truth, output.scale);
    ++summary.cases;
    summary.mean.l1 += result.metrics.l1;
    summary.mean.ssim += result.metrics.ssim;
    if (std::isfinite(result.metrics.psnr)) {
      summary.mean.psnr += result.metrics.psnr;
      ++finite;
    }
    if (on_case) on_case(result);
  }
  const auto cases = static_cast<double>(std::max<std::size_t>(summary.cases, 1));
  summary.mean.l1 /= cases;
  summary.mean.ssim /= cases;
  summary.mean.psnr = finite > 0 ? summary.mean.psnr / static_cast<double>(finite) : HUGE_VAL;
  return summary;
}

io::Image display(const io::Image& image, const Intensity& intensity) {
  const nn::Tensor seen = to_network(image, intensity);
  io::Image levels(image.height, image.width, image.channels, image.kind);
  std::copy_n(seen.data<float>(), seen.size(), levels.samples.begin());
  // Counts are shown dark on white, as bone scans are.
  return intensity.kind == io::SampleKind::counts ? io::to_display(levels, 1, -1)
                                                  : io::to_display(levels, -1, 1);
}

}  // namespace uptake::gan
