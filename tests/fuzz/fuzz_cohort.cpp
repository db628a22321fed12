// cohort.csv, every other table as text, and the logs of a run (a text that begins with "step").
#include <algorithm>
#include <map>
#include <set>

#include "io/base/csv.h"
#include "io/logs/csv_log.h"
#include "io/pairs/cohort.h"
#include "target.h"

using namespace uptake;

namespace {

void read_table(std::string_view text) {
  std::vector<io::CsvRecord> records;
  if (!tests::accepts<io::FileError>([&] { records = io::parse_csv("table.csv", text); })) return;
  std::string written;
  for (const auto& record : records) written += io::csv_row(record.fields);
  const auto again = io::parse_csv("table.csv", written);
  tests::require(again.size() == records.size(), "a table that is written has the same rows");
  for (std::size_t r = 0; r < records.size(); ++r)
    tests::require(again[r].fields == records[r].fields, "a row that is written has the same fields");
}

void read_cohort(const std::filesystem::path& path) {
  std::vector<io::CohortRow> rows;
  if (!tests::accepts<io::FileError>([&] { rows = io::read_cohort(path); })) return;
  tests::require(!rows.empty(), "a cohort has rows");
  std::map<std::string, std::string> split_of;
  std::set<std::filesystem::path> images;
  for (const auto& row : rows) {
    tests::require(!row.patient.empty() && !row.blood_pool.empty() && !row.delayed.empty(), "a row is whole");
    tests::require(std::ranges::find(io::kSplits, row.split) != io::kSplits.end(), "a row has a known split");
    tests::require(split_of.emplace(row.patient, row.split).first->second == row.split,
                   "a patient is in one split");
    tests::require(images.insert(row.blood_pool).second && images.insert(row.delayed).second,
                   "an image is used once");
  }
}

void read_log(const std::filesystem::path& path) {
  io::CsvTable table;
  if (!tests::accepts<io::FileError>([&] { table = io::read_csv_log(path); })) return;
  for (const auto& column : table.values)
    tests::require(column.size() == table.steps.size(), "a log's columns are equally long");
  tests::accepts<io::FileError>([&] {
    io::CsvLog log(path, {"epoch", "lr"}, 100);
    log.append(101, std::array{1.0, 2e-4});
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = tests::view_of(data, size);
  read_table(text);
  const auto path = tests::put_file("cohort.csv", text);
  read_cohort(path);
  if (text.starts_with("step")) read_log(path);
  return 0;
}
