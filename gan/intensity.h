// Between an image in the units of its file and what a network sees, and back.
//
// - u8, u16: x / (scale / 2) - 1. scale is 255 for u8; for u16 65535, or 2^bits - 1 where the training set uses no more
//   than 14 of the 16 bits
// - counts: 2 f(x) / f(scale) - 1, negative counts as 0, with f(x) = sqrt(x / knee) up to the knee and
//   1 + ln(x / knee) / 2 above; there both have the same value and slope. The square root makes the Poisson noise of counts equal everywhere
//   (Anscombe 1948); the logarithm leaves room for what is far hotter than the rest, such as a bladder, without
//   squeezing the skeleton into the darkest grays. The network's output reaches `scale`; its input goes beyond 1.
//
// knee is the level of the training set: the median over its images of io::body_level (the 98 % quantile of the counts
// in the body), which no few pixels and no few images move. scale is 16 times that, or what 16 bits hold (where no image
// holds more). Both are kept in the checkpoint. Checkpoints of versions before 0.3 have no knee: f is the square root
// throughout, and scale the largest count.
#pragma once
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "io/image/image.h"
#include "io/pairs/dataset.h"
#include "nn/tensor.h"

namespace uptake::gan {

struct Intensity {
  io::SampleKind kind = io::SampleKind::u8;
  double scale = 255;                                     // the sample that becomes +1
  double knee = std::numeric_limits<double>::infinity();  // counts: up to here the square root

  /// The mapping of a kind without a knee; counts_scale is used for counts only and must then be positive.
  static Intensity of(io::SampleKind kind, double counts_scale);
  /// The mapping for a training set with the largest sample and, for counts, the level given.
  /// Throws std::invalid_argument for counts without any, or that are not finite.
  static Intensity of_training(io::SampleKind kind, double largest, double level);

  bool operator==(const Intensity&) const = default;
};

/// scale and, where it has one, knee.
void to_json(nlohmann::json& j, const Intensity& intensity);
void from_json(const nlohmann::json& j, Intensity& intensity);

/// Gathers from the pairs of a training set what their mappings are made of.
class IntensitySurvey {
 public:
  explicit IntensitySurvey(std::size_t pairs = 0) : a_(pairs), b_(pairs) {}

  /// Sees pair i (an io::PairVisitor): from several threads, each i once.
  void operator()(std::size_t i, const io::Pair& pair);

  Intensity a() const { return of(a_); }
  Intensity b() const { return of(b_); }

  /// What a user should know of the mappings, one sentence each: the level and reach of counts, 16-bit images that use
  /// only a part of their bits, and a largest sample that is far above the rest.
  std::vector<std::string> remarks() const;

 private:
  struct Seen {
    io::SampleKind kind = io::SampleKind::u8;
    double largest = 0, level = 0;  // level: of counts, 0 in an empty image
  };
  static Seen seen(const io::Image& image);
  static Intensity of(const std::vector<Seen>& images);

  std::vector<Seen> a_, b_;
};

/// [1,h,w,c], float32. Throws std::invalid_argument if the image is of another kind.
nn::Tensor to_network(const io::Image& image, const Intensity& intensity);

/// Image n of the batch, in file units (not rounded; u8 and u16 clamped to 0 .. scale, counts to 0 and above).
io::Image from_network(const nn::Tensor& batch, std::int64_t n, const Intensity& intensity);

/// The images stacked into one batch. Throws std::invalid_argument when their sizes differ.
nn::Tensor stack(const std::vector<nn::Tensor>& images);

/// Height and width enlarged to multiples of `multiple` by repeating the last row and column: right and below
/// only, so that cropping back keeps [0,h) x [0,w).
nn::Tensor pad_to_multiple(const nn::Tensor& images, std::int64_t multiple);
nn::Tensor crop_to(const nn::Tensor& images, std::int64_t height, std::int64_t width);

}  // namespace uptake::gan
