// The losses of a training run as a CSV file: a header, then one row a step, appended as training goes.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace uptake::io {

/// First column "step" (strictly increasing), then `columns`. Numbers are printed as the shortest text that
/// reads back as the same double; "nan" and "inf" are possible. Each row is handed to the operating system
/// whole and at once, so an interrupted program leaves complete rows behind. Every member throws FileError.
class CsvLog {
 public:
  /// Without `resumed_step`: a new file with only the header, replacing an old one. With it: the rows of the
  /// existing file up to and including that step are kept. Later ones (of the interrupted run, which will be
  /// computed again) and a torn end (what a power cut leaves) are cut off, a missing file is begun anew. A log never
  /// stops a resume: a file with other columns or with a row amid others that is not of this form is set aside as
  /// PATH.old (.old2, ...), and what can be kept of it is. Throws std::invalid_argument for a column name that is empty
  /// or would need quoting.
  CsvLog(const std::filesystem::path& path, const std::vector<std::string>& columns,
         std::optional<std::int64_t> resumed_step = std::nullopt);
  ~CsvLog();
  CsvLog(const CsvLog&) = delete;
  CsvLog& operator=(const CsvLog&) = delete;

  /// Throws std::invalid_argument when the number of values is not that of the columns or the step is not
  /// after the last one.
  void append(std::int64_t step, std::span<const double> values);

  /// What is appended is on the disk then, and survives a power cut.
  void sync();

  /// Rows kept from the file at construction plus rows appended.
  std::int64_t rows() const { return rows_; }
  /// The step of the last row.
  std::optional<std::int64_t> last_step() const { return last_step_; }

  /// What was cut off or set aside when the file was resumed, one sentence without its name; empty: nothing.
  const std::string& repair() const { return repair_; }

 private:
  std::string kept_rows(const std::string& header, std::int64_t resumed_step);
  std::string set_aside() const;

  std::filesystem::path path_;
  std::string repair_;
  std::size_t columns_ = 0;
  std::int64_t rows_ = 0, bytes_ = 0;
  std::optional<std::int64_t> last_step_;
  int descriptor_ = -1;
};

/// A CsvLog's file read back, for charts: columns without "step", values[column][row].
struct CsvTable {
  std::vector<std::string> columns;
  std::vector<std::int64_t> steps;
  std::vector<std::vector<double>> values;
};

/// Throws FileError. An unfinished last line is ignored.
CsvTable read_csv_log(const std::filesystem::path& path);

}  // namespace uptake::io
