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
  const std::vector<io::CohortRow> rows = read_cohort(
      folder.put("cohort.csv",
                 std::string(kHeader) + "P1,arthritis,train,a.dcm,./b.dcm\nP2,,test,/none/c.dcm,../d.dcm\n"),
      {.allow_outside = true});
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

TEST_CASE("read_cohort: a path or a link out of the folder of the table is refused unless allowed") {
  const TestFolder folder;
  std::filesystem::create_directory(folder / "data");
  std::filesystem::create_directory(folder / "data2");
  folder.put("out.dcm", "");
  folder.put("data/in.dcm", "");
  std::filesystem::create_symlink(folder / "out.dcm", folder / "data/link.dcm");
  std::filesystem::create_symlink(folder / "data2", folder / "data/folder");
  std::filesystem::create_symlink("in.dcm", folder / "data/near.dcm");
  std::filesystem::create_symlink(folder / "data", folder / "alias");
  const auto table = [&](const std::string& image) {
    return folder.put("data/cohort.csv", std::string(kHeader) + "P1,,train," + image + ",b.dcm\n");
  };
  const auto problem = [&](const std::string& image) {
    const std::string sentence = message_of<io::OutsideError>([&] { read_cohort(table(image)); });
    CHECK(read_cohort(table(image), {.allow_outside = true}).size() == 1);
    return sentence;
  };
  for (const char* image : {"../out.dcm", "x/../../out.dcm", "/etc/passwd", "../data2/x.dcm"}) {
    CAPTURE(image);
    const std::string sentence = problem(image);
    CAPTURE(sentence);
    CHECK(sentence.find("line 2: the blood_pool '") != std::string::npos);
    CHECK(sentence.find("lies outside of the data set's folder") != std::string::npos);
  }
  for (const char* image : {"link.dcm", "folder/x.dcm", "folder/../link.dcm"})
    CHECK(problem(image).find("is a link that leads out of the data set's folder") != std::string::npos);
  for (const std::string& image :
       {std::string("near.dcm"), std::string("x/../in.dcm"), (folder / "data/in.dcm").string(),
        (folder / "alias/in.dcm").string(), std::string("../data/in.dcm")}) {
    CAPTURE(image);
    CHECK(read_cohort(table(image)).size() == 1);
  }
  table("in.dcm");
  CHECK(read_cohort(folder / "alias/cohort.csv").size() == 1);
}

TEST_CASE("read_cohort: one image under two paths is used twice") {
  const TestFolder folder;
  folder.put("in.dcm", "");
  std::filesystem::create_symlink("in.dcm", folder / "also.dcm");
  refused(folder, std::string(kHeader) + "P1,,train,in.dcm,b\nP2,,test,also.dcm,d\n",
          "used already on line 2");
}

TEST_CASE("read_cohort: tables as spreadsheets save them") {
  const TestFolder folder;
  const std::string plain = "patient,group,split,blood_pool,delayed\nP\xc3\xa4,crps,train,d/a.dcm,d/b.dcm\n";
  const auto with = [](std::string text, char from, const std::string& to) {
    std::string result;
    for (const char c : text) result += c == from ? to : std::string(1, c);
    return result;
  };
  const auto utf16 = [](const std::string& text, bool high_first) {
    std::u16string units = u"\xfeff";
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\xc3') {
        units += u'\xe4';
        ++i;
      } else {
        units += static_cast<char16_t>(text[i]);
      }
    }
    std::string bytes;
    for (const char16_t unit : units) {
      const char high = static_cast<char>(unit >> 8), low = static_cast<char>(unit & 0xff);
      bytes += high_first ? high : low;
      bytes += high_first ? low : high;
    }
    return bytes;
  };
  const std::string semicolons = with(plain, ',', ";");
  for (const std::string& text :
       {plain, semicolons, with(plain, ',', "\t"), "\xef\xbb\xbf" + semicolons, "sep=;\r\n" + semicolons,
        "sep=,\n" + plain, with(plain, '\n', "\r"), with(semicolons, '\n', "\r\n"), utf16(plain, true),
        utf16(with(with(plain, ',', "\t"), '\n', "\r\n"), false), with(plain, '\n', ",,\n"),
        with(semicolons, '\n', "\n;;;;\n\n"), plain + " , ,,,\n", with(plain, ',', " , "),
        with(plain, '/', "\\"), with(plain, ',', "\xc2\xa0,"),
        std::string("\"patient\";\"group\";\"split\";\"blood_pool\";\"delayed\"\n"
                    "\"P\xc3\xa4\";\"crps\";\"train\";\"d/a.dcm\";\"d/b.dcm\"\n"),
        "PATIENT,Group, Split ,Blood Pool,Delayed\n" + plain.substr(plain.find('\n') + 1),
        std::string("Patient,group,split,blood-pool,DELAYED\nP\xc3\xa4,crps,Train,d/a.dcm,d/b.dcm\n")}) {
    CAPTURE(text);
    const std::vector<io::CohortRow> rows = read(folder, text);
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].patient == "P\xc3\xa4");
    CHECK(rows[0].group == "crps");
    CHECK(rows[0].split == "train");
    CHECK(rows[0].blood_pool == folder / "d/a.dcm");
    CHECK(rows[0].delayed == folder / "d/b.dcm");
  }
  folder.put("back\\slash.dcm", "");  // a name with a backslash, which is there, is that name
  const std::string named = std::string(kHeader) + "P1,,train,back\\slash.dcm,b\n";
  CHECK(read(folder, named)[0].blood_pool == folder / "back\\slash.dcm");
}

TEST_CASE("read_cohort: what a spreadsheet saves and is no table is named") {
  const TestFolder folder;
  const std::string header = kHeader;
  refused(folder, header + "P\xfc,,train,a,b\n", "line 2: the byte 0xFC is not UTF-8 (it may be Latin-1");
  refused(folder, header + "P\xed\xa0\x80,,train,a,b\n", "line 2: the byte 0xED is not UTF-8");
  refused(folder, "PK\x03\x04 rest", "is a workbook");
  refused(folder, std::string("\xff\xfe\0\0p\0\0\0", 8), "is UTF-32");
  refused(folder, std::string("p\0a\0t\0", 6), "UTF-16 text without a byte-order mark");
  refused(folder, std::string("\xff\xfep\0a", 5), "broken UTF-16");
  refused(folder, std::string("\xff\xfe\x00\xd8p\0", 6), "broken UTF-16");
  refused(folder, header + "P1,,train,C:\\scans\\a.dcm,b\n",
          "'C:\\scans\\a.dcm' is a path of a Windows computer");
  refused(folder, header + "P1,,validation,a,b\n", "expected train, val or test (did you mean val?)");
  refused(folder, "P1,g,train,a,b\n", "there is no column 'patient'; expected");
  refused(folder, "patient|split|blood_pool|delayed\nP1|train|a|b\n",
          "divided by commas, semicolons or tabs");
}

TEST_CASE("read_cohort: a patient or an image in two splits is a leak and is refused") {
  const TestFolder folder;
  const std::string header = kHeader;
  refused(folder, header + "P1,g,train,a,b\nP2,g,test,c,d\nP1,g,test,e,f\n",
          "line 4: its patient is in test, but in train on line 2");
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
