// Reading nuclear-medicine DICOM as counts, and writing it back: planar objects, and images derived by a
// model.
//
// Standard: DICOM PS3.3 A.5 and C.8.4 (NM Image), C.7.6.1 and C.12.1 (derived and synthetic images), PS3.5
// B.2 (UIDs). A program that logs through DCMTK keeps its configuration; while one of these functions runs,
// DCMTK's own modules are silent, since the FileError says what is wrong. A build without DCMTK
// (UPTAKE_DICOM=OFF) has the same functions; each throws FileError "this build has no DICOM support", except
// is_dicom, which looks for the DICM mark only.
#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/image/image.h"

namespace uptake::io {

/// From which side the camera saw the patient. A posterior frame is mirrored left to right against an
/// anterior one: the two are separate views, and nothing here ever flips them.
enum class View { unknown, anterior, posterior };
std::string to_string(View view);

/// One DICOM image file, decoded. Text is as in the file ("" where the attribute is absent).
struct DicomImage {
  std::vector<Image> frames;          // one channel, SampleKind::counts, all of the same size
  std::vector<View> views;            // one per frame; see read_dicom for the rules
  std::vector<std::string> warnings;  // one sentence each: what was assumed or ignored

  std::string sop_class_uid, sop_class_name, modality, transfer_syntax;
  std::string patient_id, patient_name, patient_sex;
  std::string study_instance_uid, series_instance_uid, sop_instance_uid;
  std::string study_description, series_description, manufacturer;
  std::string acquisition_date, acquisition_time;   // YYYYMMDD, HHMMSS.FFFFFF
  std::string radiopharmaceutical, injection_time;  // of the first radiopharmaceutical item
  std::vector<std::string> image_type;              // ORIGINAL, PRIMARY, STATIC, EMISSION
  std::optional<std::int64_t> counts_accumulated;   // as declared, not as summed
  int bits_allocated = 0, bits_stored = 0;
  bool is_signed = false;
  bool views_assumed = false;                        // some view is only the detector-number convention
  bool synthetic = false;                            // SyntheticData (0008,001C) is YES
  double row_spacing_mm = 0, column_spacing_mm = 0;  // 0: not stated
  double frame_duration_ms = 0;                      // 0: not stated

