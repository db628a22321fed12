// Tables as text: comma-separated values (RFC 4180), read and written.
#pragma once
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "io/base/file.h"

namespace uptake::io {

/// One row of a table.
struct CsvRecord {
  std::size_t line = 0;  // where it starts, from 1
  std::vector<std::string> fields;
};

/// Takes one record after the other out of a text: commas (or another delimiter), double quotes around fields that hold commas,
/// quotes or line ends, LF or CRLF. Empty lines are skipped, a byte-order mark is dropped; numbers of fields
/// may differ.
class CsvReader {
 public:
  /// The text must outlive the reader; `path` is for messages only.
  CsvReader(const std::filesystem::path& path, std::string_view text, char delimiter = ',');

  /// The next record; false after the last. Throws FileError for an unterminated quote, text after a closing
  /// quote, or a NUL.
  bool next(CsvRecord& record);

 private:
  std::filesystem::path path_;
  std::string_view rest_;
  char delimiter_;
  std::size_t line_ = 1;
};

/// All records of a text; throws as CsvReader does.
std::vector<CsvRecord> parse_csv(const std::filesystem::path& path, std::string_view text,
                                 char delimiter = ',');

/// Comma, semicolon or tab: what the first line with text is divided by, or what it says as spreadsheets do
/// ("sep=;"). Comma where nothing decides.
char delimiter_of(std::string_view text);

/// A row of a table: each field quoted when it has to be, and a line end.
std::string csv_row(const std::vector<std::string>& fields);

/// What is wrong with one line of a table.
FileError line_error(const std::filesystem::path& path, std::size_t line, const std::string& problem);

}  // namespace uptake::io
