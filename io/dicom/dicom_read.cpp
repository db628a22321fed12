#ifdef UPTAKE_HAS_DICOM
#include <algorithm>
#include <cstring>
#include <fstream>

#include "io/base/file.h"
#include "io/base/text.h"
#include "io/dicom/dicom.h"
#include "io/dicom/dicom_dcmtk.h"
#include "io/dicom/dicom_pixels.h"
#include "io/dicom/dicom_views.h"

namespace uptake::io {
namespace {

using std::filesystem::path;

void read_identity(DcmItem& data, DicomImage& image) {
  using dcmtk::text;
  image.sop_class_uid = text(data, DCM_SOPClassUID);
  const char* name = dcmFindNameOfUID(image.sop_class_uid.c_str());
  image.sop_class_name = name != nullptr ? name : "";
  image.modality = text(data, DCM_Modality);
  image.patient_id = text(data, DCM_PatientID);
  image.patient_name = text(data, DCM_PatientName);
  image.patient_sex = text(data, DCM_PatientSex);
  image.study_instance_uid = text(data, DCM_StudyInstanceUID);
  image.series_instance_uid = text(data, DCM_SeriesInstanceUID);
  image.sop_instance_uid = text(data, DCM_SOPInstanceUID);
  image.study_description = text(data, DCM_StudyDescription);
  image.series_description = text(data, DCM_SeriesDescription);
  image.manufacturer = text(data, DCM_Manufacturer);
  image.acquisition_date = text(data, DCM_AcquisitionDate);
  image.acquisition_time = text(data, DCM_AcquisitionTime);
  image.image_type = dcmtk::texts(data, DCM_ImageType);
  image.synthetic = text(data, dcmtk::kSyntheticData) == "YES";
  if (DcmItem* pharma = dcmtk::sequence_item(data, DCM_RadiopharmaceuticalInformationSequence, 0)) {
    image.radiopharmaceutical = text(*pharma, DCM_Radiopharmaceutical);
    image.injection_time = text(*pharma, DCM_RadiopharmaceuticalStartTime);
  }
}

void read_acquisition(DcmItem& data, DicomImage& image) {
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

}  // namespace

bool is_dicom(const path& file) noexcept {
  try {
    std::error_code error;
    if (!std::filesystem::is_regular_file(file, error)) return false;
    char head[132] = {};
    std::ifstream stream(file, std::ios::binary);
    if (stream.read(head, sizeof head) && std::memcmp(head + 128, "DICM", 4) == 0) return true;
    if (lower_extension(file) != ".dcm") return false;
    const dcmtk::Session session(file);
    DcmFileFormat parsed;
    dcmtk::load(parsed, file);
    return parsed.getDataset()->tagExists(DCM_SOPClassUID) || parsed.getDataset()->tagExists(DCM_PixelData);
  } catch (...) {
    return false;
  }
}

DicomImage read_dicom(const path& file) {
  const dcmtk::Session session(file);
  DcmFileFormat parsed;
  dcmtk::load(parsed, file);
  DcmDataset& data = *parsed.getDataset();
  DicomImage image;
  image.transfer_syntax = dcmtk::transfer_syntax_name(data.getOriginalXfer());
  read_identity(data, image);
  const PixelFormat format = read_format(data, file, image.warnings);
  image.bits_allocated = format.bits_allocated;
  image.bits_stored = format.bits_stored;
  image.is_signed = format.is_signed;
  image.frames = read_frames(data, format, file);
  if (dcmtk::is_lossy(data.getOriginalXfer()) || dcmtk::text(data, DCM_LossyImageCompression) == "01")
    image.warnings.push_back("the image was compressed with loss, so its counts are approximate");
  read_acquisition(data, image);
  image.views = find_views(data, static_cast<int>(format.frames), image);
  return image;
}

void require_planar(const path& file, const DicomImage& image) {
  if (image.modality != "NM")
    throw FileError(file, "modality is " + (image.modality.empty() ? "missing" : printable(image.modality)) +
                              ", expected NM (nuclear medicine)");
  const std::string kind = image.acquisition_kind();
  if (kind.empty() || kind == "STATIC" || kind == "WHOLE BODY") return;
  throw FileError(file,
                  "image type is " + printable(kind) + ", expected a planar image (STATIC or WHOLE BODY)");
}

}  // namespace uptake::io
#endif
