#include "io/base/text.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

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

TEST_CASE("lower_extension") {
  CHECK(lower_extension("a/B.PNG") == ".png");
  CHECK(lower_extension("a.b/c").empty());
}

TEST_CASE("number_text: four digits, no exponent where it can be avoided") {
  CHECK(number_text(0.693147) == "0.6931");
  CHECK(number_text(0) == "0");
  CHECK(number_text(123456) == "123456");
  CHECK(number_text(-23.4149) == "-23.41");
  CHECK(number_text(1.5e-7) == "1.5e-07");
  CHECK(number_text(3e12) == "3e+12");
  CHECK(number_text(NAN) == "nan");
}

TEST_CASE("exact_text: as short as it can be and read back without loss") {
  CHECK(exact_text(0.1) == "0.1");
  CHECK(exact_text(1.0 / 3) == "0.3333333333333333");
  CHECK(exact_text(-0.0) == "-0");
  CHECK(exact_text(-std::numeric_limits<double>::denorm_min()) == "-5e-324");
  CHECK(exact_text(-std::numeric_limits<double>::max()) == "-1.7976931348623157e+308");
  CHECK(exact_text(INFINITY) == "inf");
}

TEST_CASE("printable: control characters and foreign bytes do not reach a terminal") {
  CHECK(printable("CAF\xc3\xa9 \x1b[1m\n") == "CAF?? ?[1m?");
  CHECK(printable(std::string(300, 'x')).size() == 200);
  CHECK(printable("").empty());
}
