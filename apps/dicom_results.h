// Writing what a model predicted from DICOM files: the derived images of one run of `uptake translate`, their copies to
// look at, and who is behind anonymous ones.
#pragma once
#include <chrono>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "apps/anonymous_key.h"
#include "apps/outputs.h"
#include "gan/checkpoint.h"
#include "io/dicom/dicom_derived.h"

namespace uptake::apps {

/// The time of now, or that of SOURCE_DATE_EPOCH (seconds since 1970, as reproducible builds know it). Throws UsageError
/// when that is no number.
std::chrono::system_clock::time_point time_of_writing();

/// As a picture for people: dark where counts are high, the frames beside each other, each with words below it (synthetic,
/// the sides of the patient, the view, the counts that are black, the size of a pixel). u8, one channel.
io::Image display_picture(const io::DicomImage& source, const std::vector<int>& source_frames,
                          const std::vector<io::Image>& predicted);

class DicomResults {
 public:
  /// With a key, results are anonymous and are entered in it. `info` and `key` must outlive this.
  DicomResults(const gan::CheckpointInfo& info, const std::filesystem::path& checkpoint, AnonymousKey* key);

  /// `outside` says what of the image was outside of what the model was trained on; usually "". Throws io::FileError.
  void write(const Output& output, const io::DicomImage& source, const std::vector<int>& source_frames,
             const std::vector<io::Image>& predicted, const std::string& outside);

 private:
  io::DerivedDescription describe(const std::string& outside) const;
  /// The instance number of the source if no other result of the series has it, else the first free one above 10000.
  int instance_number(const std::filesystem::path& source, const std::string& series);
  /// Of the patient: the same in all results of this run, another in every other run.
  std::string pseudonym(const io::DicomImage& source) const;

  const gan::CheckpointInfo& info_;
  std::filesystem::path checkpoint_;
  AnonymousKey* key_;
  std::string secret_;  // of this run
  std::chrono::system_clock::time_point now_;
  std::map<std::string, std::set<long>> numbers_;  // taken in each series
};

}  // namespace uptake::apps
