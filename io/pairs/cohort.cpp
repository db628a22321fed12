#include "io/pairs/cohort.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <utility>

#include "io/base/csv.h"
#include "io/base/file.h"
#include "io/base/plain_text.h"

namespace uptake::io {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kMaxBytes = std::uintmax_t{1} << 26;

// A value of the file inside a message: short, without control characters.
std::string shown(std::string_view value) {
  std::string safe(value.substr(0, 80));
  std::replace_if(
      safe.begin(), safe.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; },
      '?');
  return "'" + safe + (value.size() > 80 ? "...'" : "'");
}

std::string trimmed(std::string_view text) {
  static constexpr std::array<std::string_view, 4> kSpaces{" ", "\t", "\r",
                                                           "\xc2\xa0"};  // the last: no-break space
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view space : kSpaces) {
      if (text.starts_with(space)) text.remove_prefix(space.size()), again = true;
      if (text.ends_with(space)) text.remove_suffix(space.size()), again = true;
    }
  }
  return std::string(text);
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// "Blood Pool" and "blood-pool" are blood_pool.
std::string column_name(std::string_view field) {
  std::string name = lower(trimmed(field));
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == ' ' || c == '-'; }, '_');
  return name;
}

// Where each wanted column stands.
struct Columns {
  std::size_t patient, split, blood_pool, delayed;
  std::optional<std::size_t> group;
  std::size_t count;
};

Columns find_columns(const fs::path& path, const CsvRecord& header) {
  std::vector<std::string> names;
  for (const std::string& field : header.fields) names.push_back(column_name(field));
  while (!names.empty() && names.back().empty()) names.pop_back();  // trailing delimiters
  const auto find = [&](std::string_view name) -> std::optional<std::size_t> {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) return std::nullopt;
    if (std::find(found + 1, names.end(), name) != names.end())
      throw line_error(path, header.line, "the column " + shown(name) + " is there twice");
    return static_cast<std::size_t>(found - names.begin());
  };
  const auto demand = [&](std::string_view name) {
    if (const auto found = find(name)) return *found;
    std::string there;
    for (std::size_t i = 0; i < std::min<std::size_t>(names.size(), 8); ++i)
      there += (i == 0 ? "" : ", ") + shown(names[i]);
    throw line_error(
        path, header.line,
        "there is no column " + shown(name) +
            "; expected patient, split, blood_pool and delayed, divided by commas, semicolons or "
            "tabs; found " +
            there);
  };
  return {demand("patient"), demand("split"), demand("blood_pool"),
          demand("delayed"), find("group"),   names.size()};
}

// The split a word means: "Train" is train; "training" is none, but is asked about.
std::string split_of(const fs::path& path, const CsvRecord& record, const std::string& field) {
  const std::string split = lower(field);
  if (std::find(kSplits.begin(), kSplits.end(), split) != kSplits.end()) return split;
  const std::string offer(likely_split(field));
  throw line_error(path, record.line,
                   "the split is " + shown(field) + ", expected train, val or test" +
                       (offer.empty() ? "" : " (did you mean " + offer + "?)"));
}

// Follows the paths of a table into its folder.
class Resolver {
 public:
  Resolver(const fs::path& table, const CohortOptions& options)
      : table_(table), folder_(table.parent_path()), options_(options), root_(real(folder_)) {}

  // The file a field names, and under which path the file system knows it.
  struct Resolved {
    fs::path path, real;
  };
  Resolved operator()(std::size_t line, std::string_view column, const std::string& field) {
    const auto refuse = [&](const std::string& problem) -> FileError {
      return line_error(table_, line, "the " + std::string(column) + " " + shown(field) + " " + problem);
    };
    const bool drive = field.size() > 2 && std::isalpha(static_cast<unsigned char>(field[0])) != 0 &&
                       field[1] == ':' && (field[2] == '\\' || field[2] == '/');
    if (drive || field.starts_with("\\\\"))
      throw refuse("is a path of a Windows computer; give it relative to the folder of the table");
    fs::path path = folder_ / field;
    std::error_code error;
    if (field.find('\\') != std::string::npos && !fs::exists(path, error)) {
      std::string slashes = field;
      std::ranges::replace(slashes, '\\', '/');
      path = folder_ / slashes;
    }
    path = path.lexically_normal();
    Resolved resolved{path, real_file(path)};
    if (!options_.allow_outside && !inside(resolved.real)) {
      const fs::path within = path.lexically_relative(folder_.empty() ? "." : folder_.lexically_normal());
      const bool link = !within.empty() && *within.begin() != "..";
      throw OutsideError(table_, "line " + std::to_string(line) + ": the " + std::string(column) + " " +
                                     shown(field) +
                                     (link ? " is a link that leads out of" : " lies outside of") +
                                     " the data set's folder");
    }
    return resolved;
  }

