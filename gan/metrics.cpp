#include "gan/metrics.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "io/image/body.h"

namespace uptake::gan {
namespace {

// One channel, or a product of two, as doubles [h,w].
struct Plane {
  std::int64_t h, w;
  std::vector<double> values;
  Plane(std::int64_t height, std::int64_t width)
      : h(height), w(width), values(static_cast<std::size_t>(height * width)) {}
  double& at(std::int64_t y, std::int64_t x) { return values[static_cast<std::size_t>(y * w + x)]; }
  double at(std::int64_t y, std::int64_t x) const { return values[static_cast<std::size_t>(y * w + x)]; }
};

std::vector<double> gaussian(std::int64_t size) {
  constexpr double kSigma = 1.5;
  std::vector<double> weights;
  double total = 0;
  for (std::int64_t i = 0; i < size; ++i) {
    const double d = static_cast<double>(i) - static_cast<double>(size - 1) / 2;
    total += weights.emplace_back(std::exp(-d * d / (2 * kSigma * kSigma)));
  }
  for (double& weight : weights) weight /= total;
  return weights;
}

// Separable filter, only where the window fits.
Plane filtered(const Plane& p, const std::vector<double>& rows, const std::vector<double>& columns) {
  const auto r = static_cast<std::int64_t>(rows.size()), c = static_cast<std::int64_t>(columns.size());
  Plane wide(p.h, p.w - c + 1), out(p.h - r + 1, p.w - c + 1);
  for (std::int64_t y = 0; y < wide.h; ++y)
    for (std::int64_t x = 0; x < wide.w; ++x) {
      double total = 0;
      for (std::int64_t i = 0; i < c; ++i) total += columns[static_cast<std::size_t>(i)] * p.at(y, x + i);
      wide.at(y, x) = total;
    }
  for (std::int64_t y = 0; y < out.h; ++y)
    for (std::int64_t x = 0; x < out.w; ++x) {
      double total = 0;
      for (std::int64_t i = 0; i < r; ++i) total += rows[static_cast<std::size_t>(i)] * wide.at(y + i, x);
      out.at(y, x) = total;
    }
  return out;
}

Plane channel(const io::Image& image, std::int64_t c) {
  Plane p(image.height, image.width);
  for (std::int64_t y = 0; y < p.h; ++y)
    for (std::int64_t x = 0; x < p.w; ++x) p.at(y, x) = image.at(y, x, c);
  return p;
}

Plane product(const Plane& a, const Plane& b) {
  Plane p(a.h, a.w);
  std::ranges::transform(a.values, b.values, p.values.begin(), std::multiplies<>());
  return p;
}

double ssim_of_channel(const Plane& a, const Plane& b, double range) {
  const auto window = [](std::int64_t size) {
    return gaussian(std::min<std::int64_t>(11, size - (size + 1) % 2));
  };
  const auto rows = window(a.h), columns = window(a.w);
  const auto mean = [&](const Plane& p) { return filtered(p, rows, columns); };
  const Plane ma = mean(a), mb = mean(b), aa = mean(product(a, a)), bb = mean(product(b, b)),
              ab = mean(product(a, b));
  const double c1 = std::pow(0.01 * range, 2), c2 = std::pow(0.03 * range, 2);
  double total = 0;
  for (std::size_t i = 0; i < ma.values.size(); ++i) {
    const double x = ma.values[i], y = mb.values[i];
    const double variance = aa.values[i] - x * x + bb.values[i] - y * y, covariance = ab.values[i] - x * y;
    total += (2 * x * y + c1) * (2 * covariance + c2) / ((x * x + y * y + c1) * (variance + c2));
  }
  return total / static_cast<double>(ma.values.size());
}

std::string shape_of(const io::Image& i) {
  return std::to_string(i.height) + "x" + std::to_string(i.width) + "x" + std::to_string(i.channels);
}

}  // namespace

double data_range_of(const io::Image& truth) {
  return truth.kind == io::SampleKind::u8 ? 255 : std::max(io::upper_level(truth), 1.0);
}

ImageMetrics compare(const io::Image& p, const io::Image& t, double range) {
  if (p.height != t.height || p.width != t.width || p.channels != t.channels)
    throw std::invalid_argument("metrics: the prediction is " + shape_of(p) + ", the truth " + shape_of(t));
  if (t.samples.empty()) throw std::invalid_argument("metrics: the images have no pixels");
  if (!(range > 0)) throw std::invalid_argument("metrics: the data range is not positive");
  double absolute = 0, square = 0, true_absolute = 0, true_square = 0;
  for (std::size_t i = 0; i < t.samples.size(); ++i) {
    const double d = static_cast<double>(p.samples[i]) - t.samples[i];
    absolute += std::abs(d);
    square += d * d;
    const double value = t.samples[i];
    true_absolute += std::abs(value);
    true_square += value * value;
  }
  const auto count = static_cast<double>(t.samples.size());
  const auto share = [](double part, double whole) { return part == 0 ? 0 : part / whole; };
  ImageMetrics m;
  m.data_range = range;
  m.l1 = absolute / count;
  m.relative_l1 = share(absolute, true_absolute);
  m.nrmse = std::sqrt(share(square, true_square));
  m.psnr = 10 * std::log10(range * range / (square / count));
  for (std::int64_t c = 0; c < t.channels; ++c)
    m.ssim += ssim_of_channel(channel(p, c), channel(t, c), range) / static_cast<double>(t.channels);
  return m;
}

}  // namespace uptake::gan
