#ifdef UPTAKE_HAS_DICOM
#include "io/dicom/dicom_views.h"

#include <algorithm>
#include <cmath>

#include "io/dicom/dicom_dcmtk.h"

namespace uptake::io {
namespace {

// The detector that saw the frame, 1-based.
long detector_of(DcmItem& data, int frame) {
  return dcmtk::integer(data, DCM_DetectorVector, static_cast<unsigned>(frame)).value_or(1);
}

// SNOMED RT codes as NM cameras write them, SNOMED CT as the standard now asks, or the plain meaning.
View from_code(DcmItem& detector) {
  DcmItem* code = dcmtk::sequence_item(detector, DCM_ViewCodeSequence, 0);
  if (code == nullptr) return View::unknown;
  const std::string value = dcmtk::text(*code, DCM_CodeValue);
  if (value == "G-5215" || value == "272460009") return View::anterior;
  if (value == "G-5216" || value == "278255003") return View::posterior;
  std::string meaning = dcmtk::text(*code, DCM_CodeMeaning);
  std::transform(meaning.begin(), meaning.end(), meaning.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  if (meaning == "anterior" || meaning == "anterior projection") return View::anterior;
  if (meaning == "posterior" || meaning == "posterior projection") return View::posterior;
  return View::unknown;
}

// PS3.3 C.8.4.15: zero degrees is behind the patient. Oblique and lateral positions are neither view.
View from_angle(DcmItem& detector) {
  const auto angle = dcmtk::number(detector, DCM_StartAngle);
  if (!angle) return View::unknown;
  const double turned = std::remainder(*angle, 360.0);
  if (std::abs(turned) <= 20) return View::posterior;
  if (std::abs(turned) >= 160) return View::anterior;
  return View::unknown;
}

// Labels hold one value per frame, or one value for the only frame.
View from_labels(DcmItem& data, int frame, int frames) {
  const DcmTagKey labels[] = {DcmTagKey(0x0011, 0x1012), DcmTagKey(0x0011, 0x1030), DCM_ImageID};
  for (const DcmTagKey& tag : labels) {
    const auto values = dcmtk::texts(data, tag);
    const bool per_frame = static_cast<int>(values.size()) == frames;
    if (values.empty() || (frames > 1 && !per_frame)) continue;
    const View view = view_from_label(values[static_cast<std::size_t>(per_frame ? frame : 0)]);
    if (view != View::unknown) return view;
  }
  return View::unknown;
}

}  // namespace

View view_from_label(std::string_view label) {
  bool anterior = false, posterior = false;
  std::string word;
  const auto finish = [&](bool after_underscore) {
    if (word == "ANT" || word == "ANTERIOR" || (after_underscore && word == "E")) anterior = true;
    if (word == "POS" || word == "POST" || word == "POSTERIOR" || (after_underscore && word == "F"))
      posterior = true;
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
  if (anterior == posterior) return View::unknown;
  return anterior ? View::anterior : View::posterior;
}

std::vector<View> find_views(DcmItem& data, int frames, DicomImage& image) {
  std::vector<View> views(static_cast<std::size_t>(frames), View::unknown);
  if (image.modality != "NM" || image.acquisition_kind().find("TOMO") != std::string::npos) return views;
  for (int f = 0; f < frames; ++f) {
    const long detector = detector_of(data, f);
    DcmItem* item =
        detector >= 1 && detector <= 0xffff
            ? dcmtk::sequence_item(data, DCM_DetectorInformationSequence, static_cast<unsigned>(detector - 1))
            : nullptr;
    View view = item != nullptr ? from_code(*item) : View::unknown;
    if (view == View::unknown) view = from_labels(data, f, frames);
    if (view == View::unknown && item != nullptr) view = from_angle(*item);
    if (view == View::unknown && (detector == 1 || detector == 2)) {
      view = detector == 1 ? View::anterior : View::posterior;
      image.views_assumed = true;
    }
    views[static_cast<std::size_t>(f)] = view;
  }
  if (image.views_assumed)
    image.warnings.push_back(
        "no attribute names the view, so detector 1 was taken as anterior and detector 2 as posterior");
  return views;
}

}  // namespace uptake::io
#endif
