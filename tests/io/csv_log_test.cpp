#include "io/logs/csv_log.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "io/base/file.h"
#include "tests/io/test_files.h"

using namespace uptake::io;
using namespace uptake::tests;
using Values = std::vector<double>;

namespace {
const std::vector<std::string> kColumns{"G_GAN", "G_L1"};

std::string resume_error(const std::filesystem::path& path) {
  return message_of<FileError>([&] { CsvLog(path, kColumns, 100); });
}
}  // namespace

TEST_CASE("CsvLog: a header and one line a step, in the shortest digits that read back the same") {
  const TestFolder folder;
  CsvLog log(folder / "loss.csv", kColumns);
  log.append(1, Values{0.1, 1e300});
  log.append(20, Values{1.0 / 3.0, -0.0});
  CHECK(contents(folder / "loss.csv") == "step,G_GAN,G_L1\n1,0.1,1e+300\n20,0.3333333333333333,-0\n");
  CHECK(log.rows() == 2);
}

TEST_CASE("CsvLog: what is written is read back exactly, also values that are no numbers") {
  const TestFolder folder;
  const double tiny = std::numeric_limits<double>::denorm_min(), nan = std::nan(""), infinity = INFINITY;
  {
    CsvLog log(folder / "loss.csv", kColumns);
    log.append(-5, Values{tiny, nan});
    log.append(7, Values{-infinity, 2.0 / 3.0});
  }
  const CsvTable table = read_csv_log(folder / "loss.csv");
  CHECK(table.columns == kColumns);
  CHECK((table.steps == std::vector<std::int64_t>{-5, 7}));
  CHECK((table.values[0] == Values{tiny, -infinity}));
  CHECK(std::isnan(table.values[1][0]));
  CHECK(table.values[1][1] == 2.0 / 3.0);
}

TEST_CASE("CsvLog: resuming drops the rows after the resumed step, so no step is there twice") {
  const TestFolder folder;
  {
    CsvLog log(folder / "loss.csv", kColumns);
    for (int step = 10; step <= 50; step += 10) log.append(step, Values{step * 0.1, 1.0});
  }
  {
    CsvLog log(folder / "loss.csv", kColumns, 30);
    CHECK(log.rows() == 3);
    CHECK_THROWS_AS(log.append(30, Values{9, 9}), std::invalid_argument);
    log.append(31, Values{8, 8});
  }
  CHECK((read_csv_log(folder / "loss.csv").steps == std::vector<std::int64_t>{10, 20, 30, 31}));
  CHECK(folder.names() == std::vector<std::string>{"loss.csv"});
}

TEST_CASE("CsvLog: a last line that was not finished is dropped when resuming and ignored when reading") {
  const TestFolder folder;
  folder.put("loss.csv", "step,G_GAN,G_L1\n1,0.5,2\n2,0.2");
  CHECK((read_csv_log(folder / "loss.csv").steps == std::vector<std::int64_t>{1}));
  CsvLog log(folder / "loss.csv", kColumns, 100);
  log.append(2, Values{0.25, 3});
  CHECK(contents(folder / "loss.csv") == "step,G_GAN,G_L1\n1,0.5,2\n2,0.25,3\n");
}

TEST_CASE("CsvLog: resuming without a file begins one, not resuming replaces one") {
  const TestFolder folder;
  { CsvLog(folder / "a.csv", kColumns, 100).append(1, Values{1, 2}); }
  CHECK(contents(folder / "a.csv") == "step,G_GAN,G_L1\n1,1,2\n");
  { CsvLog log(folder / "a.csv", kColumns); }
  CHECK(contents(folder / "a.csv") == "step,G_GAN,G_L1\n");
  folder.put("cut.csv", "step,G_G");
  { CsvLog log(folder / "cut.csv", kColumns, 100); }
  CHECK(contents(folder / "cut.csv") == "step,G_GAN,G_L1\n");
}

TEST_CASE("CsvLog: a file that is not this log is refused and left as it is") {
  const TestFolder folder;
  const auto path = folder / "loss.csv";
  folder.put("loss.csv", "step,G_GAN,D\n1,2,3\n");
  CHECK(resume_error(path).find("has other columns") != std::string::npos);
  CHECK(contents(path) == "step,G_GAN,D\n1,2,3\n");
  for (const std::string row : {"1,2", "1,2,3,4", "1,2,x", "1.5,2,3", ",2,3", "\"\"", "1,2,", "1, 2,3"}) {
    CAPTURE(row);
    folder.put("loss.csv", "step,G_GAN,G_L1\n0,1,2\n" + row + "\n");
    CHECK(resume_error(path).find("line 3") != std::string::npos);
    CHECK_THROWS_AS(read_csv_log(path), FileError);
  }
  folder.put("loss.csv", "step,G_GAN,G_L1\n5,1,2\n5,1,2\n");
  CHECK(resume_error(path).find("line 3: repeats") != std::string::npos);
}

TEST_CASE("CsvLog: wrong calls and unwritable places are refused") {
  const TestFolder folder;
  CsvLog log(folder / "loss.csv", kColumns);
  CHECK_THROWS_AS(log.append(1, Values{1}), std::invalid_argument);
  CHECK(contents(folder / "loss.csv") == "step,G_GAN,G_L1\n");
  CHECK_THROWS_AS(CsvLog(folder / "b.csv", {"a,b"}), std::invalid_argument);
  CHECK_THROWS_AS(CsvLog(folder / "b.csv", {""}), std::invalid_argument);
  CHECK_THROWS_AS(CsvLog("/proc/uptake.csv", kColumns), FileError);
  CHECK_THROWS_AS(CsvLog(folder / "loss.csv" / "x.csv", kColumns), FileError);
  CHECK_THROWS_AS(CsvLog(folder / "", kColumns, 5), FileError);
  CHECK_THROWS_AS(read_csv_log(folder / "absent"), FileError);
  CHECK_THROWS_AS(read_csv_log(folder.put("empty", "")), FileError);
  CHECK_THROWS_AS(read_csv_log(folder.put("other", "epoch,a\n")), FileError);
}
