#include "io/pairs/cohort.h"

#include <doctest/doctest.h>

#include "io/base/file.h"
#include "test_files.h"

namespace uptake::tests {
namespace {

using io::FileError;
using io::read_cohort;

constexpr const char* kHeader = "patient,group,split,blood_pool,delayed\n";

std::vector<io::CohortRow> read(const TestFolder& folder, const std::string& text) {
  return read_cohort(folder.put("cohort.csv", text));
}

std::string refusal(const TestFolder& folder, const std::string& text) {
  return message_of<FileError>([&] { read(folder, text); });
}

// The refusal contains `why` and the line.
void refused(const TestFolder& folder, const std::string& text, const std::string& why) {
  const std::string message = refusal(folder, text);
  CAPTURE(text);
  CAPTURE(message);
  CHECK(message.find(why) != std::string::npos);
}

}  // namespace

TEST_CASE("read_cohort: rows keep their order, and paths are relative to the table") {
  const TestFolder folder;
  folder.put("a.dcm", "");
  folder.put("b.dcm", "");
  const std::vector<io::CohortRow> rows = read(
      folder, std::string(kHeader) + "P1,arthritis,train,a.dcm,./b.dcm\nP2,,test,/none/c.dcm,../d.dcm\n");
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].patient == "P1");
  CHECK(rows[0].group == "arthritis");
  CHECK(rows[0].split == "train");
  CHECK(rows[0].blood_pool == folder / "a.dcm");
  CHECK(rows[0].delayed == folder / "b.dcm");
  CHECK(rows[0].line == 2);
  CHECK(rows[1].blood_pool == "/none/c.dcm");
  CHECK(rows[1].delayed == (folder / ".").parent_path().parent_path() / "d.dcm");
  CHECK(rows[1].line == 3);
}

TEST_CASE(
    "read_cohort: any order of columns, further columns, quotes, CRLF, byte-order mark, no last line end") {
  const TestFolder folder;
  const std::vector<io::CohortRow> rows =
      read(folder,
           "\xef\xbb\xbf"
           "delayed,note,split,patient,blood_pool\r\n"
           "\"d,1.dcm\",\"two\r\nlines, \"\"quoted\"\"\",val,\"P \"\"1\"\"\",b.dcm\r\n"
           "\r\n"
           "d2.dcm,,train,P2,b2.dcm");
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].patient == "P \"1\"");
  CHECK(rows[0].delayed.filename() == "d,1.dcm");
  CHECK(rows[0].split == "val");
  CHECK(rows[0].group.empty());
  CHECK(rows[1].patient == "P2");
  CHECK(rows[1].line == 5);  // the quoted line end counts as a line
}

TEST_CASE("read_cohort: a patient or an image in two splits is a leak and is refused") {
  const TestFolder folder;
  const std::string header = kHeader;
  refused(folder, header + "P1,g,train,a,b\nP2,g,test,c,d\nP1,g,test,e,f\n",
          "line 4: patient 'P1' is in test, but in train on line 2");
  refused(folder, header + "P1,g,train,a,b\nP2,g,test,c,x/../b\n", "line 3");
  refused(folder, header + "P1,g,train,a,a\n", "used already on line 2");
  CHECK(read(folder, header + "P1,g,train,a,b\nP1,g,train,c,d\n").size() == 2);  // two studies, one split
}

TEST_CASE("read_cohort: a wrong table is refused with its line") {
  const TestFolder folder;
  const std::string header = kHeader;
  refused(folder, "", "is empty");
  refused(folder, header, "no rows");
  refused(folder, "patient,split,blood_pool\nP1,train,a\n", "line 1: there is no column 'delayed'");
  refused(folder, "patient,split,blood_pool,delayed,split\nP1,train,a,b,c\n", "'split' is there twice");
  refused(folder, header + "P1,g,training,a,b\n",
          "line 2: the split is 'training', expected train, val or test");
  refused(folder, header + "P1,g,,a,b\n", "the split is ''");
  refused(folder, header + "P1,g,train,a\n", "line 2: 4 fields, expected 5");
  refused(folder, header + "P1,g,train,a,b,c\n", "line 2: 6 fields, expected 5");
  refused(folder, header + ",g,train,a,b\n", "the patient is empty");
  refused(folder, header + "P1,g,train,,b\n", "the blood_pool is empty");
  refused(folder, header + "P1,g,train,a,\"\"\n", "the delayed is empty");
  refused(folder, header + "P1,g,train,a,b\n\"P2,g,train,c,d\n",
          "line 3: a quote is opened and never closed");
  refused(folder, header + "\"P1\"x,g,train,a,b\n", "line 2: text follows a closing quote");
  refused(folder, header + std::string("P1,g,train,a\0,b\n", 16), "line 2: a NUL byte");
  CHECK_THROWS_AS(read_cohort(folder / "missing.csv"), FileError);
  const std::string bell = refusal(folder, header + "P1,g,\x07\x1b[2J,a,b\n");
  CHECK(bell.find('\x1b') == std::string::npos);
}

}  // namespace uptake::tests
