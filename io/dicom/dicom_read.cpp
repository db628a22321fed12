#ifdef UPTAKE_HAS_DICOM
#include <cstring>
#include <fstream>

#include "io/base/file.h"
#include "io/base/folder.h"
#include "io/base/text.h"
#include "io/dicom/dicom.h"
#include "io/dicom/dicom_acquisition.h"
#include "io/dicom/dicom_dcmtk.h"
#include "io/dicom/dicom_doubts.h"
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
  const auto date_and_time = [&](const DcmTagKey& date, const DcmTagKey& time, std::string& day,
                                 std::string& hour) {
    day = text(data, date);
    hour = text(data, time);
  };
  date_and_time(DCM_StudyDate, DCM_StudyTime, image.study_date, image.study_time);
  date_and_time(DCM_SeriesDate, DCM_SeriesTime, image.series_date, image.series_time);
  date_and_time(DCM_ContentDate, DCM_ContentTime, image.content_date, image.content_time);
  date_and_time(DCM_AcquisitionDate, DCM_AcquisitionTime, image.acquisition_date, image.acquisition_time);
  image.acquisition_datetime = text(data, DCM_AcquisitionDateTime);
  image.image_type = dcmtk::texts(data, DCM_ImageType);
  image.synthetic = is_marked_synthetic(data, image);
}

// Without preamble a data set begins with an attribute of group 2 or 8 (big-endian files have their bytes
// swapped), then either its two letters of VR or a length that is not absurd.
bool begins_as_data_set(std::string_view head) {
  if (head.size() < 8) return false;
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(head[at]); };
  const bool little = (byte(0) == 2 || byte(0) == 8) && byte(1) == 0, big = byte(0) == 0 && byte(1) == 8;
  const auto capital = [&](std::size_t at) { return byte(at) >= 'A' && byte(at) <= 'Z'; };
  return (little && byte(6) < 4 && byte(7) == 0) || ((little || big) && capital(4) && capital(5));
}

enum class Beginning { mark, data_set, other };
Beginning beginning_of(const path& file) {
  char head[132] = {};
  std::ifstream stream(file, std::ios::binary);
  stream.read(head, sizeof head);
  const auto got = static_cast<std::size_t>(stream.gcount());
  if (got == sizeof head && std::memcmp(head + 128, "DICM", 4) == 0) return Beginning::mark;
  return begins_as_data_set(std::string_view(head, got)) ? Beginning::data_set : Beginning::other;
}

}  // namespace

bool is_dicom(const path& file) noexcept {
  try {
    if (!is_regular(file)) return false;
    const Beginning beginning = beginning_of(file);
    if (beginning != Beginning::data_set) return beginning == Beginning::mark;
    const dcmtk::Session session(file);
    DcmFileFormat parsed;
    dcmtk::load(parsed, file);
    return parsed.getDataset()->tagExists(DCM_SOPClassUID) || parsed.getDataset()->tagExists(DCM_PixelData);
  } catch (...) {
    return false;
  }
}

namespace {

DicomImage read(const path& file, bool summed) {
  const dcmtk::Session session(file);
  DcmFileFormat parsed;
  dcmtk::load(parsed, file);
  if (beginning_of(file) == Beginning::other)
    throw FileError(file,
                    "cannot be read as DICOM: it has neither the DICM mark nor the beginning of a data set");
  DcmDataset& data = *parsed.getDataset();
  DicomImage image;
  image.transfer_syntax = dcmtk::transfer_syntax_name(data.getOriginalXfer());
  read_identity(data, image);
  const PixelFormat format = read_format(data, file, image.warnings);
  image.bits_allocated = format.bits_allocated;
  image.bits_stored = format.bits_stored;
  image.is_signed = format.is_signed;
  PixelFindings findings;
  image.frames = read_frames(data, format, file, findings);
  image.lossy =
      dcmtk::is_lossy(data.getOriginalXfer()) || dcmtk::text(data, DCM_LossyImageCompression) == "01";
  if (image.lossy)
    image.warnings.push_back("the image was compressed with loss, so its counts are approximate");
  if (summed)
    if (const std::string done = sum_over_time(data, &image.frames, file); !done.empty()) {
      image.summed = true;
      image.warnings.push_back(done);
      image.image_type = dcmtk::texts(data, DCM_ImageType);
    }
  const auto frames = static_cast<int>(image.frames.size());
  read_acquisition(data, image);
  read_kind(data, frames, image);
  read_windows(data, frames, image);
  doubt_pixels(data, format, findings, image);
  find_views(data, frames, image);
  return image;
}

}  // namespace

DicomImage read_dicom(const path& file) { return read(file, false); }
DicomImage read_summed_dicom(const path& file) { return read(file, true); }

void require_planar(const path& file, const DicomImage& image) {
  if (image.modality != "NM")
    throw FileError(file, "modality is " + (image.modality.empty() ? "missing" : printable(image.modality)) +
                              ", expected NM (nuclear medicine)");
  if (!image.not_planar.empty())
    throw FileError(file, image.not_planar + "; expected a planar image (STATIC or WHOLE BODY)");
  if (image.burned_in)
    throw FileError(
        file, "BurnedInAnnotation is YES: text or a scale is part of the pixels, expected counts alone");
  if (image.captured && image.bits_stored <= 8)
    throw FileError(file, "is a captured screen of " + std::to_string(image.bits_stored) +
                              " bits, whose grays are not counts (Secondary Capture or a conversion type)");
  if (!image.frames.empty() && image.photopeak_frames().empty())
    throw FileError(file, "every frame is of a scatter window, expected one of the photopeak");
}

}  // namespace uptake::io
#endif
