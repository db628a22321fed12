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

TEST_CASE("CsvLog: whatever a power cut made of the end of a log, a resume cuts it back and says so") {
  const TestFolder folder;
  const std::string good = "step,G_GAN,G_L1\n1,0.5,2\n2,0.25,3\n";
  for (const std::string& torn :
       {std::string("3,0.2"), std::string("3,0.2,"), std::string("3,0.1,1\n4,0"), std::string("3\n"),
        std::string("\"\"\n"), std::string("3,0.1,x\n"), std::string("1.5,2,3\n"), std::string(512, '\0'),
        std::string(40, '\0') + "\n", std::string("3,\xff\xfe\n4,5")}) {
    CAPTURE(torn);
    folder.put("loss.csv", good + torn);
    CsvLog log(folder / "loss.csv", kColumns, 2);
    CHECK(log.repair().starts_with("is cut back to the checkpoint"));
    CHECK(log.last_step() == 2);
    log.append(3, Values{1, 2});
    CHECK(contents(folder / "loss.csv") == good + "3,1,2\n");
    CHECK(folder.names() == std::vector<std::string>{"loss.csv"});
  }
  folder.put("loss.csv", good);
  CHECK(CsvLog(folder / "loss.csv", kColumns, 2).repair().empty());
  CHECK(CsvLog(folder / "loss.csv", kColumns, 1).repair() == "is cut back to the checkpoint, by 1 row");
  CHECK(CsvLog(folder / "other.csv", kColumns, 2).repair() == "is missing and begun anew");
  CHECK(CsvLog(folder / "new.csv", kColumns, 0).repair().empty());
}

TEST_CASE("CsvLog: rows end as an editor left them, with LF or CRLF") {
  const TestFolder folder;
  folder.put("loss.csv", "step,G_GAN,G_L1\r\n1,0.5,2\r\n\r\n2,1,3\r\n");
  CHECK(CsvLog(folder / "loss.csv", kColumns, 2).repair().empty());
  CHECK(contents(folder / "loss.csv") == "step,G_GAN,G_L1\n1,0.5,2\n2,1,3\n");
}

TEST_CASE("CsvLog: a log of other columns, or damaged amid its rows, is set aside and never replaced") {
  const TestFolder folder;
  const std::string other = "step,G_GAN,D\n1,2,3\n", damaged = "step,G_GAN,G_L1\n1,1,2\n2,x,2\n3,1,2\n";
  folder.put("loss.csv", other);
  CHECK(CsvLog(folder / "loss.csv", kColumns, 3).repair().find("it is now loss.csv.old,") !=
        std::string::npos);
  CHECK(contents(folder / "loss.csv.old") == other);
  CHECK(contents(folder / "loss.csv") == "step,G_GAN,G_L1\n");
  folder.put("loss.csv", damaged);
  CHECK(CsvLog(folder / "loss.csv", kColumns, 3).repair() ==
        "line 3 is damaged: it is now loss.csv.old2, and goes on after the line before");
  CHECK(contents(folder / "loss.csv.old") == other);
  CHECK(contents(folder / "loss.csv.old2") == damaged);
  CHECK(contents(folder / "loss.csv") == "step,G_GAN,G_L1\n1,1,2\n");
  folder.put("twice.csv", "step,G_GAN,G_L1\n5,1,2\n5,1,2\n6,1,2\n");
  CHECK(CsvLog(folder / "twice.csv", kColumns, 9).repair().starts_with("line 3 is damaged"));
}

TEST_CASE("read_csv_log: a row that is not of this form is named with its line") {
  const TestFolder folder;
  for (const std::string row : {"1,2", "1,2,3,4", "1,2,x", "1.5,2,3", ",2,3", "\"\"", "1,2,", "1, 2,3"}) {
    CAPTURE(row);
    const auto path = folder.put("loss.csv", "step,G_GAN,G_L1\n0,1,2\n" + row + "\n");
    CHECK(message_of<FileError>([&] { read_csv_log(path); }).find("line 3") != std::string::npos);
  }
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
  CHECK_NOTHROW(log.sync());
  CHECK_THROWS_AS(read_csv_log(folder / "absent"), FileError);
  CHECK_THROWS_AS(read_csv_log(folder.put("empty", "")), FileError);
  CHECK_THROWS_AS(read_csv_log(folder.put("other", "epoch,a\n")), FileError);
}
