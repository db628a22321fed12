#ifdef UPTAKE_HAS_DICOM
#include "io/dicom/dicom_views.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "io/dicom/dicom_acquisition.h"
#include "io/dicom/dicom_dcmtk.h"

namespace uptake::io {
namespace {

// SNOMED RT codes as NM cameras write them, SNOMED CT as the standard now asks, or the plain meaning. Any other
// code names another view. A modifier (such as oblique) makes either of the two another view, too.
NamedView from_code(DcmItem& detector) {
  DcmItem* code = dcmtk::sequence_item(detector, DCM_ViewCodeSequence, 0);
  if (code == nullptr) return {};
  const std::string value = dcmtk::text(*code, DCM_CodeValue);
  const NamedView meant = view_from_label(dcmtk::text(*code, DCM_CodeMeaning));
  if (value.empty() && !meant.named) return {};
  NamedView found{true, meant.view};
  if (value == "G-5215" || value == "272460009") found.view = View::anterior;
  if (value == "G-5216" || value == "278255003") found.view = View::posterior;
  if (meant.named && meant.view != found.view) found.view = View::unknown;
  if (DcmItem* modifier = dcmtk::sequence_item(*code, DCM_ViewModifierCodeSequence, 0)) {
    const NamedView more = view_from_label(dcmtk::text(*modifier, DCM_CodeMeaning));
    if (more.named && more.view != found.view) found.view = View::unknown;
  }
  return found;
}

// PS3.3 C.8.4.15: zero degrees is behind the patient. Oblique and lateral positions are neither view.
NamedView from_angle(DcmItem& detector) {
  const auto angle = dcmtk::number(detector, DCM_StartAngle);
  if (!angle) return {};
  const double turned = std::remainder(*angle, 360.0);
  if (std::abs(turned) <= 20) return {true, View::posterior};
  if (std::abs(turned) >= 160) return {true, View::anterior};
  return {true, View::unknown};
}

// Which block of a private group the creator has reserved, as element numbers 0x1000, 0x1100 ... (PS3.5 7.8.1).
std::vector<Uint16> blocks_of(DcmItem& data, Uint16 group, const std::string& creator) {
  std::vector<Uint16> blocks;
  for (Uint16 block = 0x10; block <= 0xff; ++block)
    if (dcmtk::text(data, DcmTagKey(group, block)) == creator)
      blocks.push_back(static_cast<Uint16>(block << 8));
  return blocks;
}

using Labels = std::vector<std::vector<std::string>>;

Labels labels_of(DcmItem& data) {
  Labels labels;
  for (const Uint16 block :
       blocks_of(data, 0x0011, "GEMS_GENIE_1"))  // names of the data set and of the picture
    for (const Uint16 element : {0x12, 0x30})
      labels.push_back(dcmtk::texts(data, DcmTagKey(0x0011, static_cast<Uint16>(block | element))));
  labels.push_back(dcmtk::texts(data, DCM_ImageID));
  return labels;
}

// Labels hold one value per frame, or one value for the only frame.
NamedView from_labels(const Labels& labels, int frame, int frames) {
  NamedView other;
  for (const auto& values : labels) {
    const bool per_frame = static_cast<int>(values.size()) == frames;
    if (values.empty() || (frames > 1 && !per_frame)) continue;
    const NamedView found = view_from_label(values[static_cast<std::size_t>(per_frame ? frame : 0)]);
    if (found.view != View::unknown) return found;
    other.named = other.named || found.named;
  }
  return other;
}

// The detector that saw the frame, 1-based; the only one there is where no vector says.
std::optional<long> detector_of(DcmItem& data, int frame, int frames) {
  if (const auto number = vector_value(data, DCM_DetectorVector, frame, frames)) return number;
  if (frames == 1 && !data.tagExistsWithValue(DCM_DetectorVector)) return 1;
  return std::nullopt;
}

}  // namespace

NamedView view_from_label(std::string_view label) {
  static constexpr std::array<std::string_view, 22> kOthers{
      "LAT",    "LATERAL", "LLAT",   "RLAT",     "LTLAT",   "RTLAT",     "OBL",    "OBLIQUE",
      "LAO",    "RAO",     "LPO",    "RPO",      "PLANTAR", "PALMAR",    "DORSAL", "VOLAR",
      "VERTEX", "AXIAL",   "MEDIAL", "MEDIALIS", "SKYLINE", "TANGENTIAL"};
  bool anterior = false, posterior = false, other = false;
  std::string word;
  const auto finish = [&](bool after_underscore) {
    if (word == "ANT" || word == "ANTERIOR" || (after_underscore && word == "E")) anterior = true;
    if (word == "POS" || word == "POST" || word == "POSTERIOR" || (after_underscore && word == "F"))
      posterior = true;
    if (std::find(kOthers.begin(), kOthers.end(), word) != kOthers.end()) other = true;
    word.clear();
  };
  bool after_underscore = false;
  for (char c : label) {
    if (std::isalpha(static_cast<unsigned char>(c)) != 0) {
      word += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      continue;
    }
    finish(after_underscore);
    after_underscore = c == '_';
  }
  finish(after_underscore);
  if (other) return {true, View::unknown};
  if (anterior == posterior) return {};
  return {true, anterior ? View::anterior : View::posterior};
}

void find_views(DcmItem& data, int frames, DicomImage& image) {
  const auto count = static_cast<std::size_t>(frames);
  image.views.assign(count, View::unknown);
  image.view_assumed.assign(count, false);
  if (image.modality != "NM" || image.tomographic || image.reconstructed) return;
  const Labels labels = labels_of(data);
  const std::vector<DcmItem*> detectors = dcmtk::sequence_items(data, DCM_DetectorInformationSequence);
  bool untold = false;
  for (int f = 0; f < frames; ++f) {
    const auto detector = detector_of(data, f, frames);
    const bool described = detector && *detector >= 1 && *detector <= static_cast<long>(detectors.size());
    DcmItem* item = described ? detectors[static_cast<std::size_t>(*detector - 1)] : nullptr;
    const auto at = static_cast<std::size_t>(f);
    NamedView found = item != nullptr ? from_code(*item) : NamedView{};
    if (!found.named) found = from_labels(labels, f, frames);
    if (!found.named && item != nullptr) found = from_angle(*item);
    image.views[at] = found.view;
    if (found.named) continue;
    if (detector && data.tagExistsWithValue(DCM_DetectorVector) && (*detector == 1 || *detector == 2)) {
      image.views[at] = *detector == 1 ? View::anterior : View::posterior;
      image.view_assumed[at] = image.views_assumed = true;
    } else {
      untold = true;
    }
  }
  if (image.views_assumed)
    image.warnings.push_back(
        "no attribute names the view, so detector 1 was taken as anterior and detector 2 as posterior");
  if (untold && !image.dynamic)
    image.warnings.push_back("no attribute and no vector of the frames says from which side it was taken");
}

}  // namespace uptake::io
#endif
