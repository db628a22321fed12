// A picture of a prediction as Secondary Capture, and telling our own results from other files.
#ifdef UPTAKE_HAS_DICOM
#include <cmath>
#include <stdexcept>

#include "io/dicom/dicom_modules.h"
#include "io/dicom/dicom_write.h"

namespace uptake::io {
namespace {

using namespace dcmtk;

void put_picture(DcmItem& data, const Image& picture) {
  if (picture.kind != SampleKind::u8 || picture.channels != 1 || picture.samples.empty() ||
      picture.height > 65535 || picture.width > 65535)
    throw std::invalid_argument("a display copy is an 8-bit gray picture of at most 65535 rows and columns");
  std::vector<Uint8> stored;
  stored.reserve(picture.samples.size() + 1);
  for (const float sample : picture.samples)
    stored.push_back(static_cast<Uint8>(std::lround(sample > 0 ? std::min(sample, 255.0F) : 0.0F)));
  if (stored.size() % 2 != 0) stored.push_back(0);
  put_words(data, DCM_SamplesPerPixel, {1});
  put(data, DCM_PhotometricInterpretation, "MONOCHROME2");
  put_words(data, DCM_Rows, {static_cast<Uint16>(picture.height)});
  put_words(data, DCM_Columns, {static_cast<Uint16>(picture.width)});
  put_words(data, DCM_BitsAllocated, {8});
  put_words(data, DCM_BitsStored, {8});
  put_words(data, DCM_HighBit, {7});
  put_words(data, DCM_PixelRepresentation, {0});
  put_bytes(data, DCM_PixelData, stored);
}

// The data set without its pixels.
bool load_header(DcmFileFormat& file, const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error) &&
         file.loadFileUntilTag(OFFilename(path.c_str()), EXS_Unknown, EGL_noChange, DCM_MaxReadLength,
                               ERM_autoDetect, DCM_PixelData)
             .good() &&
         file.getDataset() != nullptr;
}

}  // namespace

WrittenDicom write_display_copy(const std::filesystem::path& target, const std::filesystem::path& source,
                                const Image& picture, const DerivedDescription& description) {
  const Session session(source);
  DcmFileFormat original, file;
  const DicomImage image = open_source(source, description, original);
  const Derivation d{
      *file.getDataset(), *original.getDataset(),    image,
      description,        description.source_frames, text(*original.getDataset(), DCM_SpecificCharacterSet)};
  put(d.data, DCM_SOPClassUID, UID_SecondaryCaptureImageStorage);
  put_patient_and_study(d);
  put_series(d, "\ndisplay", 1000);
  put_equipment(d);
  put_derivation(d, "SECONDARY");
  put(d.data, DCM_ConversionType, "SYN");
  put(d.data, DCM_BurnedInAnnotation, "YES");
  put_picture(d.data, picture);
  return finish(d, file, target);
}

std::optional<std::string> predicted_from(const std::filesystem::path& path) noexcept {
  try {
    const Session session(path);
    DcmFileFormat file;
    if (!load_header(file, path)) return std::nullopt;
    DcmItem& data = *file.getDataset();
    DcmItem* reference = sequence_item(data, DCM_SourceImageSequence, 0);
    if (text(data, kSyntheticData) != "YES" || text(data, DCM_ImageType).rfind("DERIVED\\", 0) != 0 ||
        text(data, DCM_Manufacturer) != DerivedDescription().software_name || reference == nullptr)
      return std::nullopt;
    return text(*reference, DCM_ReferencedSOPInstanceUID);
  } catch (...) {
    return std::nullopt;
  }
}

InstanceIdentity identity_of(const std::filesystem::path& path) noexcept {
  try {
    const Session session(path);
    DcmFileFormat file;
    if (!load_header(file, path)) return {};
    DcmItem& data = *file.getDataset();
    return {text(data, DCM_SOPInstanceUID), integer(data, DCM_InstanceNumber).value_or(0)};
  } catch (...) {
    return {};
  }
}

}  // namespace uptake::io
#endif