 private:
  static fs::path real(const fs::path& path) {
    std::error_code error;
    const fs::path found = fs::weakly_canonical(path.empty() ? fs::path(".") : path, error);
    return error ? fs::absolute(path).lexically_normal() : found;
  }
  // Folders repeat, so only the last part is looked up each time.
  fs::path real_file(const fs::path& path) {
    std::error_code error;
    if (fs::is_symlink(path, error)) return real(path);
    const auto [folder, fresh] = folders_.try_emplace(path.parent_path());
    if (fresh) folder->second = real(path.parent_path());
    return folder->second / path.filename();
  }
  bool inside(const fs::path& path) const {
    return std::mismatch(root_.begin(), root_.end(), path.begin(), path.end()).first == root_.end();
  }

  const fs::path& table_;
  const fs::path folder_;
  const CohortOptions& options_;
  const fs::path root_;
  std::map<fs::path, fs::path> folders_;
};

bool is_empty(const CsvRecord& record) {
  return std::ranges::all_of(record.fields, [](const std::string& field) { return field.empty(); });
}

CohortRow make_row(const fs::path& path, CsvRecord& record, const Columns& columns) {
  auto& fields = record.fields;
  while (fields.size() > columns.count && fields.back().empty()) fields.pop_back();  // trailing delimiters
  if (fields.size() != columns.count)
    throw line_error(path, record.line,
                     std::to_string(fields.size()) + " fields, expected " + std::to_string(columns.count) +
                         " as in the first line");
  for (const auto& [column, name] :
       {std::pair{columns.patient, "patient"}, std::pair{columns.blood_pool, "blood_pool"},
        std::pair{columns.delayed, "delayed"}})
    if (fields[column].empty()) throw line_error(path, record.line, std::string("the ") + name + " is empty");
  CohortRow row;
  row.line = record.line;
  row.patient = fields[columns.patient];
  row.split = split_of(path, record, fields[columns.split]);
  if (columns.group) row.group = fields[*columns.group];
  return row;
}

// Tables of 10^5 rows are checked in one pass: where each patient and each image was first seen.
class Seen {
 public:
  explicit Seen(const fs::path& path) : path_(path) {}

  void add(const CohortRow& row, const fs::path& blood_pool, const fs::path& delayed) {
    const auto [patient, fresh] = patients_.try_emplace(row.patient, row.line, row.split);
    if (!fresh && patient->second.second != row.split)
      throw line_error(path_, row.line,
                       "its patient is in " + row.split + ", but in " + patient->second.second + " on line " +
                           std::to_string(patient->second.first) + ": test data would leak into training");
    for (const fs::path& image : {blood_pool, delayed}) {
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

std::string_view likely_split(std::string_view word) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 13> kWords{
      {{"train", "train"},
       {"training", "train"},
       {"trn", "train"},
       {"learn", "train"},
       {"val", "val"},
       {"valid", "val"},
       {"validation", "val"},
       {"validate", "val"},
       {"dev", "val"},
       {"test", "test"},
       {"testing", "test"},
       {"tst", "test"},
       {"holdout", "test"}}};
  const std::string name = lower(trimmed(word));
  for (const auto& [alias, split] : kWords)
    if (name == alias) return split;
  return {};
}

std::vector<CohortRow> read_cohort(const fs::path& path, const CohortOptions& options) {
  const std::string text = plain_text(path, read_file(path, kMaxBytes));
  require_utf8(path, text);
  std::vector<CsvRecord> records = parse_csv(path, text, delimiter_of(text));
  if (!records.empty() && records.front().fields.front().starts_with("sep=")) records.erase(records.begin());
  for (CsvRecord& record : records)
    for (std::string& field : record.fields) field = trimmed(field);
  std::erase_if(records, is_empty);
  if (records.empty()) throw FileError(path, "is empty, expected a line of column names and rows");
  const Columns columns = find_columns(path, records.front());
  std::vector<CohortRow> rows;
  Seen seen(path);
  Resolver resolve(path, options);
  for (std::size_t r = 1; r < records.size(); ++r) {
    CsvRecord& record = records[r];
    CohortRow row = make_row(path, record, columns);
    const Resolver::Resolved blood_pool = resolve(row.line, "blood_pool", record.fields[columns.blood_pool]),
                             delayed = resolve(row.line, "delayed", record.fields[columns.delayed]);
    row.blood_pool = blood_pool.path;
    row.delayed = delayed.path;
    seen.add(row, blood_pool.real, delayed.real);
    rows.push_back(std::move(row));
  }
  if (rows.empty()) throw FileError(path, "holds column names and no rows");
  return rows;
}

}  // namespace uptake::io
