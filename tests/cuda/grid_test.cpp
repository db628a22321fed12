// Host arithmetic of kernels: grids, divisions, and how a convolution becomes matrix products.
#include "kernels/detail/grid.h"

#include <doctest/doctest.h>

#include <set>
#include <tuple>

#include "kernels/conv/own/conv_tiles.h"
#include "tests/reference/conv.h"

namespace uptake::tests {
namespace {

using namespace kernels;
using namespace kernels::cuda;
using detail::FastDivide;
using detail::Gather;
using detail::Pass;
using detail::Term;
using detail::Tiling;

TEST_CASE("grid: blocks cover every item once, and none is launched for nothing") {
  CHECK(ceil_div(0, 4) == 0);
  CHECK(ceil_div(1, 4) == 1);
  CHECK(ceil_div(4, 4) == 1);
  CHECK(ceil_div(5, 4) == 2);
  CHECK(ceil_div(std::int64_t{1} << 40, 3) == 366503875926);
  CHECK(stride_blocks(0, 256) == 0);
  CHECK(stride_blocks(257, 256) == 2);
  CHECK(stride_blocks(std::int64_t{1} << 40, 256) == kPlannedMultiprocessors * 16);
  CHECK(stride_blocks(1000, 10, 7) == 7);
}

TEST_CASE("grid: the limits of the device are refused by name") {
  CHECK_NOTHROW(Grid(2147483647, 65535, 65535));
  CHECK_THROWS_AS(Grid(std::int64_t{1} << 31), ShapeError);
  CHECK_THROWS_AS(Grid(1, 65536), ShapeError);
  CHECK_THROWS_AS(Grid(1, 1, 65536), ShapeError);
  CHECK_THROWS_AS(Grid(-1), ShapeError);
  try {
    Grid(1, 70000);
  } catch (const ShapeError& e) {
    CHECK(std::string(e.what()).find("70000 blocks in y") != std::string::npos);
  }
}

TEST_CASE("fast division: equals division for every divisor and at every edge") {
  constexpr int kMost = 2147483647;
  for (const int d : {1,         2,
                      3,         4,
                      5,         6,
                      7,         8,
                      9,         10,
                      12,        31,
                      32,        33,
                      48,        63,
                      64,        65,
                      100,       127,
                      512,       641,
                      1000,      65535,
                      65536,     65537,
                      1 << 20,   (1 << 30) - 1,
                      1 << 30,   (1 << 30) + 1,
                      kMost - 1, kMost}) {
    const FastDivide divide(d);
    std::size_t wrong = 0;
    const auto check = [&](std::int64_t n) {
      if (n < 0 || n > kMost) return;
      const int number = static_cast<int>(n), quotient = divide.quotient(number);
      wrong += quotient != number / d || divide.remainder(number, quotient) != number % d;
    };
    for (int n = 0; n < 2000; ++n) check(n);
    for (std::int64_t multiple = 0; multiple <= kMost; multiple += std::max<std::int64_t>(d, 99991 / d * d))
      for (const int beside : {-1, 0, 1}) check(multiple + beside);
    for (int below = 0; below < 2000; ++below) check(kMost - below);
    CHECK_MESSAGE(wrong == 0, "divisor " << d << ": " << wrong << " wrong");
  }
}

/// One product of one output: elements of x, w, y for one channel in and out.
using Product = std::tuple<std::int64_t, std::int64_t, std::int64_t>;

// Everything the passes of a product meet, as kernels walk through it.
std::multiset<Product> products(const Gather& g) {
  std::multiset<Product> all;
  for (int index = 0; index < g.passes(); ++index) {
    const Pass pass = g.pass(index);
    CHECK(pass.terms <= most_terms(g));
    for (int m = 0; m < g.m; ++m) {
      const int to = g.pixel_of(pass, m);
      if (to < 0) continue;
      const int n = m / (g.rows * g.columns), u = m / g.columns % g.rows, v = m % g.columns;
      for (int kk = 0; kk < pass.terms; ++kk) {
        const Term t = g.term(pass, kk);
        CHECK((t.channel == kk % g.from_c && t.i * pass.horizontal.taps + t.j == kk / g.from_c));
        if (t.channel != 0) continue;
        const int h = pass.vertical.origin + g.scale() * u + g.direction() * t.i;
        const int w = pass.horizontal.origin + g.scale() * v + g.direction() * t.j;
        if (h < 0 || h >= g.from_h || w < 0 || w >= g.from_w) continue;
        const std::int64_t from = (std::int64_t{n} * g.from_h + h) * g.from_w + w;
        all.insert(g.backward ? Product{to, g.tap_of(pass, t), from} : Product{from, g.tap_of(pass, t), to});
      }
    }
  }
  return all;
}

TEST_CASE("convolution as matrix products: the passes meet exactly the products of the definition") {
  int cases = 0;
  for (const auto& [r, s] : {std::pair<int, int>{1, 1}, {3, 3}, {4, 4}, {2, 5}})
    for (const int stride : {1, 2, 3, 5})
      for (const int pad : {0, 1, 3})
        for (const auto& [h, w] : {std::pair<int, int>{1, 1}, {2, 5}, {6, 7}}) {
          if (h + 2 * pad < r || w + 2 * pad < s) continue;
          const ConvGeometry geometry{{2, h, w, 1}, {1, 1, r, s, stride, pad}};
          std::multiset<Product> expected;
          reference::for_each_product(geometry, [&](std::size_t x, std::size_t f, std::size_t y) {
            expected.insert(
                {static_cast<std::int64_t>(x), static_cast<std::int64_t>(f), static_cast<std::int64_t>(y)});
          });
          for (const bool backward : {false, true}) {
            const Gather g = make_gather(detail::conv_sizes(geometry), backward);
            CHECK_MESSAGE(products(g) == expected, "kernel " << r << "x" << s << " stride " << stride
                                                             << " pad " << pad << " image " << h << "x" << w
                                                             << " backward " << backward);
          }
          ++cases;
        }
  CHECK(cases > 100);
}

TEST_CASE("convolution as matrix products: every pixel of the result belongs to one pass") {
  const ConvGeometry geometry{{2, 5, 7, 1}, {1, 1, 3, 3, 3, 1}};
  const Gather g = make_gather(detail::conv_sizes(geometry), true);
  std::multiset<int> pixels;
  for (int pass = 0; pass < g.passes(); ++pass)
    for (int m = 0; m < g.m + 5; ++m) {
      const int pixel = g.pixel_of(g.pass(pass), m);
      if (pixel >= 0) pixels.insert(pixel);
    }
  REQUIRE(pixels.size() == 70);
  CHECK(*pixels.begin() == 0);
  CHECK(*pixels.rbegin() == 69);
  CHECK(std::set<int>(pixels.begin(), pixels.end()).size() == 70);
}

TEST_CASE("convolution as matrix products: taps that meet no pixel are not terms") {
  const auto terms = [](std::int64_t size, std::int64_t pad, bool backward) {
    const ConvGeometry geometry{{1, size, size, 8}, {8, 8, 4, 4, 2, pad}};
    return most_terms(make_gather(detail::conv_sizes(geometry), backward));
  };
  CHECK(terms(2, 1, false) == 4 * 8);   // the innermost layer: 4 of 16 taps
  CHECK(terms(2, 1, true) == 1 * 8);    // 1 of the 4 of each pass
  CHECK(terms(4, 1, false) == 16 * 8);  // each tap meets a pixel somewhere
  CHECK(terms(4, 1, true) == 4 * 8);
}

TEST_CASE("convolution as matrix products: taps are told apart up to the largest kernel") {
  for (const int s : {1, 2, 3, 7, 31, detail::kLargestKernel}) {
    const ConvGeometry geometry{{1, 64, 64, 3}, {1, 3, detail::kLargestKernel, s, 1, 0}};
    const Gather g = make_gather(detail::conv_sizes(geometry), false);
    const Pass pass = g.whole_pass();
    std::size_t wrong = 0;
    for (int kk = 0; kk < pass.terms; ++kk) {
      const Term t = g.term(pass, kk);
      wrong += t.i != kk / 3 / s || t.j != kk / 3 % s || t.channel != kk % 3;
    }
    CHECK_MESSAGE(wrong == 0, s);
  }
}

TEST_CASE("tiles of a product: cover it, and cut the sum only where there are few") {
  for (const std::int64_t m : {1, 64, 65, 100000})
    for (const std::int64_t n : {1, 3, 64, 512})
      for (const std::int64_t reduction : {1, 31, 256, 8192, 100000})
        for (const std::int64_t passes : {1, 4}) {
          const Tiling t = detail::tile(m, n, reduction, passes, 64, 32, 16);
          INFO(m << " x " << n << ", " << reduction << " terms, " << passes << " passes");
          CHECK(t.tiles_m * 64 >= m);
          CHECK((t.tiles_m - 1) * 64 < m);
          CHECK(t.tiles_n * 32 >= n);
          CHECK(t.piece % 16 == 0);
          CHECK(t.splits * t.piece >= reduction);
          CHECK((t.splits - 1) * t.piece < reduction);  // no piece is empty
          CHECK((t.splits == 1 || t.piece >= 8 * 16));
          CHECK((t.splits == 1 || t.splits * t.tiles_m * t.tiles_n * passes <= 264));
        }
  CHECK(detail::tile(1, 512, 8192, 1, 64, 64, 32).splits == 32);       // an inner layer at batch 1
  CHECK(detail::tile(16384, 256, 2048, 1, 128, 128, 32).splits == 1);  // a large layer
}

TEST_CASE("convolution sizes: what does not fit 32 bits is refused") {
  const auto fits = [](const ConvGeometry& g) { return detail::conv_sizes(g).n >= 0; };
  CHECK(fits({{32767, 256, 255, 64}, {1, 64, 1, 1, 1, 0}}));
  CHECK_THROWS_AS(fits({{32768, 256, 256, 1}, {1, 1, 1, 1, 1, 0}}), ShapeError);
  CHECK_THROWS_AS(fits({{1, 4, 4, 65536}, {32768, 65536, 1, 1, 1, 0}}), ShapeError);
  CHECK_THROWS_AS(fits({{1, 4, 4, 1}, {1, 1, 1, 1, 1, 1 << 20}}), ShapeError);
}

}  // namespace
}  // namespace uptake::tests
