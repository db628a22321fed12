#ifdef UPTAKE_HAS_DICOM
#include <dcmtk/config/osconfig.h>
// osconfig.h must come first.
#include <dcmtk/dcmdata/dccodec.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>

#include "io/detail/dicom_dcmtk.h"
#include "io/detail/dicom_views.h"
#include "io/dicom.h"
#include "io/file.h"

namespace uptake::io {
namespace {

using std::filesystem::path;

constexpr std::int64_t kMaxSamples = std::int64_t{1} << 28;

// How the stored integers of one image are laid out.
struct PixelFormat {
  std::int64_t rows = 0, columns = 0, frames = 0;
  int bits_allocated = 0, bits_stored = 0, high_bit = 0;
  bool is_signed = false;
  double slope = 1, intercept = 0;

  std::int64_t frame_samples() const { return rows * columns; }
  std::int64_t frame_bytes() const { return frame_samples() * (bits_allocated / 8); }
};

long required(DcmItem& data, const DcmTagKey& tag, const char* name, long low, long high, const path& file) {
  const auto value = dcmtk::integer(data, tag);
  const std::string expected = ", expected " + std::to_string(low) + " to " + std::to_string(high);
  if (!value) throw FileError(file, std::string(name) + " is missing or no integer" + expected);
  if (*value < low || *value > high)
    throw FileError(file, std::string(name) + " is " + std::to_string(*value) + expected);
  return *value;
}

void check_has_pixels(DcmItem& data, const path& file) {
  if (data.tagExists(DCM_FloatPixelData) || data.tagExists(DCM_DoubleFloatPixelData))
    throw FileError(file, "holds floating-point pixel data, expected integers of 8 or 16 bits");
  if (data.tagExists(DCM_PixelData)) return;
  if (data.tagExists(DCM_DirectoryRecordSequence))
    throw FileError(file, "holds no pixel data: it is a DICOMDIR, an index of other files");
  const char* object = dcmFindNameOfUID(dcmtk::text(data, DCM_SOPClassUID).c_str());
  throw FileError(
      file, "holds no pixel data" + (object != nullptr ? " (" + std::string(object) + ")" : std::string()));
}

void check_color(DcmItem& data, const path& file) {
  const std::string photometric = dcmtk::text(data, DCM_PhotometricInterpretation);
  if (photometric == "MONOCHROME1")
    throw FileError(
        file,
        "PhotometricInterpretation is MONOCHROME1 (small values shown bright), which are not counts; "
        "expected MONOCHROME2");
  if (photometric != "MONOCHROME2")
    throw FileError(file, "PhotometricInterpretation is " +
                              (photometric.empty() ? "missing" : printable(photometric)) +
                              ", expected MONOCHROME2");
  const long samples = dcmtk::integer(data, DCM_SamplesPerPixel).value_or(1);
  if (samples != 1) throw FileError(file, "SamplesPerPixel is " + std::to_string(samples) + ", expected 1");
}

void read_rescale(DcmItem& data, const path& file, PixelFormat& format, std::vector<std::string>& warnings) {
  const auto slope = dcmtk::number(data, DCM_RescaleSlope);
  const auto intercept = dcmtk::number(data, DCM_RescaleIntercept);
  if (dcmtk::sequence_item(data, DCM_ModalityLUTSequence, 0) != nullptr)
    warnings.push_back("a ModalityLUTSequence was ignored: samples are the stored values");
  if (!slope && !intercept) return;
  format.slope = slope.value_or(1);
  format.intercept = intercept.value_or(0);
  if (format.slope == 0) throw FileError(file, "RescaleSlope is 0, which makes every pixel the same");
  if (format.slope != 1 || format.intercept != 0)
    warnings.push_back("RescaleSlope " + printable(dcmtk::text(data, DCM_RescaleSlope)) +
                       " and RescaleIntercept " + printable(dcmtk::text(data, DCM_RescaleIntercept)) +
                       " were applied, so samples are not the stored values");
}

PixelFormat read_format(DcmItem& data, const path& file, std::vector<std::string>& warnings) {
  check_has_pixels(data, file);
  check_color(data, file);
  PixelFormat format;
  format.bits_allocated = static_cast<int>(dcmtk::integer(data, DCM_BitsAllocated).value_or(0));
  if (format.bits_allocated != 8 && format.bits_allocated != 16)
    throw FileError(
        file, "BitsAllocated is " + printable(dcmtk::text(data, DCM_BitsAllocated)) + ", expected 8 or 16");
  format.bits_stored =
      static_cast<int>(required(data, DCM_BitsStored, "BitsStored", 1, format.bits_allocated, file));
  format.high_bit = static_cast<int>(
      required(data, DCM_HighBit, "HighBit", format.bits_stored - 1, format.bits_allocated - 1, file));
  format.is_signed = required(data, DCM_PixelRepresentation, "PixelRepresentation", 0, 1, file) == 1;
  format.rows = required(data, DCM_Rows, "Rows", 1, 65535, file);
  format.columns = required(data, DCM_Columns, "Columns", 1, 65535, file);
  format.frames = data.tagExistsWithValue(DCM_NumberOfFrames)
                      ? required(data, DCM_NumberOfFrames, "NumberOfFrames", 1, kMaxSamples, file)
                      : 1;
  if (format.frame_samples() > kMaxSamples / format.frames)
    throw FileError(file, "declares " + std::to_string(format.frames) + " frames of " +
                              std::to_string(format.rows) + " x " + std::to_string(format.columns) +
                              ", more than 2^28 samples");
  read_rescale(data, file, format, warnings);
  return format;
}

// Turns one frame of stored integers (local byte order) into counts: takes bits
// high_bit..high_bit-bits_stored+1 and extends the sign. Bits outside carry old-style overlays, not counts.
template <typename Stored>
void convert(const Stored* stored, const PixelFormat& format, std::vector<float>& samples) {
  const int shift = format.high_bit + 1 - format.bits_stored;
  const int mask = (1 << format.bits_stored) - 1, sign = 1 << (format.bits_stored - 1);
  const bool rescaled = format.slope != 1 || format.intercept != 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    int value = (stored[i] >> shift) & mask;
    if (format.is_signed && (value & sign) != 0) value -= mask + 1;
    samples[i] =
        rescaled ? static_cast<float>(value * format.slope + format.intercept) : static_cast<float>(value);
  }
}

Image make_frame(const void* stored, const PixelFormat& format) {
  Image frame(format.rows, format.columns, 1, SampleKind::counts);
  if (format.bits_allocated == 8) {
    convert(static_cast<const Uint8*>(stored), format, frame.samples);
  } else {
    convert(static_cast<const Uint16*>(stored), format, frame.samples);
  }
  return frame;
}

std::vector<Image> read_uncompressed(DcmElement& pixels, const PixelFormat& format, const path& file) {
  const std::int64_t declared_bytes = format.frame_bytes() * format.frames;
  if (static_cast<std::int64_t>(pixels.getLength()) < declared_bytes)
    throw FileError(file, "holds " + std::to_string(pixels.getLength()) + " bytes of pixel data, but " +
                              std::to_string(format.frames) + " frames of " + std::to_string(format.rows) +
                              " x " + std::to_string(format.columns) + " need " +
                              std::to_string(declared_bytes));
  const Uint8* bytes = nullptr;
  Uint8* bytes8 = nullptr;
  Uint16* words = nullptr;
  const OFCondition got =
      format.bits_allocated == 8 ? pixels.getUint8Array(bytes8) : pixels.getUint16Array(words);
  bytes = format.bits_allocated == 8 ? bytes8 : reinterpret_cast<const Uint8*>(words);
  if (got.bad() || bytes == nullptr)
    throw FileError(file, std::string("pixel data cannot be read: ") + got.text());
  std::vector<Image> frames;
  for (std::int64_t f = 0; f < format.frames; ++f)
    frames.push_back(make_frame(bytes + f * format.frame_bytes(), format));
  return frames;
}

std::vector<Image> read_compressed(DcmItem& data, DcmPixelData& pixels, E_TransferSyntax syntax,
                                   const PixelFormat& format, const path& file) {
  DcmPixelSequence* fragments = nullptr;
  if (pixels.getEncapsulatedRepresentation(syntax, nullptr, fragments).good() && fragments != nullptr &&
      static_cast<std::int64_t>(fragments->card()) < format.frames + 1)
    throw FileError(file, "holds " + std::to_string(std::max(1UL, fragments->card()) - 1) +
                              " compressed fragments for " + std::to_string(format.frames) + " frames");
  const std::string decoding =
      "cannot be decoded from transfer syntax " + dcmtk::transfer_syntax_name(syntax);
  if (!DcmCodecList::canChangeCoding(syntax, EXS_LittleEndianExplicit))
    throw FileError(file, decoding + ": there is no decoder for it");
  std::vector<Uint8> buffer;
  std::vector<Image> frames;
  Uint32 fragment = 0;
  for (std::int64_t f = 0; f < format.frames; ++f) {
    Uint32 needed_bytes = 0;
    const OFCondition sized = pixels.getUncompressedFrameSize(&data, needed_bytes);
    if (sized.bad()) throw FileError(file, decoding + ": " + sized.text());
    buffer.assign(std::max<std::size_t>(needed_bytes, static_cast<std::size_t>(format.frame_bytes()) + 1), 0);
    OFString color_model;
    const OFCondition decoded =
        pixels.getUncompressedFrame(&data, static_cast<Uint32>(f), fragment, buffer.data(),
                                    static_cast<Uint32>(buffer.size()), color_model);
    if (decoded.bad())
      throw FileError(file, "frame " + std::to_string(f + 1) + " " + decoding + ": " + decoded.text());
    frames.push_back(make_frame(buffer.data(), format));
  }
  return frames;
}

std::vector<Image> read_frames(DcmDataset& data, const PixelFormat& format, const path& file) {
  DcmElement* element = nullptr;
  if (data.findAndGetElement(DCM_PixelData, element).bad() || element == nullptr)
    throw FileError(file, "holds no pixel data");
  const E_TransferSyntax syntax = data.getOriginalXfer();
  auto* pixels = dynamic_cast<DcmPixelData*>(element);
  if (pixels == nullptr || !DcmXfer(syntax).isEncapsulated())
    return read_uncompressed(*element, format, file);
  return read_compressed(data, *pixels, syntax, format, file);
}

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
    std::string extension = file.extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    if (extension != ".dcm") return false;
    DcmFileFormat parsed;
    dcmtk::load(parsed, file);
    return parsed.getDataset()->tagExists(DCM_SOPClassUID) || parsed.getDataset()->tagExists(DCM_PixelData);
  } catch (...) {
    return false;
  }
}

DicomImage read_dicom(const path& file) {
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
