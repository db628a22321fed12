#include "io/pairs/cohort.h"

#include <algorithm>
#include <map>
#include <optional>

#include "io/base/csv.h"
#include "io/base/file.h"

namespace uptake::io {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kMaxBytes = std::uintmax_t{1} << 26;

// A value of the file inside a message: short, without control characters.
std::string shown(std::string_view value) {
  std::string safe(value.substr(0, 80));
  std::replace_if(
      safe.begin(), safe.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, '?');
  return "'" + safe + (value.size() > 80 ? "...'" : "'");
}

// Where each wanted column stands.
struct Columns {
  std::size_t patient, split, blood_pool, delayed;
  std::optional<std::size_t> group;
  std::size_t count;
};

Columns find_columns(const fs::path& path, const CsvRecord& header) {
  const auto find = [&](std::string_view name) -> std::optional<std::size_t> {
    const auto& names = header.fields;
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) return std::nullopt;
    if (std::find(found + 1, names.end(), name) != names.end())
      throw line_error(path, header.line, "the column " + shown(name) + " is there twice");
    return static_cast<std::size_t>(found - names.begin());
  };
  const auto demand = [&](std::string_view name) {
    const auto found = find(name);
    if (!found)
      throw line_error(
          path, header.line,
          "there is no column " + shown(name) + "; expected patient, split, blood_pool and delayed");
    return *found;
  };
  return {demand("patient"), demand("split"), demand("blood_pool"),
          demand("delayed"), find("group"),   header.fields.size()};
}

CohortRow make_row(const fs::path& path, const CsvRecord& record, const Columns& columns) {
  if (record.fields.size() != columns.count)
    throw line_error(path, record.line,
                     std::to_string(record.fields.size()) + " fields, expected " +
                         std::to_string(columns.count) + " as in the first line");
  const auto& fields = record.fields;
  for (const auto& [column, name] :
       {std::pair{columns.patient, "patient"}, std::pair{columns.blood_pool, "blood_pool"},
        std::pair{columns.delayed, "delayed"}})
    if (fields[column].empty()) throw line_error(path, record.line, std::string("the ") + name + " is empty");
  CohortRow row;
  row.line = record.line;
  row.patient = fields[columns.patient];
  row.split = fields[columns.split];
  if (columns.group) row.group = fields[*columns.group];
  row.blood_pool = (path.parent_path() / fields[columns.blood_pool]).lexically_normal();
  row.delayed = (path.parent_path() / fields[columns.delayed]).lexically_normal();
  if (std::find(kSplits.begin(), kSplits.end(), row.split) == kSplits.end())
    throw line_error(path, record.line, "the split is " + shown(row.split) + ", expected train, val or test");
  return row;
}

// Tables of 10^5 rows are checked in one pass: where each patient and each image was first seen.
class Seen {
 public:
  explicit Seen(const fs::path& path) : path_(path) {}

  void add(const CohortRow& row) {
    const auto [patient, fresh] = patients_.try_emplace(row.patient, row.line, row.split);
    if (!fresh && patient->second.second != row.split)
      throw line_error(path_, row.line,
                       "patient " + shown(row.patient) + " is in " + row.split + ", but in " +
                           patient->second.second + " on line " + std::to_string(patient->second.first) +
                           ": test data would leak into training");
    for (const fs::path& image : {row.blood_pool, row.delayed}) {
      const auto [first, added] = images_.try_emplace(image.string(), row.line);
      if (!added)
        throw line_error(path_, row.line,
                         "the image " + shown(image.string()) + " is used already on line " +
                             std::to_string(first->second));
    }
  }

 private:
  const fs::path& path_;
  std::map<std::string, std::pair<std::size_t, std::string>> patients_;  // line, split
  std::map<std::string, std::size_t> images_;
};

}  // namespace

std::vector<CohortRow> read_cohort(const fs::path& path) {
  const std::string text = read_file(path, kMaxBytes);
  const std::vector<CsvRecord> records = parse_csv(path, text);
  if (records.empty()) throw FileError(path, "is empty, expected a line of column names and rows");
  const Columns columns = find_columns(path, records.front());
  std::vector<CohortRow> rows;
  Seen seen(path);
  for (std::size_t r = 1; r < records.size(); ++r) {
    rows.push_back(make_row(path, records[r], columns));
    seen.add(rows.back());
  }
  if (rows.empty()) throw FileError(path, "holds column names and no rows");
  return rows;
}

}  // namespace uptake::io
