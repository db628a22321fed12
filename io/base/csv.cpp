#include "io/base/csv.h"

#include <algorithm>
#include <utility>

namespace uptake::io {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

bool needs_quotes(std::string_view field) {
  return field.find_first_of(",\"\r\n") != std::string_view::npos || field.starts_with(kByteOrderMark);
}

std::string in_quotes(std::string_view field) {
  std::string text = "\"";
  for (const char c : field) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + "\"";
}

}  // namespace

FileError line_error(const std::filesystem::path& path, std::size_t line, const std::string& problem) {
  return {path, "line " + std::to_string(line) + ": " + problem};
}

CsvReader::CsvReader(const std::filesystem::path& path, std::string_view text, char delimiter)
    : path_(path), rest_(text), delimiter_(delimiter) {
  if (rest_.starts_with(kByteOrderMark)) rest_.remove_prefix(kByteOrderMark.size());
}

bool CsvReader::next(CsvRecord& record) {
  record = {line_, {}};
  std::string field;
  bool quote_open = false, quote_closed = false;
  std::size_t quote_line = line_;
  const auto end_field = [&] { record.fields.push_back(std::exchange(field, {})); };
  const auto blank = [&] { return record.fields.empty() && field.empty() && !quote_closed; };
  std::size_t i = 0;
  for (; i < rest_.size(); ++i) {
    const char c = rest_[i];
    if (c == '\0') throw line_error(path_, line_, "a NUL byte, so this is not a text file");
    if (c == '\n') ++line_;
    if (quote_open) {
      if (c == '"' && rest_.substr(i + 1, 1) == "\"") {
        field += rest_[++i];
      } else if (c == '"') {
        quote_open = false;
        quote_closed = true;
      } else {
        field += c;
      }
    } else if (c == delimiter_) {
      end_field();
      quote_closed = false;
    } else if (c == '\n') {
      if (!blank()) break;
      record.line = line_;
    } else if (c == '\r' && (i + 1 == rest_.size() || rest_[i + 1] == '\n')) {
      // The first half of a CRLF.
    } else if (c == '"' && field.empty() && !quote_closed) {
      quote_open = true;
      quote_line = line_;
    } else if (quote_closed) {
      throw line_error(path_, line_, "text follows a closing quote");
    } else {
      field += c;
    }
  }
  if (quote_open) throw line_error(path_, quote_line, "a quote is opened and never closed");
  const bool found = !blank();
  if (found) end_field();
  rest_.remove_prefix(std::min(i + 1, rest_.size()));
  return found;
}

std::vector<CsvRecord> parse_csv(const std::filesystem::path& path, std::string_view text, char delimiter) {
  CsvReader reader(path, text, delimiter);
  std::vector<CsvRecord> records;
  for (CsvRecord record; reader.next(record);) records.push_back(std::move(record));
  return records;
}

char delimiter_of(std::string_view text) {
  const std::size_t begin = text.find_first_not_of("\r\n");
  if (begin == std::string_view::npos) return ',';
  text.remove_prefix(begin);
  if (text.starts_with("sep=") && text.size() > 4 && std::string_view(",;\t|").find(text[4]) != text.npos)
    return text[4];
  std::size_t commas = 0, semicolons = 0, tabs = 0;
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '\n') break;
    commas += c == ',' ? 1U : 0U;
    semicolons += c == ';' ? 1U : 0U;
    tabs += c == '\t' ? 1U : 0U;
  }
  if (semicolons > commas && semicolons >= tabs) return ';';
  return tabs > commas ? '\t' : ',';
}

std::string csv_row(const std::vector<std::string>& fields) {
  if (fields.size() == 1 && fields[0].empty())
    return "\"\"\n";  // else it would be an empty line, which is no row
  std::string row;
  for (const std::string& field : fields) {
    if (&field != &fields.front()) row += ',';
    row += needs_quotes(field) ? in_quotes(field) : field;
  }
  return row + "\n";
}

}  // namespace uptake::io
