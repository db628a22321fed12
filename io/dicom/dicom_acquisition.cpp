#ifdef UPTAKE_HAS_DICOM
#include "io/dicom/dicom_acquisition.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <utility>

#include "io/base/text.h"

namespace uptake::io {
namespace {

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

// SNOMED RT and CT codes of the regions that planar bone scans name most; others go by their meaning.
std::string region_name(DcmItem& region) {
  static constexpr std::array<std::array<const char*, 3>, 6> kRegions{
      {{"T-D8700", "85562004", "HAND"},
       {"T-D9700", "56459004", "FOOT"},
       {"T-D2220", "49852007", "KNEE"},
       {"T-15460", "74670003", "WRIST"},
       {"T-15750", "70258002", "ANKLE"},
       {"T-D0010", "38266002", "WHOLE BODY"}}};
  const std::string code = dcmtk::text(region, DCM_CodeValue);
  for (const auto& [rt, ct, name] : kRegions)
    if (code == rt || code == ct) return name;
  return upper(dcmtk::text(region, DCM_CodeMeaning));
}

std::string side_of(const std::string& text) {
  const std::string side = upper(text);
  if (side == "R" || side == "RIGHT") return "R";
  if (side == "L" || side == "LEFT") return "L";
  if (side == "B" || side == "BOTH" || side == "BILATERAL" || side == "RIGHT AND LEFT") return "B";
  return {};
}

// CID 244 in its codings of SNOMED RT and CT.
std::string side_of_code(DcmItem& code) {
  const std::string value = dcmtk::text(code, DCM_CodeValue);
  if (value == "G-A100" || value == "24028007") return "R";
  if (value == "G-A101" || value == "7771000") return "L";
  if (value == "G-A102" || value == "51440002") return "B";
  return side_of(dcmtk::text(code, DCM_CodeMeaning));
}

void read_region(DcmItem& data, DicomImage& image) {
  image.body_part = upper(dcmtk::text(data, DCM_BodyPartExamined));
  std::set<std::string> sides;
  const auto add = [&](const std::string& side) {
    if (!side.empty()) sides.insert(side);
    if (image.laterality.empty()) image.laterality = side;
  };
  add(side_of(dcmtk::text(data, DCM_ImageLaterality)));
  add(side_of(dcmtk::text(data, DCM_Laterality)));
  if (DcmItem* region = dcmtk::sequence_item(data, DCM_AnatomicRegionSequence, 0)) {
    if (image.body_part.empty()) image.body_part = region_name(*region);
    if (DcmItem* modifier = dcmtk::sequence_item(*region, DCM_AnatomicRegionModifierSequence, 0))
      add(side_of_code(*modifier));
  }
  if (sides.size() > 1)
    image.warnings.push_back("its attributes name different sides of the body; " + image.laterality +
                             " was taken");
}

void read_tracer(DcmItem& data, DicomImage& image) {
  DcmItem* given = dcmtk::sequence_item(data, DCM_RadiopharmaceuticalInformationSequence, 0);
  if (given == nullptr) return;
  image.radiopharmaceutical = dcmtk::text(*given, DCM_Radiopharmaceutical);
  image.injection_time = dcmtk::text(*given, DCM_RadiopharmaceuticalStartTime);
  image.injection_datetime = dcmtk::text(*given, DCM_RadiopharmaceuticalStartDateTime);
}

struct Vector {
  DcmTagKey tag;
  const char* name;
  bool DicomImage::*kind;
  const char* meaning;
};

// PS3.3 C.8.4.8: the vectors that frames of each kind are ordered by, beside energy window and detector.
const std::array<Vector, 8>& vectors() {
  static const std::array<Vector, 8> all{
      Vector{DCM_SliceVector, "SliceVector", &DicomImage::reconstructed, "reconstructed"},
      Vector{DCM_RotationVector, "RotationVector", &DicomImage::tomographic, "tomographic"},
      Vector{DCM_AngularViewVector, "AngularViewVector", &DicomImage::tomographic, "tomographic"},
      Vector{DCM_RRIntervalVector, "RRIntervalVector", &DicomImage::gated, "gated"},
      Vector{DCM_TimeSlotVector, "TimeSlotVector", &DicomImage::gated, "gated"},
      Vector{DCM_PhaseVector, "PhaseVector", &DicomImage::dynamic, "dynamic"},
      Vector{DCM_TimeSliceVector, "TimeSliceVector", &DicomImage::dynamic, "dynamic"},
      Vector{DCM_FrameTimeVector, "FrameTimeVector", &DicomImage::dynamic, "dynamic"}};
  return all;
}

/// Does FrameIncrementPointer name the attribute?
bool increments_by(DcmItem& data, const DcmTagKey& tag) {
  DcmElement* pointer = nullptr;
  if (data.findAndGetElement(DCM_FrameIncrementPointer, pointer).bad() || pointer == nullptr) return false;
  for (unsigned long k = 0; k < pointer->getVM(); ++k) {
    DcmTagKey named;
    auto* tags = dynamic_cast<DcmAttributeTag*>(pointer);
    if (tags != nullptr && tags->getTagVal(named, k).good() && named == tag) return true;
  }
  return false;
}

bool varies(DcmItem& data, const DcmTagKey& tag) {
  const auto values = dcmtk::texts(data, tag);
  return std::set<std::string>(values.begin(), values.end()).size() > 1;
}

/// Two frames of one energy window and one detector differ by something else: time, angle or place.
bool repeats_a_view(DcmItem& data, int frames) {
  std::set<std::pair<long, long>> seen;
  for (int f = 0; f < frames; ++f) {
    const auto window = vector_value(data, DCM_EnergyWindowVector, f, frames),
               detector = vector_value(data, DCM_DetectorVector, f, frames);
    if (!seen.insert({window.value_or(0), detector.value_or(0)}).second) return true;
  }
  return false;
}

}  // namespace

std::optional<long> vector_value(DcmItem& data, const DcmTagKey& vector, int frame, int frames) {
  DcmElement* element = nullptr;
  if (data.findAndGetElement(vector, element).bad() || element == nullptr) return std::nullopt;
  if (element->getVM() != static_cast<unsigned long>(frames)) return std::nullopt;
  Uint16 value = 0;
  if (element->getUint16(value, static_cast<unsigned long>(frame)).good()) return value;
  return dcmtk::integer(data, vector, static_cast<unsigned>(frame));
}

void read_acquisition(DcmItem& data, DicomImage& image) {
  read_tracer(data, image);
  read_region(data, image);
  image.counts_accumulated = dcmtk::integer(data, DCM_CountsAccumulated);
  image.frame_duration_ms = std::max(0.0, dcmtk::number(data, DCM_ActualFrameDuration).value_or(0));
  const auto row = dcmtk::number(data, DCM_PixelSpacing, 0),
             column = dcmtk::number(data, DCM_PixelSpacing, 1);
  if (row && column && *row > 0 && *column > 0) {
    image.row_spacing_mm = *row;
    image.column_spacing_mm = *column;
  } else if (data.tagExistsWithValue(DCM_PixelSpacing)) {
    image.warnings.push_back("PixelSpacing " + printable(dcmtk::text(data, DCM_PixelSpacing)) +
                             " is not two positive numbers and was ignored");
  }
}

void read_kind(DcmItem& data, int frames, DicomImage& image) {
  const std::string kind = image.acquisition_kind();
  const auto has = [&](const char* word) { return kind.find(word) != std::string::npos; };
  image.whole_body = has("WHOLE BODY");
  image.dynamic = has("DYNAMIC");
  image.gated = has("GATED");
  image.reconstructed = has("RECON");
  image.tomographic = has("TOMO");
  if (!kind.empty() && kind != "STATIC" && kind != "WHOLE BODY") {
    image.not_planar = "image type is " + printable(kind);
    return;
  }
  // A type that says static is believed over an empty habit of the camera, not over frames that do differ by
  // slice, angle or time.
  for (const Vector& vector : vectors()) {
    const bool named = increments_by(data, vector.tag);
    const bool counts = kind.empty() ? named || data.tagExistsWithValue(vector.tag)
                                     : frames > 1 && (named || varies(data, vector.tag));
    if (!counts) continue;
    image.*vector.kind = true;
    if (image.not_planar.empty())
      image.not_planar =
          std::string(kind.empty() ? "image type names no acquisition" : "image type is " + kind) +
          ", but its frames have a " + vector.name + ", as " + vector.meaning + " ones have";
  }
  if (!image.not_planar.empty() || !kind.empty() || frames == 1 || image.modality != "NM") return;
  if (repeats_a_view(data, frames)) {
    image.dynamic = true;
    image.not_planar =
        "image type names no acquisition, and several frames are of one energy window and detector or of "
        "none that is "
        "named, as in a series over time or angles";
  }
}

}  // namespace uptake::io
#endif
