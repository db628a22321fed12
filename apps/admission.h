// Whether a model is given an image: the comparison with what it was trained on (gan/training_domain.h), as the commands
// that apply a model put it.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "apps/cli.h"
#include "gan/checkpoint.h"
#include "gan/seen_pairs.h"
#include "gan/spacing.h"
#include "gan/translator.h"

namespace uptake::apps {

/// What is done with an image that has the shape of a whole training pair.
enum class SideBySide { automatic, half, whole };
constexpr auto names(SideBySide) {
  return std::to_array<std::pair<SideBySide, const char*>>(
      {{SideBySide::automatic, "auto"}, {SideBySide::half, "half"}, {SideBySide::whole, "whole"}});
}

struct AdmissionOptions {
  bool force = false;
  bool match_spacing = false;
};
/// --force; `what`: "translate images", for its help.
void add_force(Options& options, AdmissionOptions& chosen, const std::string& what);
/// --match-spacing.
void add_match_spacing(Options& options, AdmissionOptions& chosen);

struct Prediction {
  std::vector<io::Image> frames;
  std::string outside;  // what was violated and forced, see admit
};

/// An input, and what messages call it.
struct Named {
  std::filesystem::path path;
  std::string name;
};

class Admission {
 public:
  /// Warns where the checkpoint does not say what it was trained on: then every image is admitted.
  Admission(const gan::CheckpointInfo& info, const std::filesystem::path& checkpoint,
            const AdmissionOptions& options);

  /// Compares every frame of an image; says what is near the edge, or cannot be compared, on standard error. Throws
  /// io::FileError for an image outside unless it is forced. Returns what was violated then, for those who read the
  /// result; "" usually.
  std::string admit(const Named& file, const std::vector<gan::SeenImage>& frames) const;

  /// The same of all pairs of a split, inputs and targets; one error for all of them, with the first 20. Returns how
  /// many were outside and forced.
  std::size_t admit(const std::filesystem::path& data, const std::vector<gan::SeenPair>& pairs) const;

  /// The input half of a picture that is a whole pair, or the picture itself. Throws io::FileError where that is not
  /// clear.
  io::Image input_half(const Named& file, const io::Image& image, SideBySide how) const;

  /// What the model predicts for the frames of an image, if it is admitted, with what their file says of each of them.
  /// On the frames' own pixels, also with --match-spacing. Throws io::FileError.
  Prediction predict(const gan::Translator& model, const Named& file, std::vector<io::Image> frames,
                     std::vector<io::ImageFacts> facts) const;

 private:
  std::optional<gan::Grid> matched_grid(const std::filesystem::path& file, const io::ImageFacts& facts) const;

  const gan::CheckpointInfo& info_;
  AdmissionOptions options_;
};

}  // namespace uptake::apps
