// What a model was trained on, gathered from the training split and kept in the checkpoint, and the comparison of an
// image with it: a network answers anything with a plausible picture, so what it has never seen must be noticed
// before it is asked.
//
// Who writes a predicted image finds here what it stands for: `target.minutes` and `target.duration_s`.
//
// The comparison (compare) tells violations, for which an image is refused, from notes, which are said and no more.
// The tolerances are wide, since a training set shows only part of what is alike and people differ among themselves:
//
//   quantity             note                               violation
//   samples              -                                  other kind or number of channels (cannot be forced)
//   pixels               the largest is over ten times the  a constant image; the 99 % quantile (of counts, and of
//                        trained                            16-bit gray) is not within a factor of 3 of the trained
//                                                           range; nine tenths of the counts lie in less than a
//                                                           third of the trained part of the pixels: a hot point and
//                                                           nothing else
//   pixel spacing        off by more than 2 %               by more than a fifth: as much as hands of adults differ
//   matrix               less than half, or for pictures    counts: field of view (without spacing: pixels) larger
//                        more than twice, the trained       than 1.5 times (2 times) the trained: other parts of the
//                                                           body are in it
//   minutes after        more than 5 min and a fifth        before a third of the trained, less 10 min, or after 3
//   injection            outside                            times the trained and 10 min: the other phase of the scan
//   frame duration       more than 1.5 times outside        not within a factor of 3
//   body part            not stated                         another
//   view                 not stated, or assumed             another, unless it is only assumed
//   acquisition          not stated                         another (WHOLE BODY for STATIC)
//   energy window        not stated                         shares less than 30 % with every trained one, or its name
//                                                           says scatter: the counts of scattered photons
//   radiopharmaceutical  another: names are free text       -
//   origin               derived; acquired, though all      predicted (synthetic and derived); synthetic, though some
//                        training images were synthetic     training images were acquired
//
// What the training images did not say is not compared. Spacing and matrix of a model trained on resized images
// (load_size) are compared as the field of view, which is then what the network sees.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gan/seen_image.h"
#include "io/pairs/dataset.h"

namespace uptake::gan {

/// From the least to the most of what was seen.
struct Range {
  double least = 0, most = 0;
  bool operator==(const Range&) const = default;
};

/// One side of the training pairs, the inputs or the targets. A range is absent and a set is empty where no image said
/// anything.
struct ImageDomain {
  std::int64_t images = 0, constant_images = 0;
  io::SampleKind kind = io::SampleKind::u8;
  std::int64_t channels = 0;
  std::optional<Range> height, width;                    // pixels
  std::optional<Range> aspect;                           // width / height
  std::optional<Range> field_height_mm, field_width_mm;  // pixels times their spacing
  std::optional<Range> row_spacing_mm, column_spacing_mm;
  std::optional<Range> largest, quantile99, mean, total, extent;  // per image; see PixelSummary
  std::optional<Range> minutes;                                   // after injection
  std::optional<Range> duration_s;                                // of a frame
  std::set<std::string> body_parts, views, acquisitions, radiopharmaceuticals;
  std::vector<io::EnergyWindow> windows;
  std::int64_t synthetic_images = 0, predicted_images = 0;

  /// Widens the domain by an image. The order of images does not matter.
  void add(const SeenImage& image);

  bool operator==(const ImageDomain&) const = default;
};

struct TrainingDomain {
  io::DatasetForm form = io::DatasetForm::side_by_side;
  ImageDomain input, target;
  bool operator==(const TrainingDomain&) const = default;
};

/// from_json throws nlohmann's errors or std::invalid_argument for anything that gathering cannot have left.
void to_json(nlohmann::json& json, const TrainingDomain& domain);
void from_json(const nlohmann::json& json, TrainingDomain& domain);

/// The domain in a few lines for people, each behind `indent`.
std::string describe(const TrainingDomain& domain, const std::string& indent);

/// One quantity of an image that is not as it was in training.
struct Deviation {
  std::string quantity;  // "pixel spacing"
  std::string found;     // "4.8 mm"
  std::string trained;   // "2 to 2.4 mm"
  bool forcible = true;  // false: the network cannot take it at all
};
/// "the pixel spacing is 4.8 mm (trained: 2 to 2.4 mm)"
std::string sentence(const Deviation& deviation);

struct Comparison {
  std::vector<Deviation> violations, notes;
  std::vector<std::string> unstated;  // quantities the training images stated and this one does not
};

/// Of one image with one side of the pairs. resized: the model was trained on resized images (load_size).
Comparison compare(const SeenImage& image, const ImageDomain& domain, bool resized);

/// The violations as one text for DerivationDescription, at most `longest` characters; "" without any.
std::string violated_ranges(const std::vector<Deviation>& violations, std::size_t longest = 600);

/// Whether an image of this size is a whole pair, input and target side by side, for a model trained on such pairs:
/// twice as wide for its height as the trained halves, within 2 %. `unclear` where halves of that shape were trained on
/// as well.
enum class PairShape { single, pair, unclear };
PairShape pair_shape(const TrainingDomain& domain, std::int64_t height, std::int64_t width);

}  // namespace uptake::gan
