#include "gan/intensity.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "io/base/text.h"
#include "io/image/body.h"
#include "nn/option_error.h"

namespace uptake::gan {
namespace {

using io::SampleKind;
using nn::option_name;
using nn::Tensor;

const char* name_of(SampleKind kind) {
  switch (kind) {
    case SampleKind::u8:
      return "8-bit";
    case SampleKind::u16:
      return "16-bit";
    case SampleKind::counts:
      return "counts";
  }
  return "?";
}

/// f of the mapping of counts.
float compressed(float x, float knee) {
  const float share = std::max(x, 0.0f) / knee;
  return share <= 1 ? std::sqrt(share) : 1 + 0.5f * std::log(share);
}

float expanded(float f, float knee) {
  f = std::max(f, 0.0f);
  return knee * (f <= 1 ? f * f : std::exp(2 * (f - 1)));
}

constexpr double kReach = 16;   // scale over knee: a bladder has 5 to 20 times the counts of ordinary bone
constexpr int kFewBits = 14;    // up to here a 16-bit file holds the numbers of a converter with fewer bits
constexpr double kOutlier = 8;  // largest count over level from which a remark is made
constexpr double kU16 = 65535;

/// What a 16-bit image whose largest sample this is can hold in the bits it uses.
double used_range(double largest) {
  int bits = 8;
  while (std::ldexp(1.0, bits) <= largest) ++bits;
  return bits <= kFewBits ? std::ldexp(1.0, bits) - 1 : kU16;
}

}  // namespace

Intensity Intensity::of(SampleKind kind, double counts_scale) {
  if (kind == SampleKind::u8) return {kind, 255};
  if (kind == SampleKind::u16) return {kind, kU16};
  if (!(counts_scale > 0))
    throw std::invalid_argument("every image of the data set is empty: its largest count is 0");
  if (!(counts_scale < 1e30))
    throw std::invalid_argument("the largest count of the data set is not a finite number");
  return {kind, counts_scale};
}

Intensity Intensity::of_training(SampleKind kind, double largest, double level) {
  // Counts are written as 16 bits.
  Intensity result = of(kind, std::min(kReach * level, std::max(largest, kU16)));
  if (kind == SampleKind::u16) result.scale = used_range(largest);
  if (kind == SampleKind::counts) result.knee = level;
  return result;
}

void to_json(nlohmann::json& j, const Intensity& i) {
  j = {{"kind", name_of(i.kind)}, {"scale", i.scale}};
  if (std::isfinite(i.knee)) j["knee"] = i.knee;
}

void from_json(const nlohmann::json& j, Intensity& i) {
  const auto kind = j.at("kind").get<std::string>();
  for (const auto k : {SampleKind::u8, SampleKind::u16, SampleKind::counts}) {
    if (kind != name_of(k)) continue;
    const double scale = j.at("scale").get<double>();
    i = Intensity::of(k, scale);
    if (k == SampleKind::u16) {
      if (!(scale >= 1 && scale <= kU16))
        throw std::invalid_argument("a scale of 16-bit images is not possible");
      i.scale = scale;
    }
    if (k == SampleKind::counts && j.contains("knee")) {
      i.knee = j.at("knee").get<double>();
      if (!(i.knee > 0 && i.knee <= scale)) throw std::invalid_argument("the knee of counts is not possible");
    }
    return;
  }
  throw std::invalid_argument("unknown intensity kind '" + kind + "'");
}

IntensitySurvey::Seen IntensitySurvey::seen(const io::Image& image) {
  Seen s{image.kind, 0, 0};
  for (const float sample : image.samples) s.largest = std::max(s.largest, static_cast<double>(sample));
  if (image.kind == SampleKind::counts) s.level = io::body_level(image);
  return s;
}

void IntensitySurvey::operator()(std::size_t i, const io::Pair& pair) {
  a_.at(i) = seen(pair.a);
  b_.at(i) = seen(pair.b);
}

Intensity IntensitySurvey::of(const std::vector<Seen>& images) {
  double largest = 0;
  std::vector<double> levels;
  for (const Seen& s : images) {
    largest = std::max(largest, s.largest);
    if (s.level > 0) levels.push_back(s.level);
  }
  const SampleKind kind = images.empty() ? SampleKind::u8 : std::ranges::max(images, {}, &Seen::kind).kind;
  if (levels.empty()) return Intensity::of_training(kind, largest, 0);
  const auto middle = levels.begin() + static_cast<std::ptrdiff_t>(levels.size() / 2);
  std::ranges::nth_element(levels, middle);
  return Intensity::of_training(kind, largest, *middle);
}

std::vector<std::string> IntensitySurvey::remarks() const {
  std::vector<std::string> all;
  for (const auto& [side, images] : {std::pair{"A", &a_}, std::pair{"B", &b_}}) {
    const Intensity intensity = of(*images);
    const double largest = std::ranges::max(*images, {}, &Seen::largest).largest;
    const std::string found =
        std::string(side) + ": the largest sample of the training set is " + io::number_text(largest);
    if (intensity.kind == SampleKind::u16 && intensity.scale < kU16)
      all.push_back("warning: " + found + ", so of the 16 bits of its images " +
                    std::to_string(std::lround(std::log2(intensity.scale + 1))) + " are used; +1 is " +
                    io::number_text(intensity.scale) + " instead of 65535");
    if (intensity.kind == SampleKind::counts)
      all.push_back(
          std::string(side) + ": " + io::number_text(intensity.knee) +
          " counts is the level of the training set (median of the 98 % quantiles of the bodies); +1 is " +
          io::number_text(intensity.scale) +
          (largest > kOutlier * intensity.knee
               ? "; its largest count is " + io::number_text(largest) + ", which decides nothing"
               : ""));
  }
  return all;
}

Tensor to_network(const io::Image& image, const Intensity& intensity) {
  if (image.kind != intensity.kind)
    throw std::invalid_argument(std::string("the image is ") + name_of(image.kind) +
                                ", the model was trained on " + name_of(intensity.kind) + " images");
  Tensor t = Tensor::empty({1, image.height, image.width, image.channels}, nn::DType::f32);
  float* out = t.data<float>();
  const auto scale = static_cast<float>(intensity.scale), knee = static_cast<float>(intensity.knee);
  if (std::isfinite(intensity.knee)) {
    const float top = compressed(scale, knee);
    std::ranges::transform(image.samples, out, [&](float x) { return 2 * compressed(x, knee) / top - 1; });
  } else if (intensity.kind == SampleKind::counts) {
    std::ranges::transform(image.samples, out,
                           [&](float x) { return 2 * std::sqrt(std::max(x, 0.0f) / scale) - 1; });
  } else {
    std::ranges::transform(image.samples, out, [&](float x) { return x / (scale / 2) - 1; });
  }
  return t;
}

io::Image from_network(const Tensor& batch, std::int64_t n, const Intensity& intensity) {
  const nn::Shape s = batch.shape();
  io::Image image(s.h, s.w, s.c, intensity.kind);
  const Tensor packed = batch.contiguous();
  const float* in = packed.data<float>() + n * s.h * s.w * s.c;
  const auto scale = static_cast<float>(intensity.scale), knee = static_cast<float>(intensity.knee);
  const bool has_knee = std::isfinite(intensity.knee);
  const float top = has_knee ? compressed(scale, knee) : 1;
  for (std::size_t i = 0; i < image.samples.size(); ++i) {
    const float x = (in[i] + 1) / 2;
    image.samples[i] = has_knee                               ? expanded(x * top, knee)
                       : intensity.kind == SampleKind::counts ? scale * std::max(x, 0.0f) * std::max(x, 0.0f)
                                                              : std::clamp(x, 0.0f, 1.0f) * scale;
  }
  return image;
}

Tensor stack(const std::vector<Tensor>& images) {
  if (images.size() == 1) return images[0];
  nn::Shape s = images.at(0).shape();
  const std::int64_t each = s.size();
  s.n = static_cast<std::int64_t>(images.size());
  Tensor batch = Tensor::empty(s, nn::DType::f32);
  for (std::size_t i = 0; i < images.size(); ++i) {
    if (!(images[i].shape() == images[0].shape()))
      throw nn::OptionError({"images of different sizes in one batch, " + nn::to_string(images[0].shape()) +
                                 " and " + nn::to_string(images[i].shape()) + ": use ",
                             option_name("batch_size"), " 1, or ", option_name("load_size"), " and ",
                             option_name("crop_size"), " to make them equal"});
    std::copy_n(images[i].data<float>(), each, batch.data<float>() + static_cast<std::int64_t>(i) * each);
  }
  return batch;
}

Tensor pad_to_multiple(const Tensor& images, std::int64_t multiple) {
  const nn::Shape s = images.shape();
  const nn::Shape padded{s.n, (s.h + multiple - 1) / multiple * multiple,
                         (s.w + multiple - 1) / multiple * multiple, s.c};
  if (padded == s) return images;
  const Tensor from = images.contiguous();
  Tensor to = Tensor::empty(padded, nn::DType::f32);
  for (std::int64_t n = 0; n < s.n; ++n)
    for (std::int64_t y = 0; y < padded.h; ++y)
      for (std::int64_t x = 0; x < padded.w; ++x)
        std::copy_n(
            from.data<float>() + ((n * s.h + std::min(y, s.h - 1)) * s.w + std::min(x, s.w - 1)) * s.c, s.c,
            to.data<float>() + ((n * padded.h + y) * padded.w + x) * s.c);
  return to;
}

Tensor crop_to(const Tensor& images, std::int64_t height, std::int64_t width) {
  const nn::Shape s = images.shape();
  if (s.h == height && s.w == width) return images;
  const Tensor from = images.contiguous();
  Tensor to = Tensor::empty({s.n, height, width, s.c}, nn::DType::f32);
  for (std::int64_t n = 0; n < s.n; ++n)
    for (std::int64_t y = 0; y < height; ++y)
      std::copy_n(from.data<float>() + (n * s.h + y) * s.w * s.c, width * s.c,
                  to.data<float>() + (n * height + y) * width * s.c);
  return to;
}

}  // namespace uptake::gan