  bool derived() const { return !image_type.empty() && image_type[0] == "DERIVED"; }
  /// ImageType value 3: STATIC, WHOLE BODY, DYNAMIC, GATED, TOMO, RECON TOMO...; "" if there is none.
  std::string acquisition_kind() const { return image_type.size() > 2 ? image_type[2] : std::string(); }
};

/// Does the file look like DICOM? True for the DICM mark at byte 128; without it only for names ending in
/// .dcm that parse as a data set. Never throws: a missing or unreadable file is false.
bool is_dicom(const std::filesystem::path& path) noexcept;

/// Reads every frame of a monochrome image of 8 or 16 allocated bits, signed or unsigned, in any transfer
/// syntax DCMTK decodes: uncompressed, big-endian, deflated, RLE, JPEG, JPEG-LS. Samples are the stored
/// integers, exactly, unless the file carries RescaleSlope/RescaleIntercept, which are applied. MONOCHROME1
/// is refused: whether its small values mean many counts or are merely shown bright is not stated anywhere.
///
/// The view of a frame is taken, in this order, from: ViewCodeSequence (anterior G-5215 / 272460009,
/// posterior G-5216 / 278255003); vendor and image labels (ANT, POST, _E, _F); StartAngle (0 is behind the
/// patient); the detector number, 1 being anterior and 2 posterior, which is an assumption and adds a
/// warning. A caller who knows better sets `views`.
///
/// Throws FileError with one sentence: not DICOM, truncated, no pixel data, color or palette, floating-point
/// or 32-bit pixels, more than 2^28 samples, less pixel data than declared, a transfer syntax with no
/// decoder.
DicomImage read_dicom(const std::filesystem::path& path);

/// Throws FileError unless the image is a planar nuclear-medicine image that can be translated or trained on:
/// modality NM, and ImageType value 3 (if present) STATIC or WHOLE BODY, not tomographic, gated or dynamic.
void require_planar(const std::filesystem::path& path, const DicomImage& image);

/// What the file is, in a few lines for people: kind, size, frames, views, counts, spacing, duration,
/// identity, whether it is derived or synthetic, warnings. Control characters of the file are made harmless.
/// Throws FileError as read_dicom does.
std::string describe_dicom(const std::filesystem::path& path);

/// What a derived image says about itself.
struct DerivedDescription {
  std::string series_description;      // "SYNTHETIC " is put in front unless it is there already
  std::string derivation_description;  // how it was made, for people; up to 1024 characters
  std::string model_name;              // of the network, such as "bloodpool-to-delayed"
  std::string model_fingerprint;       // identifies the weights: "SHA-256 9f86d0..."
  std::string software_name = "Uptake";
  std::string software_version;
  std::string series_instance_uid;  // "": derived from the source series and the model, one for a whole batch
  int series_number = 9001;
  int instance_number = 1;
  std::vector<int>
      source_frames;             // 1-based, for each frame the source frame it comes from; empty: 1, 2, 3...
  double frame_duration_ms = 0;  // the acquisition time the predicted counts stand for; 0: that of the source
};

/// Identifiers of what was written.
struct WrittenDicom {
  std::string sop_instance_uid, series_instance_uid;
};

/// Writes frames predicted from `source` as a derived NM image in the study of the source, flagged synthetic
/// in SyntheticData, ImageType, SeriesDescription, DerivationDescription, SourceImageSequence and
/// ContributingEquipmentSequence. Samples are rounded and clamped to 0..65535 (16-bit unsigned). The same
/// source, description and pixels give the same UIDs and the same bytes; any difference gives another SOP
/// Instance UID. Atomic. Throws FileError when the source lacks the identifiers a derived image must refer to
/// or the file cannot be written, std::invalid_argument for frames that are empty, differ in size or do not
/// match the source frames.
WrittenDicom write_derived_nm(const std::filesystem::path& path, const std::filesystem::path& source,
                              const std::vector<Image>& frames, const DerivedDescription& description);

/// An original planar static acquisition, as a gamma camera (here: the phantom) would write it.
struct PlanarNm {
  std::vector<Image> frames;                          // one or two, of equal size, one channel
  std::vector<View> views;                            // anterior and/or posterior, one per frame
  std::string patient_id, patient_name, patient_sex;  // sex: M, F, O or ""
  std::string study_instance_uid, series_instance_uid, sop_instance_uid, frame_of_reference_uid;
  std::string study_description, series_description;
  std::string body_part, laterality;  // HAND, FOOT...; R, L or ""
  int series_number = 1, instance_number = 1;
  std::string study_date = "20240101", study_time = "090000";
  std::string acquisition_time = "090000";
  std::string injection_time = "085000";  // start of the radiopharmaceutical
  double injected_activity_mbq = 740;
  double pixel_spacing_mm = 2.0;
  double frame_duration_ms = 300000;
  bool synthetic = true;
  std::string manufacturer = "Uptake", model_name = "phantom";
};

/// Writes a planar static NM image, Tc-99m HDP, window 128.6-149.4 keV, 16-bit unsigned, counts rounded and
/// clamped to 0..65535, CountsAccumulated their sum. Atomic. Throws FileError when it cannot be written,
/// std::invalid_argument for frames and views that do not fit together or missing UIDs.
void write_planar_nm(const std::filesystem::path& path, const PlanarNm& planar);

/// A UID under 2.25 (PS3.5 B.2) made from a name: version-5 UUID of the text. The same name gives the same
/// UID, everywhere and always; different names collide with the probability of a 122-bit hash.
std::string uid_from_name(std::string_view name);

}  // namespace uptake::io
