// Names of enums, and the error that names options without spelling them.
#include <doctest/doctest.h>

#include "nn/enum_names.h"
#include "nn/init.h"
#include "nn/layers.h"
#include "nn/losses.h"
#include "nn/option_error.h"
#include "nn/schedule.h"

using namespace uptake;

namespace {

template <class E>
void check_names(const std::vector<std::string>& expected) {
  CHECK(nn::all_names<E>() == expected);
  for (const std::string& name : expected) {
    CAPTURE(name);
    REQUIRE(nn::from_name<E>(name).has_value());
    CHECK(nn::name_of(*nn::from_name<E>(name)) == name);
  }
  for (const char* unknown : {"", "no such name"}) CHECK_FALSE(nn::from_name<E>(unknown).has_value());
  CHECK_FALSE(nn::from_name<E>(expected[0] + " ").has_value());
  CHECK_THROWS_AS(nn::name_of(static_cast<E>(99)), std::logic_error);
}

}  // namespace

TEST_CASE("every value of an enum has one name, which leads back to it") {
  check_names<nn::InitKind>({"normal", "xavier", "kaiming", "orthogonal"});
  check_names<nn::LrPolicy>({"linear", "step", "cosine", "plateau"});
  check_names<nn::NormKind>({"batch", "instance", "none"});
  check_names<nn::GanMode>({"vanilla", "lsgan", "hinge"});
}

TEST_CASE("an option error names the option, what was found and expected, and lets others spell the name") {
  const nn::OptionError wrong("batch_size", "0", "a whole number from 1 to 9");
  CHECK(wrong.what() == std::string("batch_size is 0, expected a whole number from 1 to 9"));
  CHECK(wrong.option() == "batch_size");
  CHECK(wrong.found() == "0");
  CHECK(wrong.expected() == "a whole number from 1 to 9");
  const auto shout = [](const std::string& name) { return "<" + name + ">"; };
  CHECK(wrong.sentence(shout) == "<batch_size> is 0, expected a whole number from 1 to 9");

  const std::string file = "crop_size.png";  // a name that looks like an option's is none
  const nn::OptionError other(
      {file + " is smaller than ", nn::option_name("crop_size"), " 3 of ", nn::option_name("load_size")});
  CHECK(other.option() == "crop_size");
  CHECK(other.found().empty());
  CHECK(other.what() == std::string("crop_size.png is smaller than crop_size 3 of load_size"));
  CHECK(other.sentence(shout) == "crop_size.png is smaller than <crop_size> 3 of <load_size>");
}
