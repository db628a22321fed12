#ifdef UPTAKE_HAS_DICOM
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "io/base/file.h"
#include "io/dicom/dicom.h"
#include "io/dicom/dicom_dcmtk.h"
#include "io/dicom/dicom_views.h"
#include "io/dicom/dicom_write.h"

namespace uptake::io {
namespace {

using namespace dcmtk;
using std::filesystem::path;

constexpr const char* kPrefix = "SYNTHETIC ";

// The data set is built anew, module by module, and only named attributes of the source enter it: the source
// may be of another class (Secondary Capture), and a copy of everything would carry over private groups,
// overlays, windows and acquired counts that are not true of predicted pixels.
struct Derivation {
  DcmItem& data;
  DcmItem& source;
  const DicomImage& image;  // the source, read
  const DerivedDescription& description;
  std::vector<int> source_frames;  // 1-based, one per derived frame
};

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

void put_patient_and_study(const Derivation& d) {
  for (const DcmTagKey& tag :
       {DCM_PatientName, DCM_PatientID, DCM_PatientBirthDate, DCM_PatientSex, DCM_StudyDate, DCM_StudyTime,
        DCM_StudyID, DCM_AccessionNumber, DCM_ReferringPhysicianName})
    copy_or_empty(d.data, d.source, tag);
  for (const DcmTagKey& tag :
       {DCM_SpecificCharacterSet, DCM_IssuerOfPatientID, DCM_PatientAge, DCM_PatientIdentityRemoved,
        DCM_DeidentificationMethod, DCM_StudyInstanceUID, DCM_StudyDescription, DCM_TimezoneOffsetFromUTC,
        DCM_ProtocolName, DCM_AcquisitionDate, DCM_AcquisitionTime, DCM_LossyImageCompression,
        DCM_LossyImageCompressionRatio, DCM_LossyImageCompressionMethod})
    copy(d.data, d.source, tag);
  // Cameras write 0 for a size or weight nobody entered.
  for (const DcmTagKey& tag : {DCM_PatientSize, DCM_PatientWeight})
    if (number(d.source, tag).value_or(0) > 0) copy(d.data, d.source, tag);
  copy(d.data, d.source, DCM_BodyPartExamined);
  copy_or_empty(d.data, d.source, DCM_Laterality);
}

void put_series(const Derivation& d) {
  std::string title = d.description.series_description;
  if (title.rfind(kPrefix, 0) != 0) title = kPrefix + title;
  const std::string batch = "derived series\n" + d.image.series_instance_uid + "\n" +
                            d.description.model_fingerprint + "\n" + d.description.software_version + "\n" +
                            title;
  const std::string& given = d.description.series_instance_uid;
  put(d.data, DCM_Modality, "NM");
  put(d.data, DCM_SeriesInstanceUID, given.empty() ? uid_from_name(batch) : given);
  put(d.data, DCM_SeriesNumber, std::to_string(d.description.series_number));
  put(d.data, DCM_SeriesDescription, clean(title, 64));
  put(d.data, DCM_InstanceNumber, std::to_string(d.description.instance_number));
  put(d.data, DCM_PatientOrientation, "");
  put_empty_sequence(d.data, DCM_PatientOrientationCodeSequence);
  put_empty_sequence(d.data, DCM_PatientGantryRelationshipCodeSequence);
  // The pixels lie where the source's lie, so they share its frame of reference.
  if (copy(d.data, d.source, DCM_FrameOfReferenceUID))
    copy_or_empty(d.data, d.source, DCM_PositionReferenceIndicator);
}

// The equipment of a series is what made the series: this software. The camera goes among the contributors.
void put_equipment(const Derivation& d) {
  const auto describe_software = [&](DcmItem& item) {
    put(item, DCM_Manufacturer, clean(d.description.software_name, 64));
    put(item, DCM_ManufacturerModelName, clean(d.description.model_name, 64));
    put(item, DCM_SoftwareVersions, clean(d.description.software_version, 64));
  };
  describe_software(d.data);
  DcmItem& synthesizer = append_item(d.data, DCM_ContributingEquipmentSequence);
  put_code(synthesizer, DCM_PurposeOfReferenceCodeSequence, "109100", "DCM", "Synthesizing Equipment");
  describe_software(synthesizer);
  put(synthesizer, DCM_ContributionDescription,
      clean("Predicted by a neural network, weights " + d.description.model_fingerprint, 1024));
  if (d.image.manufacturer.empty()) return;
  DcmItem& camera = append_item(d.data, DCM_ContributingEquipmentSequence);
  put_code(camera, DCM_PurposeOfReferenceCodeSequence, "109101", "DCM", "Acquisition Equipment");
  for (const DcmTagKey& tag : {DCM_Manufacturer, DCM_ManufacturerModelName, DCM_InstitutionName,
                               DCM_StationName, DCM_DeviceSerialNumber, DCM_SoftwareVersions})
    copy(camera, d.source, tag);
}

// No DerivationCodeSequence: the standard's context group (CID 7203) has no code for prediction by a model,
// and a wrong one would be worse than none.
void put_derivation(const Derivation& d) {
  put(d.data, kSyntheticData, "YES");
  const std::string kind = d.image.acquisition_kind().empty() ? "STATIC" : d.image.acquisition_kind();
  const bool transmission = d.image.image_type.size() > 3 && d.image.image_type[3] == "TRANSMISSION";
  put(d.data, DCM_ImageType, "DERIVED\\PRIMARY\\" + kind + (transmission ? "\\TRANSMISSION" : "\\EMISSION"));
  put(d.data, DCM_DerivationDescription, clean(d.description.derivation_description, 1024));
  put(d.data, DCM_ImageComments, "SYNTHETIC IMAGE: predicted, not measured");
  put(d.data, DCM_ImageID, "SYNTHETIC");
  DcmItem& reference = append_item(d.data, DCM_SourceImageSequence);
  put(reference, DCM_ReferencedSOPClassUID, d.image.sop_class_uid);
  put(reference, DCM_ReferencedSOPInstanceUID, d.image.sop_instance_uid);
  if (d.image.frames.size() > 1) {
    std::string numbers;
    for (int number : d.source_frames) numbers += (numbers.empty() ? "" : "\\") + std::to_string(number);
    put(reference, DCM_ReferencedFrameNumber, numbers);
  }
  put_code(reference, DCM_PurposeOfReferenceCodeSequence, "121322", "DCM",
           "Source image for image processing operation");
  put(reference, DCM_SpatialLocationsPreserved, "YES");
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
  copy_or_empty(d.data, d.source, DCM_PixelSpacing);
  if (d.image.acquisition_kind() == "WHOLE BODY")  // what the rows cover, which prediction does not change
    for (const DcmTagKey& tag : {DCM_ScanVelocity, DCM_ScanLength, DCM_WholeBodyTechnique})
      copy_or_empty(d.data, d.source, tag);
  put_pixels(d.data, frames);
}

// Copies one item of a sequence of the source, or leaves the sequence empty.
void copy_item(const Derivation& d, const DcmTagKey& sequence, unsigned index) {
  DcmItem* item = sequence_item(d.source, sequence, index);
  if (item == nullptr) return put_empty_sequence(d.data, sequence);
  append_item(d.data, sequence) = *item;
}

// What one output detector is: a detector of the source, and the side it saw.
struct Detector {
  long source_number;
  View view;
  bool assumed;
  bool operator==(const Detector&) const = default;
};

// Detectors are numbered from 1 in the order of the frames, as the standard demands of the vector. A view
// that was only assumed is not written as if it were known, unless the new number would suggest the other
// side.
void put_detectors(const Derivation& d) {
  std::vector<Uint16> numbers;
  std::vector<Detector> detectors;
  for (const int frame : d.source_frames) {
    const auto at = static_cast<unsigned>(frame - 1);
    const Detector detector{std::clamp(integer(d.source, DCM_DetectorVector, at).value_or(1), 1L, 0xffffL),
                            d.image.views[at], d.image.view_assumed[at]};
    const auto found = std::find(detectors.begin(), detectors.end(), detector);
    numbers.push_back(static_cast<Uint16>(found - detectors.begin() + 1));
    if (found == detectors.end()) detectors.push_back(detector);
  }
  put_frame_vectors(d.data, numbers);
  for (std::size_t k = 0; k < detectors.size(); ++k) {
    const Detector& from = detectors[k];
    DcmItem& detector = append_item(d.data, DCM_DetectorInformationSequence);
    DcmItem* camera = sequence_item(d.source, DCM_DetectorInformationSequence,
                                    static_cast<unsigned>(from.source_number - 1));
    put(detector, DCM_CollimatorType, camera != nullptr ? text(*camera, DCM_CollimatorType) : "");
    put(detector, DCM_ImagePositionPatient, "");
    put(detector, DCM_ImageOrientationPatient, "");
    if (!from.assumed || from.source_number != static_cast<long>(k + 1)) put_view(detector, from.view);
  }
}

void check_source(const path& source, const DicomImage& image) {
  require_planar(source, image);
  const auto demand = [&](const std::string& value, const char* name) {
    if (value.empty())
      throw FileError(source, std::string("has no ") + name + ", which a derived image must refer to");
  };
  demand(image.sop_class_uid, "SOPClassUID");
  demand(image.sop_instance_uid, "SOPInstanceUID");
  demand(image.study_instance_uid, "StudyInstanceUID");
  demand(image.series_instance_uid, "SeriesInstanceUID");
}

}  // namespace

WrittenDicom write_derived_nm(const path& target, const path& source, const std::vector<Image>& frames,
                              const DerivedDescription& description) {
  const Session session(source);
  const DicomImage image = read_dicom(source);
  check_source(source, image);
  DcmFileFormat original, file;
  load(original, source);
  const Derivation d{*file.getDataset(), *original.getDataset(), image, description,
                     check_frames(frames, image, description)};
  put(d.data, DCM_SOPClassUID, UID_NuclearMedicineImageStorage);
  put_patient_and_study(d);
  put_series(d);
  put_equipment(d);
  put_derivation(d);
  put_acquisition(d, frames);
  put_detectors(d);
  const auto first = static_cast<unsigned>(d.source_frames[0] - 1);
  const long window = std::max(1L, integer(d.source, DCM_EnergyWindowVector, first).value_or(1));
  copy_item(d, DCM_EnergyWindowInformationSequence, static_cast<unsigned>(std::min(window - 1, 0xffffL)));
  copy_item(d, DCM_RadiopharmaceuticalInformationSequence, 0);

  // The identity is the content: a hash of everything else, so a repeated run writes the same object again,
  // and an object that differs in any pixel or word is another object.
  put(d.data, DCM_SOPInstanceUID, "");
  const std::string name = "derived instance\n" + serialize(file, target);
  WrittenDicom written{uid_from_name(name), text(d.data, DCM_SeriesInstanceUID)};
  put(d.data, DCM_SOPInstanceUID, written.sop_instance_uid);
  write_file_atomically(target, serialize(file, target));
  return written;
}

}  // namespace uptake::io
#endif
