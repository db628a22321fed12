// Writing what a model predicted from a DICOM image: as counts in a derived NM image, and as a copy to look at.
//
// Standard: DICOM PS3.3 A.5 and C.8.4 (NM Image), A.8.1 and C.8.6.1 (Secondary Capture), C.7.6.1 and C.12.1 (derived and
// synthetic images); PS3.15 Annex E (confidentiality). A build without DCMTK has the same functions; each throws FileError
// "this build has no DICOM support", except predicted_from and identity_of, which find nothing.
#pragma once
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "io/dicom/dicom.h"

namespace uptake::io {

/// How a derived image hides whom its source shows: the basic application level confidentiality profile of PS3.15
/// Annex E with cleaned descriptors (only text of our own is left). Dates and times, names, private attributes and
/// equipment go; UIDs are replaced, equal ones by equal ones within a batch.
struct Anonymity {
  std::string secret;     // of the batch, random: who does not know it cannot tell whose UIDs these were
  std::string pseudonym;  // of the patient: becomes PatientID and PatientName
};

/// What a derived image says about itself. Text is UTF-8 and is written in the character set of the source.
struct DerivedDescription {
  std::string series_description;      // "SYNTHETIC " is put in front unless it is there already
  bool names_source_series = false;    // the series description of the source, or "NM", is added to it
  std::string derivation_description;  // how it was made, for people; up to 1024 characters
  std::string model_name;              // of the network, such as "bloodpool-to-delayed"
  std::string model_fingerprint;       // identifies the weights: "SHA-256 9f86d0..."
  std::string software_name = "Uptake";
  std::string software_version;
  std::string series_instance_uid;  // "": derived from the source series and the model, one for a whole batch
  int series_number = 0;            // 0: 9000 and that of the source
  int instance_number = 0;          // 0: that of the source
  std::vector<int>
      source_frames;             // 1-based, for each frame the source frame it comes from; empty: 1, 2, 3...
  bool sum_dynamic = false;      // the source was read by read_summed_dicom, whose frames are meant
  double frame_duration_ms = 0;  // the acquisition time the predicted counts stand for; 0: that of the source
  double minutes_after_injection = 0;                        // that they stand for; 0: not known
  std::optional<std::chrono::system_clock::time_point> now;  // of series and content; absent: the clock
  std::optional<Anonymity> anonymous;
};

/// Identifiers of what was written.
struct WrittenDicom {
  std::string sop_instance_uid, series_instance_uid;
};

/// Writes frames predicted from `source` as a derived NM image in the study of the source, flagged synthetic
/// in SyntheticData, ImageType, SeriesDescription, DerivationDescription, SourceImageSequence and
/// ContributingEquipmentSequence. Samples are rounded and clamped to 0..65535 (16-bit unsigned). The same source,
/// description and pixels give the same UIDs, and the same bytes but for the dates and times of writing; any other
/// difference gives another SOP Instance UID. What the standard asks for and the source lacks is mended where nothing
/// has to be invented; values that are not of their kind (a weight of "70,5") are left out. Atomic.
/// Throws FileError when the source lacks the identifiers a derived image must refer to or the file cannot be written,
/// std::invalid_argument for frames that are empty, differ in size or do not match the source frames.
WrittenDicom write_derived_nm(const std::filesystem::path& path, const std::filesystem::path& source,
                              const std::vector<Image>& frames, const DerivedDescription& description);

/// Writes a picture for people as 8-bit Secondary Capture in a series of its own, marked as synthetic as above and with
/// BurnedInAnnotation YES: `picture` (u8, one channel) has its words in its pixels already. Throws as write_derived_nm.
WrittenDicom write_display_copy(const std::filesystem::path& path, const std::filesystem::path& source,
                                const Image& picture, const DerivedDescription& description);

/// For a file that one of the two above wrote: the SOP Instance UID of its source. Nothing for every other file.
std::optional<std::string> predicted_from(const std::filesystem::path& path) noexcept;

/// Which image of a series a DICOM file is; empty and 0 where it does not say, or is none.
struct InstanceIdentity {
  std::string sop_instance_uid;
  long number = 0;
};
InstanceIdentity identity_of(const std::filesystem::path& path) noexcept;

}  // namespace uptake::io
