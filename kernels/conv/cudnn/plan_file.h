// A text file of choices made before: one line a choice, "key <tab> value" below a first line that names the
// format. It may have come from anywhere: lines that are not of that form are ignored, a file that is not of
// that format or too large counts as empty, and what a value means is for the reader of it to doubt.
// Internal to kernels/.
#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace uptake::kernels::cuda::cudnn {

class PlanFile {
 public:
  static constexpr std::string_view kFormat = "uptake convolution plans 1";
  static constexpr std::size_t kMostBytes = std::size_t{4} << 20;
  static constexpr std::size_t kLongestText = 512;  // of a key or a value

  PlanFile() = default;  // of no file: remembers nothing
  /// Reads the file if there is one.
  explicit PlanFile(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  std::size_t size() const { return values_.size(); }

  std::optional<std::string> find(const std::string& key) const;
  /// Remembers the value and writes the file anew, keeping what others wrote into it since: first beside it, then
  /// in its place. False if it cannot be written. Texts that do not fit the format are not remembered.
  bool store(const std::string& key, const std::string& value);

 private:
  void read();

  std::filesystem::path path_;
  std::map<std::string, std::string> values_;
};

}  // namespace uptake::kernels::cuda::cudnn
