// The net itself has no hole: each way a comparison can be worthless is refused or noticed.
#include "tests/kernels/parity.h"

namespace uptake::tests {
namespace {

struct Number {
  double value = 1;
  std::string describe() const { return "value " + std::to_string(value); }
};

Results times(const Number& number, double factor) { return {{"y", {factor * number.value, 0}}}; }

ImplementationTable<Number> table(double wrong_factor) {
  return {"double it",
          {{"reference", 2.2e-16, [](const Number& n) { return times(n, 2); }},
           {"right", 2.2e-16, [](const Number& n) { return times(n, 2); }},
           {"other", 2.2e-16, [=](const Number& n) { return times(n, wrong_factor); }}}};
}

TEST_CASE("parity: an implementation is never compared with itself") {
  CHECK_THROWS_AS(table(2).compare("right", "right", {}, {}), std::logic_error);
  CHECK(table(2).compare("right", "other", {}, {}).ok);
}

TEST_CASE("parity: two implementations cannot share a name, and an unknown name is an error") {
  const Implementation<Number> a{"a", 1e-16, [](const Number& n) { return times(n, 2); }};
  CHECK_THROWS_AS(ImplementationTable<Number>("double it", {a, a}), std::logic_error);
  CHECK_THROWS_AS(table(2).compare("right", "nobody", {}, {}), std::logic_error);
}

TEST_CASE("parity: a difference, a NaN and a missing result are noticed") {
  CHECK_FALSE(table(2 + 1e-14).compare("other", "right", {}, {}).ok);
  CHECK_FALSE(table(std::nan("")).compare("other", "right", {}, {}).ok);
  const ImplementationTable<Number> short_table(
      "double it", {{"reference", 1e-16, [](const Number& n) { return times(n, 2); }},
                    {"nothing", 1e-16, [](const Number&) { return Results{}; }},
                    {"shorter", 1e-16, [](const Number&) {
                       return Results{{"y", {2}}};
                     }}});
  CHECK_FALSE(short_table.compare("nothing", "reference", {}, {}).ok);
  CHECK_FALSE(short_table.compare("shorter", "reference", {}, {}).ok);
}

TEST_CASE("parity: the message names operation, sides, case, element and both values") {
  const std::string message = table(3).compare("other", "reference", {4}, {}).message;
  for (const char* part : {"double it", "other", "reference", "value 4", "y[0]", "12", "8"})
    CHECK(message.find(part) != std::string::npos);
}

TEST_CASE("parity: a buffer starts as NaN and notices a write beside its view") {
  Buffer<float> buffer(3, 2, 4);
  for (const double v : buffer.values()) CHECK(std::isnan(v));
  buffer.data()[6 * 2 + 1] = 1;  // third pixel, second channel
  CHECK(buffer.values()[5] == 1);
  buffer.data()[2] = 1;  // beside the first pixel
  CHECK_THROWS_AS(buffer.values(), std::logic_error);
  Buffer<float> packed(3, 2, 0);
  packed.data()[6] = 1;  // one past the end
  CHECK_THROWS_AS(packed.values(), std::logic_error);
}

TEST_CASE("parity: random values are floats of the range, the same for the same seed") {
  const auto a = random_values(3, 100, -1, 5);
  CHECK(a == random_values(3, 100, -1, 5));
  CHECK(a != random_values(4, 100, -1, 5));
  for (const double v : a) {
    CHECK(v == static_cast<float>(v));
    CHECK((v >= -1 && v <= 5));
  }
}

}  // namespace
}  // namespace uptake::tests
