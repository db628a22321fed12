#include "kernels/conv/cudnn/plan_file.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <system_error>

namespace uptake::kernels::cuda::cudnn {
namespace {

bool fits(std::string_view text) {
  return !text.empty() && text.size() <= PlanFile::kLongestText &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

PlanFile::PlanFile(std::filesystem::path path) : path_(std::move(path)) { read(); }

void PlanFile::read() {
  if (path_.empty()) return;
  std::error_code error;
  // A pipe or a device could make the reader wait for ever.
  if (!std::filesystem::is_regular_file(path_, error)) return;
  if (const auto bytes = std::filesystem::file_size(path_, error); error || bytes > kMostBytes) return;
  std::ifstream file(path_, std::ios::binary);
  std::string line;
  if (!std::getline(file, line) || line != kFormat) return;
  while (std::getline(file, line)) {
    const std::size_t tab = line.find('\t');
    if (tab == std::string::npos) continue;
    const std::string key = line.substr(0, tab), value = line.substr(tab + 1);
    if (fits(key) && fits(value)) values_.insert_or_assign(key, value);
  }
}

std::optional<std::string> PlanFile::find(const std::string& key) const {
  const auto found = values_.find(key);
  if (found == values_.end()) return std::nullopt;
  return found->second;
}

bool PlanFile::store(const std::string& key, const std::string& value) {
  if (path_.empty() || !fits(key) || !fits(value)) return false;
  read();
  values_.insert_or_assign(key, value);

  std::filesystem::path beside = path_;
  beside += "." + std::to_string(getpid()) + ".part";
  std::error_code error;
  {
    std::ofstream file(beside, std::ios::binary | std::ios::trunc);
    file << kFormat << '\n';
    for (const auto& [k, v] : values_) file << k << '\t' << v << '\n';
    file.flush();
    if (!file) {
      std::filesystem::remove(beside, error);
      return false;
    }
  }
  std::filesystem::rename(beside, path_, error);
  if (!error) return true;
  std::error_code ignored;
  std::filesystem::remove(beside, ignored);
  return false;
}

}  // namespace uptake::kernels::cuda::cudnn
