#include "io/logs/csv_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "io/base/csv.h"
#include "io/base/file.h"
#include "io/base/text.h"

namespace uptake::io {
namespace {

constexpr std::uintmax_t kMaxBytes = std::uintmax_t{1} << 30;

template <class Number>
bool parse_number(std::string_view text, Number& value) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && result.ec == std::errc() && result.ptr == text.data() + text.size();
}

/// Without the last line if that was not finished.
std::string_view complete_lines(std::string_view text) { return text.substr(0, text.rfind('\n') + 1); }

struct Row {
  std::int64_t step = 0;
  std::vector<double> values;
};

Row parse_row(const CsvRecord& record, std::size_t columns, const std::filesystem::path& path) {
  const auto& fields = record.fields;
  Row row;
  bool good = fields.size() == columns + 1 && parse_number(fields[0], row.step);
  for (std::size_t i = 1; good && i < fields.size(); ++i)
    good = parse_number(fields[i], row.values.emplace_back());
  if (!good)
    throw line_error(path, record.line, "expected a step and " + std::to_string(columns) + " numbers");
  return row;
}

std::string header_line(const std::vector<std::string>& columns) {
  std::vector<std::string> names{"step"};
  for (const std::string& name : columns) {
    if (name.empty() || csv_row({name}) != name + "\n")
      throw std::invalid_argument("CsvLog: '" + name + "' cannot be the name of a column");
    names.push_back(name);
  }
  return csv_row(names);
}

}  // namespace

CsvLog::CsvLog(const std::filesystem::path& path, const std::vector<std::string>& columns,
               std::optional<std::int64_t> resumed_step)
    : path_(path), columns_(columns.size()) {
  const std::string header = header_line(columns);
  std::error_code ignored;
  const bool keep = resumed_step && std::filesystem::exists(path, ignored);
  write_file_atomically(path, header + (keep ? kept_rows(header, *resumed_step) : std::string()));
  descriptor_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (descriptor_ < 0) {
    throw FileError(path, "cannot be opened for appending: " + std::generic_category().message(errno));
  }
}

CsvLog::~CsvLog() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::string CsvLog::kept_rows(const std::string& header, std::int64_t resumed_step) {
  const std::string text = read_file(path_, kMaxBytes);
  CsvReader reader(path_, complete_lines(text));
  CsvRecord record;
  std::string kept;
  if (!reader.next(record)) return kept;  // not even the header was finished
  if (csv_row(record.fields) != header)
    throw FileError(path_,
                    "has other columns than this run would write: move it away, or go on as it was begun");
  while (reader.next(record)) {
    const Row row = parse_row(record, columns_, path_);
    if (row.step > resumed_step) continue;
    if (last_step_ && row.step <= *last_step_)
      throw line_error(path_, record.line, "repeats or goes back to step " + std::to_string(row.step));
    last_step_ = row.step;
    ++rows_;
    kept += csv_row(record.fields);
  }
  return kept;
}

void CsvLog::append(std::int64_t step, std::span<const double> values) {
  if (values.size() != columns_) {
    throw std::invalid_argument("CsvLog: " + std::to_string(values.size()) + " values for " +
                                std::to_string(columns_) + " columns");
  }
  if (last_step_ && step <= *last_step_) {
    throw std::invalid_argument("CsvLog: step " + std::to_string(step) + " does not come after step " +
                                std::to_string(*last_step_));
  }
  std::vector<std::string> fields{std::to_string(step)};
  for (const double value : values) fields.push_back(exact_text(value));
  const std::string line = csv_row(fields);
  const ssize_t put = ::write(descriptor_, line.data(), line.size());
  if (put != static_cast<ssize_t>(line.size())) {
    throw FileError(path_, "cannot be appended to: " + (put < 0 ? std::generic_category().message(errno)
                                                                : std::string("no space left")));
  }
  last_step_ = step;
  ++rows_;
}

CsvTable read_csv_log(const std::filesystem::path& path) {
  const std::string text = read_file(path, kMaxBytes);
  CsvReader reader(path, complete_lines(text));
  CsvRecord record;
  if (!reader.next(record)) throw FileError(path, "has no header line");
  if (record.fields[0] != "step")
    throw FileError(path, "is not a log of losses: its first column is not \"step\"");
  CsvTable table;
  table.columns.assign(record.fields.begin() + 1, record.fields.end());
  table.values.resize(table.columns.size());
  while (reader.next(record)) {
    const Row row = parse_row(record, table.columns.size(), path);
    table.steps.push_back(row.step);
    for (std::size_t i = 0; i < row.values.size(); ++i) table.values[i].push_back(row.values[i]);
  }
  return table;
}

}  // namespace uptake::io
