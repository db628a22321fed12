#include "io/logs/csv_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
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

/// A step and `columns` numbers, with commas between; nothing if it is anything else.
std::optional<Row> parse_row(std::string_view line, std::size_t columns) {
  Row row;
  for (std::size_t field = 0; field <= columns; ++field) {
    const std::size_t end = std::min(line.find(','), line.size());
    const std::string_view text = line.substr(0, end);
    if ((end == line.size()) != (field == columns)) return {};
    if (!(field == 0 ? parse_number(text, row.step) : parse_number(text, row.values.emplace_back())))
      return {};
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return row;
}

/// Without its end, be it LF or CRLF.
std::string_view trimmed_line(std::string_view line) {
  return line.substr(0, line.find_last_not_of("\r\n") + 1);
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
  std::string text = header;
  if (resumed_step) {
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored))
      text += kept_rows(header, *resumed_step);
    else if (*resumed_step > 0)
      repair_ = "is missing and begun anew";
  }
  write_file_atomically(path, text);
  bytes_ = static_cast<std::int64_t>(text.size());
  descriptor_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (descriptor_ < 0) {
    throw FileError(path, "cannot be opened for appending: " + std::generic_category().message(errno));
  }
}

CsvLog::~CsvLog() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::string CsvLog::set_aside() const {
  std::filesystem::path old = path_;
  old += ".old";
  std::error_code error;
  for (int number = 2; std::filesystem::exists(old, error); ++number)
    (old = path_) += ".old" + std::to_string(number);
  link_or_copy(path_, old);
  return old.filename().string();
}

std::string CsvLog::kept_rows(const std::string& header, std::int64_t resumed_step) {
  const std::string text = read_file(path_);
  const std::string_view complete = complete_lines(text);
  if (complete.empty()) {
    repair_ = "had not even a whole first line and is begun anew";
    return {};
  }
  const std::size_t header_end = complete.find('\n') + 1;
  if (trimmed_line(complete.substr(0, header_end)) != header.substr(0, header.size() - 1)) {
    repair_ = "has other columns than this run writes: it is now " + set_aside() + ", and begun anew";
    return {};
  }
  std::string kept;
  std::int64_t later = 0, bad_line = 0, line = 1;
  bool good_after_bad = false;
  for (std::size_t at = header_end; at < complete.size();) {
    const std::size_t end = complete.find('\n', at) + 1;
    const std::string_view row_text = trimmed_line(complete.substr(at, end - at));
    at = end;
    ++line;
    if (row_text.empty()) continue;
    const std::optional<Row> row = parse_row(row_text, columns_);
    if (!row || (last_step_ && row->step <= *last_step_)) {
      if (bad_line == 0) bad_line = line;
    } else if (bad_line > 0) {
      good_after_bad = true;
    } else if (row->step > resumed_step) {
      ++later;
    } else {
      last_step_ = row->step;
      ++rows_;
      kept += std::string(row_text) + "\n";
    }
  }
  if (good_after_bad)
    repair_ = "line " + std::to_string(bad_line) + " is damaged: it is now " + set_aside() +
              ", and goes on after the line before";
  else if (later > 0 || bad_line > 0 || complete.size() < text.size())
    repair_ =
        "is cut back to the checkpoint" +
        (later > 0 ? ", by " + std::to_string(later) + (later == 1 ? " row" : " rows") : std::string()) +
        (bad_line > 0 || complete.size() < text.size() ? ", and by an end that was torn" : "");
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
    if (put > 0) static_cast<void>(!::ftruncate(descriptor_, bytes_));
    throw FileError(path_, "cannot be appended to: " + (put < 0 ? std::generic_category().message(errno)
                                                                : std::string("no space left")));
  }
  last_step_ = step;
  ++rows_;
  bytes_ += put;
}

void CsvLog::sync() {
  if (::fdatasync(descriptor_) != 0 && errno != EINVAL && errno != ENOTSUP)
    throw FileError(path_, "cannot be flushed to the disk: " + std::generic_category().message(errno));
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
    const std::string line = csv_row(record.fields);
    const std::optional<Row> row = parse_row(trimmed_line(line), table.columns.size());
    if (!row)
      throw line_error(path, record.line,
                       "expected a step and " + std::to_string(table.columns.size()) + " numbers");
    table.steps.push_back(row->step);
    for (std::size_t i = 0; i < row->values.size(); ++i) table.values[i].push_back(row->values[i]);
  }
  return table;
}

}  // namespace uptake::io
