#include "gan/intensity.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

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

}  // namespace

Intensity Intensity::of(SampleKind kind, double counts_scale) {
  if (kind == SampleKind::u8) return {kind, 255};
  if (kind == SampleKind::u16) return {kind, 65535};
  if (!(counts_scale > 0))
    throw std::invalid_argument("every image of the data set is empty: its largest count is 0");
  if (!(counts_scale < 1e30))
    throw std::invalid_argument("the largest count of the data set is not a finite number");
  return {kind, counts_scale};
}

void to_json(nlohmann::json& j, const Intensity& i) { j = {{"kind", name_of(i.kind)}, {"scale", i.scale}}; }

void from_json(const nlohmann::json& j, Intensity& i) {
  const auto kind = j.at("kind").get<std::string>();
  for (const auto k : {SampleKind::u8, SampleKind::u16, SampleKind::counts}) {
    if (kind != name_of(k)) continue;
    i = Intensity::of(k, j.at("scale").get<double>());
    return;
  }
  throw std::invalid_argument("unknown intensity kind '" + kind + "'");
}

Tensor to_network(const io::Image& image, const Intensity& intensity) {
  if (image.kind != intensity.kind)
    throw std::invalid_argument(std::string("the image is ") + name_of(image.kind) +
                                ", the model was trained on " + name_of(intensity.kind) + " images");
  Tensor t = Tensor::empty({1, image.height, image.width, image.channels}, nn::DType::f32);
  float* out = t.data<float>();
  const auto scale = static_cast<float>(intensity.scale);
  if (intensity.kind == SampleKind::counts)
    std::ranges::transform(image.samples, out,
                           [&](float x) { return 2 * std::sqrt(std::max(x, 0.0f) / scale) - 1; });
  else
    std::ranges::transform(image.samples, out, [&](float x) { return x / (scale / 2) - 1; });
  return t;
}

io::Image from_network(const Tensor& batch, std::int64_t n, const Intensity& intensity) {
  const nn::Shape s = batch.shape();
  io::Image image(s.h, s.w, s.c, intensity.kind);
  const Tensor packed = batch.contiguous();
  const float* in = packed.data<float>() + n * s.h * s.w * s.c;
  const auto scale = static_cast<float>(intensity.scale);
  for (std::size_t i = 0; i < image.samples.size(); ++i) {
    const float x = (in[i] + 1) / 2;
    image.samples[i] = intensity.kind == SampleKind::counts ? scale * std::max(x, 0.0f) * std::max(x, 0.0f)
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
