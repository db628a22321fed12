// Reading nuclear-medicine DICOM as counts, and writing planar objects. What a model predicts is written by
// io/dicom/dicom_derived.h.
//
// Standard: DICOM PS3.3 A.5 and C.8.4 (NM Image), PS3.5 B.2 (UIDs). A program that logs through DCMTK keeps its
// configuration; while one of these functions runs, DCMTK's own modules are silent, since the FileError says what is
// wrong. A build without DCMTK (UPTAKE_DICOM=OFF) has the same functions; each throws FileError "this build has no DICOM
// support", except is_dicom, which looks for the DICM mark only.
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

/// In which range of energies the photons of a frame were counted.
struct EnergyWindow {
  std::string name;
  double lower_kev = 0, upper_kev = 0;  // the outermost limits; 0: not stated
  bool scatter = false;  // by its name, or because it holds no photopeak of the radionuclide given
  bool operator==(const EnergyWindow&) const = default;
};

/// One DICOM image file, decoded. Text is as in the file ("" where the attribute is absent).
struct DicomImage {
  std::vector<Image> frames;          // one channel, SampleKind::counts, all of the same size
  std::vector<View> views;            // one per frame; see read_dicom for the rules
  std::vector<bool> view_assumed;     // one per frame: only the detector-number convention says so
  std::vector<EnergyWindow> windows;  // one per frame; without a name and limits where nothing is stated
  std::vector<std::string> warnings;  // one sentence each: what was assumed, ignored or does not fit

  std::string sop_class_uid, sop_class_name, modality, transfer_syntax;
  std::string patient_id, patient_name, patient_sex;
  std::string study_instance_uid, series_instance_uid, sop_instance_uid;
  std::string study_description, series_description, manufacturer;
  std::string study_date, study_time;  // YYYYMMDD, HHMMSS.FFFFFF
  std::string series_date, series_time, content_date, content_time;
  std::string acquisition_date, acquisition_time;
  std::string acquisition_datetime;                 // YYYYMMDDHHMMSS.FFFFFF&ZZXX
  std::string radiopharmaceutical, injection_time;  // of the first radiopharmaceutical item
  std::string injection_datetime, radionuclide;     // the latter as "Tc-99m", "I-131"
  std::string body_part;        // BodyPartExamined or the anatomic region, in capitals: HAND, WHOLE BODY
  std::string laterality;       // R, L, B (both) or "": of the image, the series or the anatomic region
  std::string conversion_type;  // of a captured image: WSD (from a workstation), SD (scanned film)...
  std::vector<std::string> image_type;             // ORIGINAL, PRIMARY, STATIC, EMISSION
  std::optional<std::int64_t> counts_accumulated;  // as declared, not as summed
  int bits_allocated = 0, bits_stored = 0;
  bool is_signed = false;
  bool views_assumed = false;  // some view is only the detector-number convention
  bool synthetic = false;      // SyntheticData is YES, or another mark of a generated image; see read_dicom
  bool burned_in = false;      // BurnedInAnnotation is YES
  bool captured = false;       // a screenshot or scan by class or conversion type, with no counts to confirm
  bool summed = false;         // by read_summed_dicom: each frame is many of the file
  bool lossy = false;          // compressed with loss, now or before
  // What the acquisition is, by ImageType value 3 and by the vectors that order the frames. A planar image is
  // none but perhaps whole_body.
  bool whole_body = false, dynamic = false, gated = false, tomographic = false, reconstructed = false;
  std::string not_planar;  // why it is not planar, as part of a sentence; "" for a planar image
  double row_spacing_mm = 0, column_spacing_mm = 0;  // 0: not stated
  double frame_duration_ms = 0;                      // 0: not stated

