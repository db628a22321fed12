#include "apps/dicom_results.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <random>

#include "apps/cli.h"
#include "io/base/text.h"
#include "io/image/band.h"
#include "io/image/montage.h"

namespace uptake::apps {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kGap = 4;  // pixels between frames

double middle(const gan::Range& range) { return (range.least + range.most) / 2; }

// 128 bits from the system.
std::string random_secret() {
  std::random_device source;
  std::string secret;
  for (int i = 0; i < 4; ++i) secret += std::to_string(source()) + ".";
  return secret;
}

std::string rounded(double value) {
  std::string digits = std::to_string(std::round(value * 100) / 100);
  while (digits.back() == '0') digits.pop_back();
  if (digits.back() == '.') digits.pop_back();
  return digits;
}

// Of an anterior view the patient's right is on the left of the picture; a posterior one is mirrored. A hand may lie
// in any direction, so of what has a side itself only that is named.
io::BandLine sides(const io::DicomImage& source, std::size_t frame) {
  const io::View view = source.views[frame];
  const bool anterior = view == io::View::anterior;
  const std::string seen = view == io::View::unknown ? "VIEW ?"
                                                     : std::string(anterior ? "ANT" : "POST") +
                                                           (source.view_assumed[frame] ? "?" : "");
  const std::string& side = source.laterality;
  if (!side.empty()) return {"", (side == "R" ? "RIGHT " : side == "L" ? "LEFT " : "BOTH ") + seen, ""};
  if (view == io::View::unknown) return {"", seen, ""};
  return {anterior ? "R" : "L", seen, anterior ? "L" : "R"};
}

}  // namespace

std::chrono::system_clock::time_point time_of_writing() {
  const char* epoch = std::getenv("SOURCE_DATE_EPOCH");
  if (epoch == nullptr || *epoch == '\0') return std::chrono::system_clock::now();
  const std::string text = epoch;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds < 0 || seconds > 253402300799)
    throw UsageError("SOURCE_DATE_EPOCH is '" + io::printable(text) + "', expected seconds since 1970");
  return std::chrono::system_clock::from_time_t(static_cast<std::time_t>(seconds));
}

io::Image display_picture(const io::DicomImage& source, const std::vector<int>& source_frames,
                          const std::vector<io::Image>& predicted) {
  const float top = io::display_top(predicted);
  std::vector<io::Image> row;
  for (std::size_t i = 0; i < predicted.size(); ++i) {
    std::vector<io::BandLine> lines = {{"", "SYNTHETIC", ""},
                                       sides(source, static_cast<std::size_t>(source_frames[i] - 1)),
                                       {"", "0-" + rounded(top) + " CTS", ""}};
    if (source.row_spacing_mm > 0) lines.push_back({"", rounded(source.column_spacing_mm) + " MM/PX", ""});
    row.push_back(io::with_band(io::to_display(predicted[i], top, 0), lines));
  }
  return row.size() == 1 ? row[0] : io::montage({row}, kGap);
}

DicomResults::DicomResults(const gan::CheckpointInfo& info, const fs::path& checkpoint, AnonymousKey* key)
    : info_(info),
      checkpoint_(checkpoint),
      key_(key),
      secret_(key != nullptr ? random_secret() : std::string()),
      now_(time_of_writing()) {}

void DicomResults::write(const Output& output, const io::DicomImage& source,
                         const std::vector<int>& source_frames, const std::vector<io::Image>& predicted,
                         const std::string& outside) {
  io::DerivedDescription about = describe(outside);
  about.source_frames = source_frames;
  if (source.summed) {
    about.sum_dynamic = true;
    about.derivation_description += " Its source is a dynamic series, summed over time.";
  }
  about.instance_number = instance_number(output.source.path, source.series_instance_uid);
  if (key_ != nullptr) {
    about.anonymous = io::Anonymity{secret_, pseudonym(source)};
    key_->add(output.path, source.patient_id, about.anonymous->pseudonym);
  }
  io::write_derived_nm(output.path, output.source.path, predicted, about);
  if (output.display.empty()) return;
  const io::Image picture = display_picture(source, source_frames, predicted);
  if (io::lower_extension(output.display) == ".png") {
    io::write_png(output.display, picture, png_marks(about.model_fingerprint));
  } else {
    io::write_display_copy(output.display, output.source.path, picture, about);
  }
}

io::DerivedDescription DicomResults::describe(const std::string& outside) const {
  const gan::TrainConfig& c = info_.config;
  io::DerivedDescription about;
  about.series_description = "predicted from";
  about.names_source_series = true;
  about.model_name = "pix2pix " + c.net_g;
  about.model_fingerprint = "SHA-256 " + info_.weights_sha256;
  about.software_version = version();
  about.now = now_;
  if (info_.trained_on) {  // what the predicted counts stand for
    const gan::ImageDomain& target = info_.trained_on->target;
    if (target.duration_s) about.frame_duration_ms = 1000 * middle(*target.duration_s);
    if (target.minutes) about.minutes_after_injection = middle(*target.minutes);
  }
  about.derivation_description =
      "Predicted by a pix2pix network (" + c.net_g + ", ngf " + std::to_string(c.ngf) + ", step " +
      std::to_string(info_.progress.step) + ", checkpoint " + checkpoint_.filename().string() +
      "). Not acquired from the patient. Not for diagnostic use." +
      (outside.empty() ? "" : " Outside what the model was trained on: " + outside + ".");
  return about;
}

int DicomResults::instance_number(const fs::path& source, const std::string& series) {
  std::set<long>& taken = numbers_[series];
  long number = io::identity_of(source).number;
  if (number < 1 || number > 0x7fffffff || taken.contains(number))
    for (number = 10001; taken.contains(number);) ++number;
  taken.insert(number);
  return static_cast<int>(number);
}

std::string DicomResults::pseudonym(const io::DicomImage& source) const {
  const std::string patient = source.patient_id.empty() ? source.patient_name : source.patient_id;
  const std::string digits = io::uid_from_name("patient\n" + secret_ + "\n" + patient);
  return "ANON-" + digits.substr(digits.size() - 10);
}

}  // namespace uptake::apps
