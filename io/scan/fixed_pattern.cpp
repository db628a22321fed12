#include "io/scan/fixed_pattern.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <stdexcept>

namespace uptake::io {
namespace {

constexpr std::size_t kLeastCases = 5;
constexpr std::int64_t kMargin = 6;  // pixels around the body that are no air: scatter, and what moved
constexpr std::int64_t kBorder =
    8;  // pixels of the image that are left out of the power: padding shows there
constexpr double kSmallerThanThis = 4;  // pixels, sigma: slower changes of the mean residual are no pattern
constexpr double kEmpty = 1e-3;         // of the smoothed weights: nothing near

struct Mean {
  double sum = 0, count = 0;
  void add(double value) { sum += value, count += 1; }
  double operator()() const { return count > 0 ? sum / count : 0; }
};

/// Values where the weight is not 0, without what changes slowly.
Field without_slow_changes(Field values, const Field& weight) {
  for (std::size_t i = 0; i < values.values.size(); ++i) values.values[i] *= weight.values[i];
  const Field near = smoothed(values, kSmallerThanThis), weight_near = smoothed(weight, kSmallerThanThis);
  for (std::size_t i = 0; i < values.values.size(); ++i)
    if (weight.values[i] > 0 && weight_near.values[i] > kEmpty)
      values.values[i] -= near.values[i] / weight_near.values[i];
  return values;
}

/// Sum of |F|^2 over the frequencies (a/period, b/period), a and b from 0 to period - 1, where F is the Fourier sum of
/// the field: by Parseval's theorem period^2 times the squares of the field folded onto one period.
double power_of_period(const Field& field, std::int64_t period) {
  Field folded(period, period);
  for (std::int64_t y = 0; y < field.height; ++y)
    for (std::int64_t x = 0; x < field.width; ++x) folded.at(y % period, x % period) += field.at(y, x);
  double squares = 0;
  for (const double v : folded.values) squares += v * v;
  return squares * static_cast<double>(period * period);
}

}  // namespace

bool FixedPattern::has_lattice() const {
  return std::ranges::any_of(power, [](double p) { return p > kLattice; });
}

std::string power_text(const FixedPattern& pattern) {
  std::string text;
  for (std::size_t i = 0; i < kLatticePeriods.size(); ++i) {
    char number[32];
    std::snprintf(number, sizeof number, pattern.power[i] < 100 ? "%.1f" : "%.0f", pattern.power[i]);
    text += (i > 0 ? ", " : "") + std::to_string(kLatticePeriods[i]) + ": " + number;
  }
  return text;
}

void FixedPatternSurvey::add(const Image& prediction, const Image& truth) {
  if (prediction.height != truth.height || prediction.width != truth.width ||
      prediction.channels != truth.channels)
    throw std::invalid_argument("fixed pattern: prediction and truth are of different shapes");
  const std::int64_t h = truth.height, w = truth.width;
  const std::vector<bool> body = grown(body_mask(truth), h, w, kMargin);
  if (std::ranges::find(body, false) == body.end()) return;
  const Field p = field_of(prediction), t = field_of(truth);
  Mean air;
  for (std::size_t i = 0; i < body.size(); ++i)
    if (!body[i]) air.add(t.values[i]);
  const double hot = 5 * air() + 5;

  Sums& s = by_size_[{h, w}];
  if (s.cases == 0) s.count = s.prediction = s.truth = s.residual_square = Field(h, w);
  ++s.cases;
  s.air_pixels += air.count;
  for (std::size_t i = 0; i < body.size(); ++i) {
    if (body[i]) continue;
    const double residual = p.values[i] - t.values[i];
    s.count.values[i] += 1;
    s.prediction.values[i] += p.values[i];
    s.truth.values[i] += t.values[i];
    s.residual_square.values[i] += residual * residual;
    s.prediction_hot += p.values[i] > hot;
    s.truth_hot += t.values[i] > hot;
  }
}

std::optional<FixedPattern> FixedPatternSurvey::result() const {
  const auto commonest = std::ranges::max_element(
      by_size_, [](const auto& a, const auto& b) { return a.second.cases < b.second.cases; });
  if (commonest == by_size_.end() || commonest->second.cases < kLeastCases) return std::nullopt;
  const Sums& s = commonest->second;
  const std::int64_t h = commonest->first.first, w = commonest->first.second;
  const auto cases = static_cast<double>(s.cases);

  FixedPattern result;
  result.cases = s.cases;
  result.prediction_hot = s.prediction_hot / cases;
  result.truth_hot = s.truth_hot / cases;
  Field residual(h, w), often(h, w);
  double largest = -HUGE_VAL, noise = 0;
  for (std::int64_t y = 0; y < h; ++y)
    for (std::int64_t x = 0; x < w; ++x) {
      const double n = s.count.at(y, x);
      result.prediction_mean += s.prediction.at(y, x) / s.air_pixels;
      result.truth_mean += s.truth.at(y, x) / s.air_pixels;
      if (n < std::max(cases / 2, 2.0)) continue;
      const double mean = (s.prediction.at(y, x) - s.truth.at(y, x)) / n;
      if (std::min({y, x, h - 1 - y, w - 1 - x}) >= kBorder) {
        residual.at(y, x) = mean;
        often.at(y, x) = 1;
        noise += std::max(s.residual_square.at(y, x) / n - mean * mean, 0.0) / (n - 1);
      }
      if (mean <= largest) continue;
      largest = mean;
      result.worst = {y, x, static_cast<std::size_t>(n), s.prediction.at(y, x) / n, s.truth.at(y, x) / n};
    }
  if (largest == -HUGE_VAL) return std::nullopt;  // nowhere is air in half of the cases

  const Field fine = without_slow_changes(residual, often);
  double half = power_of_period(fine, 1);
  for (std::size_t i = 0; i < kLatticePeriods.size(); ++i) {
    const std::int64_t period = kLatticePeriods[i];
    const double whole = power_of_period(fine, period);
    const auto frequencies = static_cast<double>(period * period) * 3 / 4;
    if (noise > 0) result.power[i] = std::max(whole - half, 0.0) / (frequencies * noise);
    half = whole;
  }
  return result;
}

}  // namespace uptake::io
