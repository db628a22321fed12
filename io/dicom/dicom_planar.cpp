#ifdef UPTAKE_HAS_DICOM
#include <charconv>
#include <stdexcept>

#include "io/base/file.h"
#include "io/dicom/dicom.h"
#include "io/dicom/dicom_dcmtk.h"
#include "io/dicom/dicom_write.h"

namespace uptake::io {
namespace {

using namespace dcmtk;

// A decimal string (DS) of at most 16 characters.
std::string decimal(double value) {
  char digits[32];
  const auto [end, error] =
      std::to_chars(digits, digits + sizeof digits, value, std::chars_format::general, 9);
  return error == std::errc() ? std::string(digits, end) : "0";
}

void check(const PlanarNm& planar) {
  if (planar.frames.empty() || planar.frames.size() > 2)
    throw std::invalid_argument("a planar NM image has one or two frames, not " +
                                std::to_string(planar.frames.size()));
  if (planar.views.size() != planar.frames.size())
    throw std::invalid_argument("a planar NM image needs one view per frame");
  if (planar.study_instance_uid.empty() || planar.series_instance_uid.empty() ||
      planar.sop_instance_uid.empty())
    throw std::invalid_argument("a planar NM image needs study, series and SOP instance UIDs");
}

void put_patient_and_study(DcmItem& data, const PlanarNm& planar) {
  put(data, DCM_PatientName, clean(planar.patient_name, 64));
  put(data, DCM_PatientID, clean(planar.patient_id, 64));
  put(data, DCM_PatientBirthDate, "");
  put(data, DCM_PatientSex, clean(planar.patient_sex, 16));
  put(data, DCM_StudyInstanceUID, planar.study_instance_uid);
  put(data, DCM_StudyDate, planar.study_date);
  put(data, DCM_StudyTime, planar.study_time);
  put(data, DCM_StudyID, "1");
  put(data, DCM_StudyDescription, clean(planar.study_description, 64));
  put(data, DCM_AccessionNumber, "");
  put(data, DCM_ReferringPhysicianName, "");
}

void put_series(DcmItem& data, const PlanarNm& planar) {
  put(data, DCM_Modality, "NM");
  put(data, DCM_SeriesInstanceUID, planar.series_instance_uid);
  put(data, DCM_SeriesNumber, std::to_string(planar.series_number));
  put(data, DCM_SeriesDescription, clean(planar.series_description, 64));
  put(data, DCM_SeriesDate, planar.study_date);
  put(data, DCM_SeriesTime, planar.acquisition_time);
  put(data, DCM_Laterality, planar.laterality);
  if (!planar.body_part.empty()) put(data, DCM_BodyPartExamined, clean(planar.body_part, 16));
  put_empty_sequence(data, DCM_PatientOrientationCodeSequence);
  put_empty_sequence(data, DCM_PatientGantryRelationshipCodeSequence);
  if (!planar.frame_of_reference_uid.empty()) {
    put(data, DCM_FrameOfReferenceUID, planar.frame_of_reference_uid);
    put(data, DCM_PositionReferenceIndicator, "");
  }
  put(data, DCM_Manufacturer, clean(planar.manufacturer, 64));
  put(data, DCM_ManufacturerModelName, clean(planar.model_name, 64));
}

void put_isotope(DcmItem& data, const PlanarNm& planar) {
  DcmItem& window = append_item(data, DCM_EnergyWindowInformationSequence);
  put(window, DCM_EnergyWindowName, "Tc-99m");
  DcmItem& range = append_item(window, DCM_EnergyWindowRangeSequence);
  put(range, DCM_EnergyWindowLowerLimit, "128.6");
  put(range, DCM_EnergyWindowUpperLimit, "149.4");

  DcmItem& tracer = append_item(data, DCM_RadiopharmaceuticalInformationSequence);
  put_code(tracer, DCM_RadionuclideCodeSequence, "C-163A8", "SRT", "^99m^Technetium");
  put(tracer, DCM_Radiopharmaceutical, "Tc-99m HDP");
  put(tracer, DCM_RadiopharmaceuticalStartTime, planar.injection_time);
  put(tracer, DCM_RadionuclideTotalDose, decimal(planar.injected_activity_mbq));  // MBq in the NM module
}

void put_detectors(DcmItem& data, const PlanarNm& planar) {
  for (const View view : planar.views) {
    DcmItem& detector = append_item(data, DCM_DetectorInformationSequence);
    put(detector, DCM_CollimatorType, "PARA");
    put(detector, DCM_FocalDistance, "0");  // parallel holes
    put(detector, DCM_ImagePositionPatient, "");
    put(detector, DCM_ImageOrientationPatient, "");
    put_view(detector, view);
  }
}

}  // namespace

void write_planar_nm(const std::filesystem::path& path, const PlanarNm& planar) {
  check(planar);
  const Session session(path);
  DcmFileFormat file;
  DcmDataset& data = *file.getDataset();
  put(data, DCM_SOPClassUID, UID_NuclearMedicineImageStorage);
  put(data, DCM_SOPInstanceUID, planar.sop_instance_uid);
  if (planar.synthetic) put(data, kSyntheticData, "YES");
  put(data, DCM_ImageType, "ORIGINAL\\PRIMARY\\STATIC\\EMISSION");
  put(data, DCM_InstanceNumber, std::to_string(planar.instance_number));
  put(data, DCM_AcquisitionDate, planar.study_date);
  put(data, DCM_AcquisitionTime, planar.acquisition_time);
  put(data, DCM_ContentDate, planar.study_date);
  put(data, DCM_ContentTime, planar.acquisition_time);
  put(data, DCM_PatientOrientation, "");
  put(data, DCM_BurnedInAnnotation, "NO");
  put_patient_and_study(data, planar);
  put_series(data, planar);
  put(data, DCM_PixelSpacing, decimal(planar.pixel_spacing_mm) + "\\" + decimal(planar.pixel_spacing_mm));
  put(data, DCM_ActualFrameDuration, std::to_string(static_cast<long>(planar.frame_duration_ms)));
  put(data, DCM_CountsAccumulated, std::to_string(put_pixels(data, planar.frames)));
  std::vector<Uint16> detectors;
  for (std::size_t f = 0; f < planar.frames.size(); ++f) detectors.push_back(static_cast<Uint16>(f + 1));
  put_frame_vectors(data, std::vector<Uint16>(detectors.size(), 1), detectors);
  put_isotope(data, planar);
  put_detectors(data, planar);
  write_file_atomically(path, serialize(file, path));
}

}  // namespace uptake::io
#endif
