#include "io/base/text.h"

#include <doctest/doctest.h>

using namespace uptake::io;

TEST_CASE("nearest_name: a slip of the finger is understood, nonsense is not") {
  const std::vector<std::string> names{"--lambda-l1", "--flip", "--no-flip", "--lr"};
  CHECK(nearest_name("--lambda-11", names) == "--lambda-l1");
  CHECK(nearest_name("--noflip", names) == "--no-flip");
  CHECK(nearest_name("--rl", names) == "--lr");
  CHECK(nearest_name("zzzzzz", names).empty());
  CHECK(nearest_name("", names).empty());
  CHECK(nearest_name("x", {}).empty());
  CHECK(nearest_name(std::string(100000, 'x'), names).empty());
}

TEST_CASE("lower_extension and csv_field") {
  CHECK(lower_extension("a/B.PNG") == ".png");
  CHECK(lower_extension("a.b/c").empty());
  CHECK(csv_field("plain") == "plain");
  CHECK(csv_field("a,b") == "\"a,b\"");
  CHECK(csv_field("say \"x\"") == "\"say \"\"x\"\"\"");
  CHECK(csv_field("two\nlines") == "\"two\nlines\"");
}
