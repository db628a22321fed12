#ifdef UPTAKE_HAS_DICOM
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "io/base/file.h"
#include "io/dicom/dicom_modules.h"
#include "io/dicom/dicom_write.h"
#include "io/image/montage.h"

namespace uptake::io {
namespace {

using namespace dcmtk;
using std::filesystem::path;

std::vector<int> check_frames(const std::vector<Image>& frames, const DicomImage& source,
                              const DerivedDescription& about) {
  std::vector<int> from = about.source_frames;
  if (from.empty())
    for (std::size_t f = 0; f < frames.size(); ++f) from.push_back(static_cast<int>(f) + 1);
  if (frames.empty() || from.size() != frames.size())
    throw std::invalid_argument(std::to_string(frames.size()) + " derived frames name " +
                                std::to_string(from.size()) + " source frames");
  for (int number : from)
    if (number < 1 || number > static_cast<int>(source.frames.size()))
      throw std::invalid_argument("source frame " + std::to_string(number) + " of " +
                                  std::to_string(source.frames.size()));
  for (const Image& frame : frames)
    if (frame.height != source.frames[0].height || frame.width != source.frames[0].width)
      throw std::invalid_argument(
          "a derived frame of " + std::to_string(frame.height) + " x " + std::to_string(frame.width) +
          " does not lie on the pixels of its source, " + std::to_string(source.frames[0].height) + " x " +
          std::to_string(source.frames[0].width));
  return from;
}

// How viewers show it at first: black is no counts, white what all but one in 200 of the pixels with counts stay below.
void put_window(DcmItem& data, const std::vector<Image>& frames) {
  const double top = display_top(frames);
  // PS3.3 C.11.2.1.2.1: the linear function reaches its ends at center - 0.5 -+ (width - 1) / 2.
  const auto number = [](double value) {
    const std::string digits = std::to_string(value);
    return digits.substr(0, digits.find('.') + 2);
  };
  put(data, DCM_WindowCenter, number(top / 2 + 0.5));
  put(data, DCM_WindowWidth, number(top + 1));
}

// CountsAccumulated is the number of gamma events counted. No event was counted for predicted pixels, so it
// is present and empty, as its type 2 allows; copying the source's would be false, and the sum of the pixels
// would pass a prediction off as a measurement. ActualFrameDuration may not be empty: it is the acquisition
// time that the predicted counts stand for, if the caller knows, or else that of the source.
void put_acquisition(const Derivation& d, const std::vector<Image>& frames) {
  put(d.data, DCM_CountsAccumulated, "");
  const double duration_ms =
      d.description.frame_duration_ms > 0 ? d.description.frame_duration_ms : d.image.frame_duration_ms;
  put(d.data, DCM_ActualFrameDuration, std::to_string(std::lround(std::min(duration_ms, 2147483647.0))));
  const bool spaced = d.image.row_spacing_mm > 0;
  put(d.data, DCM_PixelSpacing, spaced ? text(d.source, DCM_PixelSpacing) : "");
  if (d.image.acquisition_kind() == "WHOLE BODY")  // what the rows cover, which prediction does not change
    for (const DcmTagKey& tag : {DCM_ScanVelocity, DCM_ScanLength, DCM_WholeBodyTechnique})
      copy_or_empty(d.data, d.source, tag);
  put_pixels(d.data, frames);
  put_window(d.data, frames);
}

// Each entry of a frame vector is the number, from 1, of a thing that frames share: the things in the order in which the
// frames name them first.
template <class Thing>
struct Numbered {
  std::vector<Uint16> vector;
  std::vector<Thing> things;
  void add(const Thing& thing) {
    const auto found = std::ranges::find(things, thing);
    vector.push_back(static_cast<Uint16>(found - things.begin() + 1));
    if (found == things.end()) things.push_back(thing);
  }
};

// What one output detector is: a detector of the source, and the side it saw.
struct Detector {
  long source_number;
  View view;
  bool assumed;
  bool operator==(const Detector&) const = default;
};

long vector_entry(const Derivation& d, const DcmTagKey& vector, int frame) {
  return std::clamp(integer(d.source, vector, static_cast<unsigned>(frame - 1)).value_or(1), 1L, 0xffffL);
}

// A view that was only assumed is not written as if it were known, unless the new number would suggest the other
// side. A named view that is neither anterior nor posterior keeps its name.
void put_detector(const Derivation& d, const Detector& from, bool keeps_number) {
  DcmItem& detector = append_item(d.data, DCM_DetectorInformationSequence);
  DcmItem nothing;
  DcmItem* found =
      sequence_item(d.source, DCM_DetectorInformationSequence, static_cast<unsigned>(from.source_number - 1));
  DcmItem& camera = found != nullptr ? *found : nothing;
  copy_or_empty(detector, camera, DCM_CollimatorType);
  copy_or_empty(detector, camera, DCM_FocalDistance);
  put(detector, DCM_ImagePositionPatient, "");
  put(detector, DCM_ImageOrientationPatient, "");
  if (from.view == View::unknown) {
    if (camera.tagExistsWithValue(DCM_ViewCodeSequence) &&
        !copy_sequence(camera, detector, DCM_ViewCodeSequence))
      delete detector.remove(DCM_ViewCodeSequence);
  } else if (!from.assumed || !keeps_number) {
    put_view(detector, from.view);
  }
}

// Windows and detectors are numbered from 1 in the order of the frames, as the standard demands of the vectors.
void put_frames(const Derivation& d) {
  Numbered<unsigned> windows;  // by their item in the source
  Numbered<Detector> detectors;
  for (const int frame : d.source_frames) {
    windows.add(static_cast<unsigned>(vector_entry(d, DCM_EnergyWindowVector, frame) - 1));
    const auto at = static_cast<std::size_t>(frame - 1);
    detectors.add({vector_entry(d, DCM_DetectorVector, frame), d.image.views[at], d.image.view_assumed[at]});
  }
  put_frame_vectors(d.data, windows.vector, detectors.vector);
  copy_sequence(d.source, d.data, DCM_EnergyWindowInformationSequence, &windows.things);
  for (std::size_t k = 0; k < detectors.things.size(); ++k)
    put_detector(d, detectors.things[k], detectors.things[k].source_number == static_cast<long>(k + 1));
}

void put_isotope(const Derivation& d) {
  copy_sequence(d.source, d.data, DCM_RadiopharmaceuticalInformationSequence);
  for (unsigned i = 0; DcmItem* tracer = sequence_item(d.data, DCM_RadiopharmaceuticalInformationSequence, i);
       ++i)
    if (!tracer->tagExists(DCM_RadionuclideCodeSequence))
      put_empty_sequence(*tracer, DCM_RadionuclideCodeSequence);
}

// The pixels lie where the source's lie, so they share its frame of reference.
void put_orientation(const Derivation& d) {
  copy_sequence(d.source, d.data, DCM_PatientOrientationCodeSequence);
  copy_sequence(d.source, d.data, DCM_PatientGantryRelationshipCodeSequence);
  if (copy(d.data, d.source, DCM_FrameOfReferenceUID))
    copy_or_empty(d.data, d.source, DCM_PositionReferenceIndicator);
  put(*sequence_item(d.data, DCM_SourceImageSequence, 0), DCM_SpatialLocationsPreserved, "YES");
}

}  // namespace

WrittenDicom write_derived_nm(const path& target, const path& source, const std::vector<Image>& frames,
                              const DerivedDescription& description) {
  const Session session(source);
  DcmFileFormat original, file;
  const DicomImage image = open_source(source, description, original);
  const Derivation d{*file.getDataset(),
                     *original.getDataset(),
                     image,
                     description,
                     check_frames(frames, image, description),
                     text(*original.getDataset(), DCM_SpecificCharacterSet)};
  const std::string kind = image.acquisition_kind().empty() ? "STATIC" : image.acquisition_kind();
  const bool transmission = image.image_type.size() > 3 && image.image_type[3] == "TRANSMISSION";
  put(d.data, DCM_SOPClassUID, UID_NuclearMedicineImageStorage);
  put_patient_and_study(d);
  put_series(d, "", 0);
  put_equipment(d);
  put_derivation(d, "PRIMARY\\" + kind + (transmission ? "\\TRANSMISSION" : "\\EMISSION"));
  put(d.data, DCM_ImageID, "SYNTHETIC");
  put_orientation(d);
  put_acquisition(d, frames);
  put_frames(d);
  put_isotope(d);
  return finish(d, file, target);
}

}  // namespace uptake::io
#endif
