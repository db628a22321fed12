// Who is behind anonymous results: a table for those alone who may know it.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "apps/outputs.h"

namespace uptake::apps {

/// key.csv beside the results, mode 0600: case,file,patient,pseudonym,result.
class AnonymousKey {
 public:
  /// Writes the table with what is known yet. Throws io::FileError if there is one already.
  explicit AnonymousKey(const std::vector<Output>& outputs);

  /// Completes the row of a result, and writes the table again. Throws io::FileError.
  void add(const std::filesystem::path& result, const std::string& patient, const std::string& pseudonym);

 private:
  void write() const;

  std::filesystem::path path_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace uptake::apps
