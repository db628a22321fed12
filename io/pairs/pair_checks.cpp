#include "io/pairs/pair_checks.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdlib>

#include "io/base/text.h"
#include "io/image/image_header.h"

namespace uptake::io {
namespace {

constexpr double kSpacingTolerance = 0.01;  // relative: what rounding in a header may make
constexpr double kWindowTolerance_kev = 1;

bool alike(double x, double y) { return std::abs(x - y) <= kSpacingTolerance * std::max(x, y); }

bool has_spacing(const ImageFacts& of) { return of.row_spacing_mm > 0 && of.column_spacing_mm > 0; }

std::string spacing_text(const ImageFacts& of) {
  if (alike(of.row_spacing_mm, of.column_spacing_mm)) return number_text(of.row_spacing_mm) + " mm";
  return number_text(of.row_spacing_mm) + " x " + number_text(of.column_spacing_mm) + " mm";
}

std::string size_text(const ImageFacts& of) {
  return describe(ImageHeader{of.height, of.width, of.channels, of.kind});
}

std::string window_text(const EnergyWindow& window) {
  return number_text(window.lower_kev) + " to " + number_text(window.upper_kev) + " keV";
}

std::string day_of(const ImageFacts& of) {
  return of.acquisition_date.empty() ? of.study_date : of.acquisition_date;
}

// One check a function; what it finds goes into `found`.
class PairCheck {
 public:
  PairCheck(const PairFacts& pair, const std::string& b_name, const PairRules& rules)
      : a_(pair.a), b_(pair.b), partner_("its partner " + b_name), rules_(rules) {}

  std::vector<PairFinding> of_files() {
    patient();
    study_and_day();
    place();
    grid();
    phases();
    windows();
    origin();
    if (!a_.sop_instance_uid.empty() && a_.sop_instance_uid == b_.sop_instance_uid && a_.frame == b_.frame)
      refuse("is the same image as " + partner_ + " (they have one SOP Instance UID)");
    return std::move(found_);
  }

  std::vector<PairFinding> of_pixels() {
    const bool dicom = a_.form == DatasetForm::cohort;
    if (dicom && !(a_.largest > 0)) warn("holds no count at all");
    if (dicom && !(b_.largest > 0)) warn("has no use: " + partner_ + " holds no count at all");
    if (a_.content_hash != b_.content_hash || !(a_.largest > 0)) return std::move(found_);
    const std::string sentence = a_.form == DatasetForm::side_by_side
                                     ? "holds the same image twice, left and right, pixel for pixel"
                                     : "is the same image as " + partner_ + ", pixel for pixel";
    dicom ? refuse(sentence) : warn(sentence);
    return std::move(found_);
  }

 private:
  void refuse(const std::string& sentence, Remedy remedy = Remedy::none) {
    found_.push_back({true, sentence, remedy});
  }
  void warn(const std::string& sentence) { found_.push_back({false, sentence, Remedy::none}); }

  // No message names a PatientID.
  void patient() {
    if (!a_.patient_id.empty() && !b_.patient_id.empty() && a_.patient_id != b_.patient_id)
      refuse("is of another patient than " + partner_ + ": the two PatientIDs differ");
    if (!a_.patient_sex.empty() && !b_.patient_sex.empty() && a_.patient_sex != b_.patient_sex)
      warn("is of a patient of another sex than " + partner_);
  }

  void study_and_day() {
    const std::optional<int> days = days_between(day_of(a_), day_of(b_));
    if (days && std::abs(*days) > 1)
      refuse("was taken " + std::to_string(std::abs(*days)) + " days " + (*days > 0 ? "before " : "after ") +
             partner_ + ", so the two are not phases of one scan");
    else if (!a_.study_instance_uid.empty() && !b_.study_instance_uid.empty() &&
             a_.study_instance_uid != b_.study_instance_uid)
      warn("is of another study than " + partner_ + " (the Study Instance UIDs differ)");
  }

  void place() {
    const std::string &part_a = a_.body_part, &part_b = b_.body_part;
    if (!part_a.empty() && !part_b.empty() && part_a != part_b) {
      const std::string sentence =
          "is of the body part " + printable(part_a) + " but " + partner_ + " is of " + printable(part_b);
      const bool one_holds_other =
          part_a.find(part_b) != std::string::npos || part_b.find(part_a) != std::string::npos;
      one_holds_other ? warn(sentence) : refuse(sentence);
    }
    const std::string &side_a = a_.laterality, &side_b = b_.laterality;
    if (!side_a.empty() && !side_b.empty() && side_a != side_b) {
      const std::string sentence = "is of the side " + printable(side_a) + " but " + partner_ + " is of " +
                                   printable(side_b) + " (laterality)";
      side_a == "B" || side_b == "B" ? warn(sentence) : refuse(sentence);
    }
    if (a_.view != b_.view && a_.view != View::unknown && b_.view != View::unknown)
      refuse("shows frame " + std::to_string(a_.frame + 1) + " from the " + to_string(a_.view) +
             " side but " + partner_ + " shows it from the " + to_string(b_.view) + " side");
  }

