// What one image of a pair says about itself: the ground on which a data set is checked before training, on which
// a model knows what it was trained on, and on which an image is compared with that.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "io/dicom/dicom.h"
#include "io/image/image.h"

namespace uptake::io {

/// How a data set keeps its pairs; see io/pairs/dataset.h.
enum class DatasetForm { side_by_side, two_folders, cohort };

/// Text is "" and a number 0 where nothing is stated; pictures state nothing from `bits_stored` on.
struct ImageFacts {
  DatasetForm form = DatasetForm::side_by_side;
  std::filesystem::path file;
  std::int64_t frame = 0;  // of a multi-frame DICOM file, from 0

  std::int64_t height = 0, width = 0, channels = 0;  // of the half when side by side
  SampleKind kind = SampleKind::u8;
  double largest = 0;        // sample
  std::string content_hash;  // SHA-256 of size, kind and samples: equal for equal pixels, whatever the file

  int bits_stored = 0;
  double row_spacing_mm = 0, column_spacing_mm = 0;
  std::string body_part, laterality;  // HAND, WHOLE BODY; R, L, B
  View view = View::unknown;
  bool view_assumed = false;  // by the number of the detector only
  EnergyWindow window;        // without a name and limits where nothing is stated
  std::string radiopharmaceutical;
  std::string acquisition_kind;  // STATIC, WHOLE BODY...
  std::optional<double> minutes_after_injection;
  double frame_duration_ms = 0;
  std::string study_date, acquisition_date, acquisition_time;  // YYYYMMDD, HHMMSS.FFFFFF
  std::string patient_id, patient_sex, manufacturer;
  std::string study_instance_uid, series_instance_uid, sop_instance_uid;
  bool synthetic = false;          // made, not measured
  bool derived = false;            // computed from other images, by ImageType value 1
  bool original = false;           // not so, by the same value: the phantom's are synthetic and original
  std::vector<std::string> notes;  // what reading it changed or doubted, a sentence each
};

/// Two images of a pair.
struct PairFacts {
  ImageFacts a, b;
};

/// What the file of a DICOM image says of one frame; everything but `largest` and `content_hash`. Throws
/// std::out_of_range when there is no such frame.
ImageFacts dicom_facts(const std::filesystem::path& file, const DicomImage& image, std::int64_t frame);

/// Adds what the decoded pixels say: size, kind, `largest`, `content_hash`.
void add_pixel_facts(ImageFacts& facts, const Image& image);

}  // namespace uptake::io
