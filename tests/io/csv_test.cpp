#include "io/base/csv.h"

#include <doctest/doctest.h>

#include "tests/io/test_files.h"

using namespace uptake::io;
using namespace uptake::tests;
using Fields = std::vector<std::string>;

namespace {

Fields fields(std::string_view text) {
  const auto records = parse_csv("x.csv", text);
  return records.empty() ? Fields{} : records[0].fields;
}

std::string refusal(std::string_view text) {
  return message_of<FileError>([&] { parse_csv("x.csv", text); });
}

}  // namespace

TEST_CASE("parse_csv: RFC 4180 fields") {
  CHECK(fields("a,b,c") == Fields{"a", "b", "c"});
  CHECK(fields("a,,") == Fields{"a", "", ""});
  CHECK(fields(",\n") == Fields{"", ""});
  CHECK(fields("\"\"\n") == Fields{""});
  CHECK(fields("\"a\"\"b\",\"\n\"\n") == Fields{"a\"b", "\n"});
  CHECK(fields("a\"b\n") == Fields{"a\"b"});
  CHECK(fields("a\rb\r\n") == Fields{"a\rb"});
  CHECK(fields("\xef\xbb\xbf\"a\",b\r") == Fields{"a", "b"});
  CHECK(fields("\n\n") == Fields{});
  CHECK(fields("") == Fields{});
}

TEST_CASE("parse_csv: records know their line, however many lines the fields before took") {
  const auto records = parse_csv("x.csv", "\r\na,\"1\n\n2\"\n\n\nb\n\"\"\nc");
  REQUIRE(records.size() == 4);
  CHECK(records[0].line == 2);
  CHECK(records[0].fields == Fields{"a", "1\n\n2"});
  CHECK(records[1].line == 7);
  CHECK(records[2].line == 8);
  CHECK(records[3].line == 9);
  CHECK(records[3].fields == Fields{"c"});
}

TEST_CASE("parse_csv: what is no table is refused with its line") {
  CHECK(refusal("a\nb,\"c\nd\n") == "x.csv: line 2: a quote is opened and never closed");
  CHECK(refusal("\"a\nb\"c\n") == "x.csv: line 2: text follows a closing quote");
  CHECK(refusal("\"a\" \n") == "x.csv: line 1: text follows a closing quote");
  CHECK(refusal("\"a\"\"b\n\"\"") == "x.csv: line 1: a quote is opened and never closed");
  CHECK(refusal(std::string_view("a\n\0", 3)) == "x.csv: line 2: a NUL byte, so this is not a text file");
}

TEST_CASE("delimiter_of: what the first line is divided by, quotes aside") {
  CHECK(delimiter_of("a,b;c,d") == ',');
  CHECK(delimiter_of("\r\na;b;c,d\n,,,,,,") == ';');
  CHECK(delimiter_of("a\tb,c\td\n") == '\t');
  CHECK(delimiter_of("\";;;;\",b\n") == ',');
  CHECK(delimiter_of("sep=;\na,b") == ';');
  CHECK(delimiter_of("sep=x") == ',');
  CHECK(delimiter_of("") == ',');
  CHECK(delimiter_of("\n\n") == ',');
  CHECK(parse_csv("x.csv", "a;b,c;\"d;e\"\n", ';').at(0).fields == Fields{"a", "b,c", "d;e"});
}

TEST_CASE("csv_row: fields are quoted when they have to be, and every row is read back") {
  CHECK(csv_row({"plain", "", "with space"}) == "plain,,with space\n");
  CHECK(csv_row({"a,b"}) == "\"a,b\"\n");
  CHECK(csv_row({"say \"x\""}) == "\"say \"\"x\"\"\"\n");
  CHECK(csv_row({"two\nlines", "\r"}) == "\"two\nlines\",\"\r\"\n");
  const Fields odd{"\"", ",", "\r\n", "", "\xef\xbb\xbf", "caf\xc3\xa9", "\"\"", " "};
  CHECK(fields("x\n" + csv_row(odd)) == Fields{"x"});
  CHECK(parse_csv("x.csv", "x\n" + csv_row(odd)).at(1).fields == odd);
  // Neither an empty line, which is no row, nor a byte-order mark, which is no text.
  CHECK(parse_csv("x.csv", csv_row({""})).at(0).fields == Fields{""});
  CHECK(parse_csv("x.csv", csv_row({"\xef\xbb\xbfx", "y"})).at(0).fields == Fields{"\xef\xbb\xbfx", "y"});
}