  void grid() {
    const bool both = has_spacing(a_) && has_spacing(b_);
    const bool same_spacing = both && alike(a_.row_spacing_mm, b_.row_spacing_mm) &&
                              alike(a_.column_spacing_mm, b_.column_spacing_mm);
    if (a_.height != b_.height || a_.width != b_.width) {
      const std::string sizes = "is " + size_text(a_) + " but " + partner_ + " is " + size_text(b_);
      if (!same_field_of_view(a_, b_))
        refuse(sizes + (both ? ", and they show different fields of view" : ""));
      else if (!rules_.match_matrix)
        refuse(sizes + ", of the same field of view", Remedy::match_matrix);
    } else if (both && !same_spacing) {
      refuse("has a pixel spacing of " + spacing_text(a_) + " but " + partner_ + " has one of " +
             spacing_text(b_));
    }
    if (has_spacing(a_) != has_spacing(b_))
      warn(std::string(has_spacing(a_) ? "states" : "does not state") + " a pixel spacing but " + partner_ +
           (has_spacing(a_) ? " does not" : " does"));
  }

  void phases() {
    const std::string swapped =
        "; A is the early image (blood pool), B the late one (delayed): are they swapped?";
    if (a_.minutes_after_injection && b_.minutes_after_injection) {
      const double a = *a_.minutes_after_injection, b = *b_.minutes_after_injection;
      if (a > b)
        refuse("was taken " + number_text(a) + " min after injection but " + partner_ + " already after " +
               number_text(b) + " min" + swapped);
      else if (a == b)
        warn("was taken " + number_text(a) + " min after injection, the same time as " + partner_);
      return;
    }
    if (a_.acquisition_time.empty() || b_.acquisition_time.empty()) return;
    const std::optional<int> days = days_between(day_of(a_), day_of(b_));
    if (!days && a_.study_instance_uid != b_.study_instance_uid) return;  // nothing says that the day is one
    const int later = days.value_or(0);
    const bool after = later < 0 || (later == 0 && a_.acquisition_time > b_.acquisition_time);
    if (after)
      refuse("was taken at " + printable(a_.acquisition_time) + ", after " + partner_ + " at " +
             printable(b_.acquisition_time) + swapped);
    else if (later == 0 && a_.acquisition_time == b_.acquisition_time)
      warn("was taken at the same time as " + partner_);
  }

  void windows() {
    if (a_.window.scatter) refuse("is of a scatter window, not of a photopeak, and no pair with " + partner_);
    if (b_.window.scatter) refuse("has no use: " + partner_ + " is of a scatter window, not of a photopeak");
    const EnergyWindow &a = a_.window, &b = b_.window;
    if (!(a.upper_kev > 0) || !(b.upper_kev > 0)) return;
    const std::string sentence = "was counted from " + window_text(a) + " but " + partner_ + " from " +
                                 window_text(b) + " (energy window)";
    if (a.upper_kev < b.lower_kev || b.upper_kev < a.lower_kev)
      refuse(sentence);
    else if (std::abs(a.lower_kev - b.lower_kev) > kWindowTolerance_kev ||
             std::abs(a.upper_kev - b.upper_kev) > kWindowTolerance_kev)
      warn(sentence);
  }

  // The phantom is synthetic and original: made to be trained on. A prediction is derived.
  void origin() {
    if (rules_.allow_synthetic) return;
    const auto what = [](const ImageFacts& of) {
      return std::string(of.synthetic ? "synthetic" : "") + (of.synthetic && of.derived ? " and " : "") +
             (of.derived ? "derived from other images" : "");
    };
    const auto made = [](const ImageFacts& of) { return of.synthetic && !of.original; };
    if (b_.derived || made(b_))
      refuse("would be trained towards " + partner_ + ", which is " + what(b_) + ", not acquired",
             Remedy::allow_synthetic);
    if (made(a_))
      refuse("is " + what(a_) + ", not acquired, and stands beside " + partner_, Remedy::allow_synthetic);
    else if (a_.derived)
      warn("is derived from other images; " + partner_ + " is what it is trained towards");
  }

  const ImageFacts &a_, &b_;
  const std::string partner_;
  const PairRules rules_;
  std::vector<PairFinding> found_;
};

}  // namespace

std::optional<int> days_between(const std::string& from, const std::string& to) {
  const auto day = [](const std::string& date) -> std::optional<std::chrono::sys_days> {
    if (date.size() < 8) return std::nullopt;
    std::array<int, 3> parts{};
    const std::array<std::pair<int, int>, 3> places{{{0, 4}, {4, 2}, {6, 2}}};
    for (std::size_t i = 0; i < 3; ++i) {
      const char* begin = date.data() + places[i].first;
      const char* end = begin + places[i].second;
      if (std::from_chars(begin, end, parts[i]).ptr != end) return std::nullopt;
    }
    const std::chrono::year_month_day ymd{std::chrono::year(parts[0]),
                                          std::chrono::month(static_cast<unsigned>(parts[1])),
                                          std::chrono::day(static_cast<unsigned>(parts[2]))};
    if (!ymd.ok()) return std::nullopt;
    return std::chrono::sys_days(ymd);
  };
  const auto first = day(from), second = day(to);
  if (!first || !second) return std::nullopt;
  return static_cast<int>((*second - *first).count());
}

bool same_field_of_view(const ImageFacts& a, const ImageFacts& b) {
  if (!has_spacing(a) || !has_spacing(b)) return false;
  const auto field = [](std::int64_t pixels, double mm) { return static_cast<double>(pixels) * mm; };
  return alike(field(a.height, a.row_spacing_mm), field(b.height, b.row_spacing_mm)) &&
         alike(field(a.width, a.column_spacing_mm), field(b.width, b.column_spacing_mm));
}

std::vector<PairFinding> check_pair(const PairFacts& pair, const std::string& b_name,
                                    const PairRules& rules) {
  return PairCheck(pair, b_name, rules).of_files();
}

std::vector<PairFinding> check_pixels(const PairFacts& pair, const std::string& b_name) {
  return PairCheck(pair, b_name, {}).of_pixels();
}

}  // namespace uptake::io
