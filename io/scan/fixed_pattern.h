// What predictions show in the air: a network can put hot pixels at the same places into every image, where there is
// nothing to predict. One image does not show it, the mean over a test set does.
#pragma once
#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/image/body.h"

namespace uptake::io {

constexpr std::array<std::int64_t, 5> kLatticePeriods = {2, 4, 8, 16, 32};

/// Over the cases of a test set that have air and the commonest size. Counts, rows and columns from 0.
///
/// Air is what lies more than 6 pixels outside of the truth's body (see body_mask). A pixel of the air is hot above five
/// times the mean of its truth's air, plus five counts.
struct FixedPattern {
  std::size_t cases = 0;
  double prediction_mean = 0, truth_mean = 0;  // of a pixel of the air
  double prediction_hot = 0, truth_hot = 0;    // hot pixels an image
  /// Where the mean over cases of prediction - truth is largest, of the places that are air in half of the cases.
  struct Worst {
    std::int64_t row = 0, column = 0;
    std::size_t cases = 0;  // in which it is air
    double prediction_mean = 0, truth_mean = 0;
  } worst;
  /// Power of the mean residual in the air at the frequencies of each of kLatticePeriods (those that a pattern of this
  /// period has and one of half the period has not), more than 8 pixels from the border, over the power that noise gives: the noise by which the residual
  /// of a place varies from case to case. About 1 when there is no pattern; above kLattice there is.
  std::array<double, kLatticePeriods.size()> power{};

  static constexpr double kLattice = 6;
  /// Whether one of the powers is above kLattice.
  bool has_lattice() const;
};

/// "2: 1.1, 4: 0.9, ...": the power at each period.
std::string power_text(const FixedPattern& pattern);

/// Gathers a FixedPattern case by case, without keeping the images.
class FixedPatternSurvey {
 public:
  /// Throws std::invalid_argument for images of different shapes. Channels are added up.
  void add(const Image& prediction, const Image& truth);

  /// Nothing with fewer than 5 cases that have air and one size.
  std::optional<FixedPattern> result() const;

 private:
  // Of the cases of one size: for each place sums over the cases in which it is air.
  struct Sums {
    std::size_t cases = 0;
    double air_pixels = 0, prediction_hot = 0, truth_hot = 0;
    Field count, prediction, truth, residual_square;
  };
  std::map<std::pair<std::int64_t, std::int64_t>, Sums> by_size_;
};

}  // namespace uptake::io
