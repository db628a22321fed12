// Whether images that a data set puts together belong together: facts in, problems out, no files.
//
// A refusal is for what makes a pair wrong for certain; a warning for what is odd and may be meant. Pictures state
// nothing but their pixels, so most checks are of DICOM files.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/pairs/image_facts.h"

namespace uptake::io {

/// What a caller may do to take a refused pair all the same.
enum class Remedy { none, allow_synthetic, match_matrix };

struct PairFinding {
  bool refusal = false;  // else a warning
  std::string sentence;  // about A ("is ..."), naming B
  Remedy remedy = Remedy::none;
  bool operator==(const PairFinding&) const = default;
};

struct PairRules {
  bool allow_synthetic = false;  // derived and synthetic images may be targets
  bool match_matrix = false;     // images of one field of view may differ in their matrix
};

/// What speaks against A and B as a pair: another patient, study, day, body part, side, view, spacing, field of view
/// or energy window, A taken after B, a scatter window, derived or synthetic images, one file twice. `b_name` is how
/// a sentence names B.
std::vector<PairFinding> check_pair(const PairFacts& pair, const std::string& b_name, const PairRules& rules);

/// What speaks against the decoded pixels of A and B: one image twice, no counts.
std::vector<PairFinding> check_pixels(const PairFacts& pair, const std::string& b_name);

/// Whether two images of different matrices show one field of view, to a hundredth.
bool same_field_of_view(const ImageFacts& a, const ImageFacts& b);

/// A pair among those of all splits.
struct PlacedPair {
  std::string split;
  std::string patient;         // as the table calls him, "" for pictures
  std::string a_name, b_name;  // how a sentence names the files
  PairFacts facts;
};

/// What speaks against pairs beside each other: a patient (by PatientID) or an image (by SOP Instance UID, or pixel
/// for pixel) in two splits, one patient under two names, one image under two. Each sentence is whole. Pictures are
/// compared by the pixels of both images of a pair, and only warned of.
std::vector<PairFinding> check_beside(std::span<const PlacedPair> pairs);

/// Days from one YYYYMMDD to another; none where one is no date.
std::optional<int> days_between(const std::string& from, const std::string& to);

}  // namespace uptake::io
