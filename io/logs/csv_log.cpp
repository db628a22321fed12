#include "io/logs/csv_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "io/base/file.h"

namespace uptake::io {
namespace {

constexpr std::uintmax_t kMaxBytes = std::uintmax_t{1} << 30;

template <class Number>
void append_number(std::string& out, Number value) {
  std::array<char, 32> text{};  // the longest shortest double has 24 characters
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), end);
}

template <class Number>
bool parse_number(std::string_view text, Number& value) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && result.ec == std::errc() && result.ptr == text.data() + text.size();
}

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> fields;
  for (;;) {
    const std::size_t comma = line.find(',');
    fields.push_back(line.substr(0, comma));
    if (comma == std::string_view::npos) return fields;
    line.remove_prefix(comma + 1);
  }
}

/// Takes the first complete line off `rest`; false when there is none.
bool next_line(std::string_view& rest, std::string_view& line) {
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) return false;
  line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return true;
}

struct Row {
  std::int64_t step = 0;
  std::vector<double> values;
};

Row parse_row(std::string_view line, std::size_t columns, std::int64_t number,
              const std::filesystem::path& path) {
  const auto fields = split(line);
  Row row;
  bool good = fields.size() == columns + 1 && parse_number(fields[0], row.step);
  for (std::size_t i = 1; good && i < fields.size(); ++i)
    good = parse_number(fields[i], row.values.emplace_back());
  if (!good) {
    throw FileError(path, "line " + std::to_string(number) + " is not a step and " + std::to_string(columns) +
                              " numbers");
  }
  return row;
}

std::string header_line(const std::vector<std::string>& columns) {
  std::string line = "step";
  for (const std::string& name : columns) {
    if (name.empty() || name.find_first_of(",\"\r\n") != std::string::npos) {
      throw std::invalid_argument("CsvLog: '" + name + "' cannot be the name of a column");
    }
    line += "," + name;
  }
  return line + "\n";
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
  std::string_view rest = text, line;
  std::string kept;
  if (!next_line(rest, line)) return kept;  // not even the header was finished
  if (std::string(line) + "\n" != header) {
    throw FileError(path_,
                    "has other columns than this run would write: move it away, or go on as it was begun");
  }
  for (std::int64_t number = 2; next_line(rest, line); ++number) {
    const Row row = parse_row(line, columns_, number, path_);
    if (row.step > resumed_step) continue;
    if (last_step_ && row.step <= *last_step_) {
      throw FileError(path_, "line " + std::to_string(number) + " repeats or goes back to step " +
                                 std::to_string(row.step));
    }
    last_step_ = row.step;
    ++rows_;
    kept.append(line).push_back('\n');
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
  std::string line;
  append_number(line, step);
  for (const double value : values) {
    line.push_back(',');
    append_number(line, value);
  }
  line.push_back('\n');
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
  std::string_view rest = text, line;
  if (!next_line(rest, line)) throw FileError(path, "has no header line");
  const auto names = split(line);
  if (names[0] != "step") throw FileError(path, "is not a log of losses: its first column is not \"step\"");
  CsvTable table;
  table.columns.assign(names.begin() + 1, names.end());
  table.values.resize(table.columns.size());
  for (std::int64_t number = 2; next_line(rest, line); ++number) {
    const Row row = parse_row(line, table.columns.size(), number, path);
    table.steps.push_back(row.step);
    for (std::size_t i = 0; i < row.values.size(); ++i) table.values[i].push_back(row.values[i]);
  }
  return table;
}

}  // namespace uptake::io
