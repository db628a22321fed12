#include "apps/anonymous_key.h"

#include <algorithm>

#include "io/base/csv.h"
#include "io/base/file.h"
#include "io/base/private_file.h"

namespace uptake::apps {

AnonymousKey::AnonymousKey(const std::vector<Output>& outputs) {
  const std::filesystem::path folder = outputs.at(0).path.parent_path();
  path_ = folder / "key.csv";
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(path_, ignored)))
    throw io::FileError(path_, "is there already, and anonymous results replace none; choose another --out");
  for (const Output& output : outputs)
    rows_.push_back(
        {std::to_string(rows_.size() + 1), output.source.path.string(), "", "", output.path.string()});
  if (!folder.empty()) io::ensure_writable_folder(folder);
  write();
}

void AnonymousKey::add(const std::filesystem::path& result, const std::string& patient,
                       const std::string& pseudonym) {
  for (auto& row : rows_)
    if (row[4] == result.string()) {
      row[2] = patient;
      row[3] = pseudonym;
    }
  write();
}

void AnonymousKey::write() const {
  std::string text = io::csv_row({"case", "file", "patient", "pseudonym", "result"});
  for (const auto& row : rows_) text += io::csv_row(row);
  io::write_private_file(path_, text);
}

}  // namespace uptake::apps
