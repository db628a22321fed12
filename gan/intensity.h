// Between an image in the units of its file and what a network sees, and back.
//
// - u8: x / 127.5 - 1; u16: x / 32767.5 - 1
// - counts: 2 sqrt(x / scale) - 1, negative counts as 0. The square root makes the Poisson noise of counts
//   equal everywhere (Anscombe 1948) and keeps a hot bladder from squeezing the skeleton into the darkest
//   grays. scale is the largest count of the training set, kept in the checkpoint; larger counts go beyond 1.
#pragma once
#include <nlohmann/json.hpp>

#include "io/image/image.h"
#include "nn/tensor.h"

namespace uptake::gan {

struct Intensity {
  io::SampleKind kind = io::SampleKind::u8;
  double scale = 255;  // the sample that becomes +1

  /// The mapping of a kind; counts_scale is used for counts only and must then be positive.
  static Intensity of(io::SampleKind kind, double counts_scale);
};

void to_json(nlohmann::json& j, const Intensity& intensity);
void from_json(const nlohmann::json& j, Intensity& intensity);

/// [1,h,w,c], float32. Throws std::invalid_argument if the image is of another kind.
nn::Tensor to_network(const io::Image& image, const Intensity& intensity);

/// Image n of the batch, in file units (not rounded; u8 and u16 clamped to their range, counts to 0 and
/// above).
io::Image from_network(const nn::Tensor& batch, std::int64_t n, const Intensity& intensity);

/// The images stacked into one batch. Throws std::invalid_argument when their sizes differ.
nn::Tensor stack(const std::vector<nn::Tensor>& images);

/// Height and width enlarged to multiples of `multiple` by repeating the last row and column: right and below
/// only, so that cropping back keeps [0,h) x [0,w).
nn::Tensor pad_to_multiple(const nn::Tensor& images, std::int64_t multiple);
nn::Tensor crop_to(const nn::Tensor& images, std::int64_t height, std::int64_t width);

}  // namespace uptake::gan
