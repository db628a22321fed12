#include "io/image/body.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace uptake::io {
namespace {

constexpr double kSmoothing = 2;  // pixels
constexpr double kLevel = 0.98;
constexpr double kOrdinary = 0.95;
constexpr double kAirIsBelow = 0.25;  // of the mean of the body
constexpr std::size_t kBins = 256;

std::vector<double> gaussian(double sigma) {
  const auto radius = static_cast<std::int64_t>(std::ceil(3 * sigma));
  std::vector<double> weights;
  double total = 0;
  for (std::int64_t i = -radius; i <= radius; ++i)
    total += weights.emplace_back(std::exp(-static_cast<double>(i * i) / (2 * sigma * sigma)));
  for (double& weight : weights) weight /= total;
  return weights;
}

/// Values above it and below it differ most between, least within the two groups.
double otsu_threshold(const std::vector<double>& values) {
  const auto [lowest, highest] = std::ranges::minmax(values);
  if (lowest == highest) return lowest;
  std::array<double, kBins> counts{}, sums{};
  for (const double v : values) {
    const double place = (v - lowest) / (highest - lowest) * kBins;
    const auto bin = std::min(static_cast<std::size_t>(place), kBins - 1);
    counts[bin] += 1;
    sums[bin] += v;
  }
  double all = 0, all_sum = 0, below = 0, below_sum = 0, best = -1, threshold = lowest;
  for (std::size_t b = 0; b < kBins; ++b) all += counts[b], all_sum += sums[b];
  for (std::size_t b = 0; b + 1 < kBins; ++b) {
    below += counts[b];
    below_sum += sums[b];
    if (below == 0 || below == all) continue;
    const double difference = below_sum / below - (all_sum - below_sum) / (all - below);
    const double between = below * (all - below) * difference * difference;
    if (between <= best) continue;
    best = between;
    threshold = lowest + (highest - lowest) * static_cast<double>(b + 1) / kBins;
  }
  return threshold;
}

double largest_sample(const Image& image) {
  return image.samples.empty() ? 0 : std::max(0.0f, *std::ranges::max_element(image.samples));
}

}  // namespace

Field field_of(const Image& image) {
  Field field(image.height, image.width);
  for (std::int64_t y = 0; y < image.height; ++y)
    for (std::int64_t x = 0; x < image.width; ++x)
      for (std::int64_t c = 0; c < image.channels; ++c) field.at(y, x) += image.at(y, x, c);
  return field;
}

Field smoothed(const Field& field, double sigma) {
  const std::vector<double> weights = gaussian(sigma);
  const auto radius = static_cast<std::int64_t>(weights.size() / 2);
  const auto pass = [&](const Field& from, std::int64_t dy, std::int64_t dx) {
    Field to(from.height, from.width);
    for (std::int64_t y = 0; y < from.height; ++y)
      for (std::int64_t x = 0; x < from.width; ++x)
        for (std::int64_t i = -radius; i <= radius; ++i)
          to.at(y, x) += weights[static_cast<std::size_t>(i + radius)] *
                         from.at(std::clamp<std::int64_t>(y + i * dy, 0, from.height - 1),
                                 std::clamp<std::int64_t>(x + i * dx, 0, from.width - 1));
    return to;
  };
  return pass(pass(field, 0, 1), 1, 0);
}

std::vector<bool> body_mask(const Image& image) {
  Field counts = field_of(image);
  const std::size_t pixels = counts.values.size();
  std::vector<bool> mask(pixels, true);
  if (pixels == 0) return mask;
  // The hottest twentieth is cut down, lest a hot spot be a body of its own, or shine far into the air when smoothed.
  std::vector<double> sorted = counts.values;
  const auto rank = static_cast<std::ptrdiff_t>(kOrdinary * static_cast<double>(pixels - 1));
  std::ranges::nth_element(sorted, sorted.begin() + rank);
  for (double& v : counts.values) v = std::min(v, sorted[static_cast<std::size_t>(rank)]);
  counts = smoothed(counts, kSmoothing);
  std::vector<double> logs;
  for (const double v : counts.values) logs.push_back(std::log1p(std::max(v, 0.0)));
  const double threshold = otsu_threshold(logs);
  double air = 0, body = 0, air_sum = 0, body_sum = 0;
  for (std::size_t i = 0; i < pixels; ++i) {
    mask[i] = logs[i] > threshold;
    (mask[i] ? body : air) += 1;
    (mask[i] ? body_sum : air_sum) += counts.values[i];
  }
  if (air == 0 || body == 0 || air_sum / air > kAirIsBelow * body_sum / body) mask.assign(pixels, true);
  return mask;
}

std::vector<bool> grown(const std::vector<bool>& mask, std::int64_t height, std::int64_t width,
                        std::int64_t pixels) {
  std::vector<bool> result(mask.size());
  const auto place = [&](std::int64_t y, std::int64_t x) { return static_cast<std::size_t>(y * width + x); };
  std::vector<bool> wide(mask.size());
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x)
      for (std::int64_t i = std::max<std::int64_t>(x - pixels, 0); i <= std::min(x + pixels, width - 1); ++i)
        if (mask[place(y, i)]) wide[place(y, x)] = true;
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x)
      for (std::int64_t i = std::max<std::int64_t>(y - pixels, 0); i <= std::min(y + pixels, height - 1); ++i)
        if (wide[place(i, x)]) result[place(y, x)] = true;
  return result;
}

double body_quantile(const Image& image, double q) {
  const std::vector<bool> mask = body_mask(image);
  std::vector<float> samples;
  for (std::size_t i = 0; i < image.samples.size(); ++i)
    if (mask[i / static_cast<std::size_t>(image.channels)]) samples.push_back(image.samples[i]);
  if (samples.empty()) return 0;
  const auto last = static_cast<double>(samples.size() - 1);
  const auto rank = static_cast<std::ptrdiff_t>(std::lround(std::clamp(q, 0.0, 1.0) * last));
  std::ranges::nth_element(samples, samples.begin() + rank);
  return samples[static_cast<std::size_t>(rank)];
}

double body_level(const Image& image) {
  const double level = body_quantile(image, kLevel);
  return level > 0 ? level : largest_sample(image);
}

double upper_level(const Image& image) { return std::min(2 * body_level(image), largest_sample(image)); }

}  // namespace uptake::io