  bool derived() const { return !image_type.empty() && image_type[0] == "DERIVED"; }
  /// ImageType value 3: STATIC, WHOLE BODY, DYNAMIC, GATED, TOMO, RECON TOMO...; "" if there is none.
  std::string acquisition_kind() const { return image_type.size() > 2 ? image_type[2] : std::string(); }
  /// Which frames (from 0) are not of a scatter window: those to pair and to translate.
  std::vector<std::size_t> photopeak_frames() const;
  /// From the start of the injection to the acquisition. None where a time is missing or wrong, or the result
  /// is negative or longer than a week. Where only the injection's time of day is known, its day is the
  /// study's if the acquisition is a day later, else the last such time before the acquisition, at most 12
  /// hours ago over midnight.
  std::optional<double> minutes_after_injection() const;
};

/// Does the file look like DICOM? By content: the DICM mark at byte 128, or a data set without it that begins
/// as one does and parses to an image. Never throws: a missing or unreadable file, a pipe or a device (which is
/// not opened) is false.
bool is_dicom(const std::filesystem::path& path) noexcept;

/// Reads every frame of a monochrome image of 8 or 16 allocated bits, signed or unsigned, in any transfer
/// syntax DCMTK decodes: uncompressed, big-endian, deflated, RLE, JPEG, JPEG-LS. Samples are the stored
/// integers, exactly, unless the file carries RescaleSlope/RescaleIntercept, which are applied. MONOCHROME1
/// is refused: whether its small values mean many counts or are merely shown bright is not stated anywhere.
///
/// An attribute stored with another representation than the standard's (UN or OB, as gateways that do not know
/// it write) is converted, and the file is refused if its bytes cannot be such a value.
///
/// The view of a frame is taken, in this order, from: ViewCodeSequence (anterior G-5215 / 272460009,
/// posterior G-5216 / 278255003); vendor and image labels (ANT, POST, _E, _F); StartAngle (0 is behind the
/// patient); the detector number, 1 being anterior and 2 posterior, which is an assumption and adds a
/// warning. A name or angle of another view (lateral, oblique) ends the search: unknown. So are frames of
/// which no vector says the detector. A caller who knows better sets `views`.
///
/// An energy window is of scatter if its name says so or if none of its ranges holds a photopeak of the
/// radionuclide given, Tc-99m if none is named and another window holds 140.5 keV.
///
/// Synthetic is an image with SyntheticData YES, a value SYNTHETIC of ImageType, a series description, image
/// comment or ID that begins with SYNTHETIC, a synthesizing equipment among the contributors, or a derivation
/// description that says it was synthesized or predicted: the first mark alone is lost on the way through
/// systems that do not know it.
///
/// `warnings` also says what does not fit together: bits above BitsStored that no overlay claims, a
/// CountsAccumulated or LargestImagePixelValue that the pixels miss, a captured screen.
///
/// Throws FileError with one sentence: not DICOM, truncated, no pixel data, color or palette, floating-point
/// or 32-bit pixels, more than 2^28 samples, less pixel data than declared, a transfer syntax with no
/// decoder, a RescaleSlope or RescaleIntercept that is no number, a slope of 0.
DicomImage read_dicom(const std::filesystem::path& path);

/// The same, but of a dynamic series (a blood-pool phase taken as a film) the frames of each energy window and
/// detector are added up, so that the image is a static one of their whole duration. Other images are as read_dicom
/// reads them. Throws FileError also for a dynamic series of several detectors whose frames do not say which.
DicomImage read_summed_dicom(const std::filesystem::path& path);

/// Throws FileError unless the image is a planar nuclear-medicine image that can be translated or trained on:
/// modality NM; ImageType value 3 (if present) STATIC or WHOLE BODY, and no vector of the frames that says
/// tomographic, reconstructed, gated or dynamic; pixels that are counts, not a captured screen of 8 bits or an
/// image with burned-in annotation; a frame that is not of a scatter window.
void require_planar(const std::filesystem::path& path, const DicomImage& image);

/// What the file is, in a few lines for people: kind, size, frames, views, counts, spacing, duration,
/// identity, whether it is derived or synthetic, warnings. Control characters of the file are made harmless.
/// Throws FileError as read_dicom does.
std::string describe_dicom(const std::filesystem::path& path);

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
