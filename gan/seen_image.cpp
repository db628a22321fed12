#include "gan/seen_image.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

namespace uptake::gan {
namespace {

/// Equal samples together, the largest first.
struct Level {
  double value = 0;
  std::size_t count = 0;
};

// Pictures hold few different values, which are counted; counts may be any number, and are sorted.
std::vector<Level> levels_of(const io::Image& image, const std::vector<float>& samples) {
  std::vector<Level> levels;
  if (image.kind == io::SampleKind::counts) {
    std::vector<float> sorted = samples;
    std::ranges::sort(sorted, std::greater<>());
    for (const float sample : sorted) {
      if (levels.empty() || levels.back().value != sample) levels.push_back({sample, 0});
      ++levels.back().count;
    }
    return levels;
  }
  std::vector<std::size_t> counts(65536);
  for (const float sample : samples) ++counts[static_cast<std::size_t>(std::min(sample, 65535.0F))];
  for (std::size_t value = counts.size(); value-- > 0;)
    if (counts[value] > 0) levels.push_back({static_cast<double>(value), counts[value]});
  return levels;
}

std::optional<double> stated(double value) { return value > 0 ? std::optional<double>(value) : std::nullopt; }

}  // namespace

SeenImage seen_image(const io::ImageFacts& facts, const PixelSummary& pixels) {
  SeenImage seen;
  seen.height = facts.height;
  seen.width = facts.width;
  seen.channels = facts.channels;
  seen.kind = facts.kind;
  seen.pixels = pixels;
  seen.row_spacing_mm = stated(facts.row_spacing_mm);
  seen.column_spacing_mm = stated(facts.column_spacing_mm);
  seen.minutes = facts.minutes_after_injection;
  if (facts.frame_duration_ms > 0) seen.duration_s = facts.frame_duration_ms / 1000;
  seen.body_part = facts.body_part;
  if (facts.view != io::View::unknown) seen.view = io::to_string(facts.view);
  seen.view_assumed = facts.view_assumed;
  seen.radiopharmaceutical = facts.radiopharmaceutical;
  if (!facts.window.name.empty() || facts.window.upper_kev > 0) seen.window = facts.window;
  seen.acquisition = facts.acquisition_kind;
  seen.derived = facts.derived;
  seen.synthetic = facts.synthetic;
  return seen;
}

PixelSummary summarize(const io::Image& image) {
  PixelSummary summary;
  if (image.samples.empty()) return summary;
  std::vector<float> samples = image.samples;
  double sum = 0;
  for (float& sample : samples) {
    summary.constant &= sample == image.samples[0];
    summary.finite &= std::isfinite(sample);
    sample = std::isfinite(sample) ? std::max(sample, 0.0F) : 0.0F;
    sum += sample;
  }
  const auto all = static_cast<double>(samples.size());
  summary.mean = sum / all;
  std::size_t seen = 0;
  double held = 0, holding = 0;
  for (const Level& level : levels_of(image, samples)) {
    if (seen == 0) summary.largest = level.value;
    if (seen <= samples.size() / 100) summary.quantile99 = level.value;
    seen += level.count;
    if (held >= 0.9 * sum || level.value <= 0) continue;
    const double whole = level.value * static_cast<double>(level.count);
    const double needed = std::min(0.9 * sum - held, whole);
    holding += std::ceil(needed / level.value);
    held += needed;
  }
  summary.extent = holding / all;
  return summary;
}

}  // namespace uptake::gan
