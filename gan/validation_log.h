// OUT/validation.csv of a training run. Internal to gan/.
#pragma once
#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <optional>

#include "gan/evaluation.h"
#include "io/logs/csv_log.h"

namespace uptake::gan {

/// A line an epoch: means over the val split of L1, PSNR, SSIM, relative L1, NRMSE and data range (gan/metrics.h).
class ValidationLog {
 public:
  /// See io::CsvLog for `resumed_epoch`. A log of a version before 0.3, which took PSNR and SSIM with the range of the
  /// training set, is not mixed with this one: it becomes validation_before.csv beside it, which `out` is told.
  /// Throws io::FileError.
  ValidationLog(const std::filesystem::path& path, std::optional<std::int64_t> resumed_epoch,
                std::ostream& out);
  void append(std::int64_t epoch, const ImageMetrics& mean);
  const io::CsvLog& log() const { return log_; }
  void sync() { log_.sync(); }

 private:
  io::CsvLog log_;
};

}  // namespace uptake::gan
