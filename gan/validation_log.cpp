#include "gan/validation_log.h"

#include <array>
#include <ostream>
#include <string>
#include <vector>

#include "io/base/file.h"

namespace uptake::gan {
namespace {

namespace fs = std::filesystem;

void set_aside_if_old(const fs::path& path, std::ostream& out) {
  if (!fs::exists(path)) return;
  if (!io::read_file(path).starts_with("step,L1,PSNR,SSIM\n")) return;
  const fs::path aside = path.parent_path() / "validation_before.csv";
  std::error_code error;
  fs::rename(path, aside, error);
  if (error) throw io::FileError(path, "cannot be renamed to " + aside.filename().string());
  out << path.filename().string() << " of an older version is " << aside.filename().string()
      << " now: its PSNR and SSIM had the range of the training set\n";
}

const fs::path& ready(const fs::path& path, bool resumed, std::ostream& out) {
  if (resumed) set_aside_if_old(path, out);
  return path;
}

}  // namespace

ValidationLog::ValidationLog(const fs::path& path, std::optional<std::int64_t> resumed_epoch,
                             std::ostream& out)
    : log_(ready(path, resumed_epoch.has_value(), out),
           {"L1", "PSNR", "SSIM", "relative_L1", "NRMSE", "data_range"}, resumed_epoch) {}

void ValidationLog::append(std::int64_t epoch, const ImageMetrics& m) {
  log_.append(epoch, std::array{m.l1, m.psnr, m.ssim, m.relative_l1, m.nrmse, m.data_range});
}

}  // namespace uptake::gan
