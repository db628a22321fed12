// What a convolution's shapes say, and what is refused.
#include <algorithm>
#include <functional>

#include "kernels/conv/conv.h"
#include "tests/kernels/parity.h"

namespace uptake::tests {
namespace {

using namespace kernels;

std::string shape_error(const std::function<void()>& run) {
  try {
    run();
  } catch (const ShapeError& e) {
    return e.what();
  }
  return "no ShapeError";
}

bool has(const std::string& text, std::initializer_list<const char*> parts) {
  return std::all_of(parts.begin(), parts.end(),
                     [&](const char* p) { return text.find(p) != std::string::npos; });
}

TEST_CASE("convolution: contradicting shapes are refused in a text that names both") {
  const std::string channels = shape_error([] { ConvGeometry{{1, 8, 9, 3}, {5, 4, 2, 2, 1, 0}}.y(); });
  CHECK_MESSAGE(has(channels, {"[1,8,9,3]", "[5,4,2,2]"}), channels);
  const std::string size = shape_error([] { ConvGeometry{{1, 2, 9, 3}, {5, 3, 7, 7, 1, 2}}.y(); });
  CHECK_MESSAGE(has(size, {"[1,2,9,3]", "[5,3,7,7]", "pad 2"}), size);
  CHECK_NOTHROW(ConvGeometry{{1, 3, 9, 3}, {5, 3, 7, 7, 1, 2}}.check());  // one row more fits
  for (const ConvGeometry& g :
       {ConvGeometry{{1, 2, 2, 1}, {1, 1, 0, 1, 1, 0}}, ConvGeometry{{1, 2, 2, 1}, {1, 1, 1, 0, 1, 0}},
        ConvGeometry{{1, 2, 2, 1}, {1, 1, 1, 1, 0, 0}}, ConvGeometry{{1, 2, 2, 1}, {1, 1, 1, 1, 1, -1}},
        ConvGeometry{{1, 2, 2, 1}, {-1, 1, 1, 1, 1, 0}}, ConvGeometry{{-1, 2, 2, 1}, {1, 1, 1, 1, 1, 0}},
        ConvGeometry{{1, -2, 2, 1}, {1, 1, 1, 1, 1, 3}}})
    CHECK_THROWS_AS(g.check(), ShapeError);
}

TEST_CASE("transposed convolution: contradicting shapes are refused in a text that names both") {
  const FilterShape f{6, 3, 4, 4, 2, 1};
  const std::string channels = shape_error([&] { ConvGeometry::transposed({1, 8, 8, 5}, f, 0); });
  CHECK_MESSAGE(has(channels, {"[1,8,8,5]", "[6,3,4,4]"}), channels);
  const std::string nothing = shape_error([&] {
    ConvGeometry::transposed({1, 1, 1, 6}, {6, 3, 2, 2, 1, 1}, 0);
  });
  CHECK_MESSAGE(has(nothing, {"[1,1,1,6]", "[6,3,2,2]"}), nothing);
  const std::string pad = shape_error([&] { ConvGeometry::transposed({1, 8, 8, 6}, f, 2); });
  CHECK_MESSAGE(has(pad, {"output padding 2", "stride 2"}), pad);
  CHECK_THROWS_AS(ConvGeometry::transposed({1, 8, 8, 6}, f, -1), ShapeError);
  CHECK_NOTHROW(ConvGeometry::transposed({1, 8, 8, 6}, f, 1));
}

}  // namespace
}  // namespace uptake::tests
