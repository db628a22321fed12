#ifdef UPTAKE_HAS_DICOM
#include "io/dicom/dicom_doubts.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <numeric>

#include "io/base/text.h"

namespace uptake::io {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

bool has_synthesizer(DcmItem& data) {
  for (DcmItem* item : dcmtk::sequence_items(data, DCM_ContributingEquipmentSequence)) {
    DcmItem* purpose = dcmtk::sequence_item(*item, DCM_PurposeOfReferenceCodeSequence, 0);
    if (purpose == nullptr) continue;
    if (dcmtk::text(*purpose, DCM_CodeValue) == "109100") return true;
    if (lower(dcmtk::text(*purpose, DCM_CodeMeaning)).find("synthesiz") != std::string::npos) return true;
  }
  return false;
}

double sum_of(const Image& frame) { return std::accumulate(frame.samples.begin(), frame.samples.end(), 0.0); }

/// Cameras round or leave out single events, and lossy pixels are near.
bool same_counts(double a, double b, const DicomImage& image) {
  return std::abs(a - b) <= (image.lossy ? 0.05 : 0.001) * std::max(std::abs(a), std::abs(b));
}

bool is_capture_class(const std::string& uid) {
  return uid.rfind("1.2.840.10008.5.1.4.1.1.7", 0) == 0;  // Secondary Capture, single and multi-frame
}

void doubt_counts(DicomImage& image) {
  if (!image.counts_accumulated) return;
  double total = 0;
  for (const Image& frame : image.frames) total += sum_of(frame);
  const auto declared = static_cast<double>(*image.counts_accumulated);
  if (same_counts(total, declared, image)) return;
  image.warnings.push_back("CountsAccumulated declares " + std::to_string(*image.counts_accumulated) +
                           " counts, but the pixels sum to " + exact_text(total));
}

void doubt_largest(DcmItem& data, const PixelFindings& findings, DicomImage& image) {
  const auto check = [&](const DcmTagKey& tag, const char* name, int found) {
    auto declared = dcmtk::integer(data, tag);
    if (!declared || *declared == 0) return;  // 0 is what those write who do not know
    if (image.is_signed && *declared > 32767) *declared -= 65536;
    if (*declared != found && !image.lossy)
      image.warnings.push_back(std::string(name) + " declares " + std::to_string(*declared) + ", but it is " +
                               std::to_string(found));
  };
  check(DCM_LargestImagePixelValue, "LargestImagePixelValue", findings.highest);
  check(DCM_SmallestImagePixelValue, "SmallestImagePixelValue", findings.lowest);
}

// A true count image that travelled as Secondary Capture is known by its counts: they are what was declared.
void doubt_capture(DcmItem& data, DicomImage& image) {
  image.burned_in = lower(dcmtk::text(data, DCM_BurnedInAnnotation)) == "yes";
  image.conversion_type = dcmtk::text(data, DCM_ConversionType);
  const bool by_class = is_capture_class(image.sop_class_uid);
  if (image.burned_in)
    image.warnings.push_back("BurnedInAnnotation is YES: text or a scale is part of the pixels");
  const bool secondary = image.image_type.size() > 1 && image.image_type[1] == "SECONDARY";
  if (!by_class && !secondary && image.conversion_type.empty()) return;
  double total = 0;
  for (const Image& frame : image.frames) total += sum_of(frame);
  image.captured =
      !image.counts_accumulated || !same_counts(total, static_cast<double>(*image.counts_accumulated), image);
  if (!image.captured) return;
  std::string how = by_class ? "its class is Secondary Capture" : "";
  if (!image.conversion_type.empty())
    how += (how.empty() ? "" : ", ") + std::string("its conversion type ") + printable(image.conversion_type);
  image.warnings.push_back((how.empty() ? std::string("its image type is SECONDARY") : how) +
                           ", so its pixels may be the grays of a screen and not counts");
}

}  // namespace

bool is_marked_synthetic(DcmItem& data, const DicomImage& image) {
  const auto starts = [&](const std::string& text) { return lower(text).rfind("synthetic", 0) == 0; };
  if (lower(dcmtk::text(data, dcmtk::kSyntheticData)) == "yes") return true;
  if (std::any_of(image.image_type.begin(), image.image_type.end(), starts)) return true;
  if (starts(image.series_description) || starts(dcmtk::text(data, DCM_ImageComments)) ||
      starts(dcmtk::text(data, DCM_ImageID)))
    return true;
  if (has_synthesizer(data)) return true;
  const std::string derivation = lower(dcmtk::text(data, DCM_DerivationDescription));
  static constexpr std::array<const char*, 5> kWords{"synthetic", "synthesi", "predicted by", "pix2pix",
                                                     "not acquired from the patient"};
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](const char* word) { return derivation.find(word) != std::string::npos; });
}

void doubt_pixels(DcmItem& data, const PixelFormat& format, const PixelFindings& findings,
                  DicomImage& image) {
  if (findings.unclaimed_bits)
    image.warnings.push_back(
        "bits outside of the " + std::to_string(format.bits_stored) +
        " of BitsStored are set, which no overlay claims; they were left out, so counts may be "
        "too small");
  if (image.modality == "NM") doubt_counts(image);
  doubt_largest(data, findings, image);
  doubt_capture(data, image);
}

}  // namespace uptake::io
#endif
