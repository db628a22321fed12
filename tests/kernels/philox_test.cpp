#include "kernels/base/philox.h"

#include <doctest/doctest.h>

#include <set>
#include <vector>

#include "kernels/base/dropout.h"

namespace uptake::kernels {
namespace {

using Words = PhiloxBlock;

TEST_CASE("philox: equals the known answers published with Random123") {
  // kat_vectors of Random123, philox4x32-10: counter words 0 and 1 are our block index, 2 and 3 stream and
  // step.
  CHECK(philox({0, 0, 0}, 0) == Words{{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}});
  CHECK(philox({~0ull, ~0u, ~0u}, ~0ull) == Words{{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}});
  CHECK(philox({0x299f31d0a4093822ull, 0x13198a2e, 0x03707344}, 0x85a308d3243f6a88ull) ==
        Words{{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}});
}

TEST_CASE("philox_word: is word index%4 of block index/4") {
  const RandomKey key{7, 8, 9};
  for (const std::uint64_t index : {0ull, 1ull, 2ull, 3ull, 4ull, 1001ull, 0x400000003ull})
    CHECK(philox_word(key, index) == philox(key, index / 4).word[index % 4]);
}

TEST_CASE("philox: seed, stream, step and index each lead to other numbers") {
  std::set<Words> seen;
  for (const std::uint64_t seed : {1ull, 2ull, 1ull << 32})
    for (const std::uint32_t stream : {0u, 1u})
      for (const std::uint32_t step : {0u, 1u})
        for (const std::uint64_t index : {0ull, 1ull, 1ull << 32})
          seen.insert(philox({seed, stream, step}, index));
  CHECK(seen.size() == 3 * 2 * 2 * 3);
}

TEST_CASE("uniform01: never reaches 0 or 1") {
  CHECK(uniform01(0) > 0);
  CHECK(uniform01(0xffffffffu) < 1);
  CHECK(uniform01(0x80000000u) == doctest::Approx(0.5));
}

TEST_CASE("DropoutRule: keeps the words whose uniform01 reaches p, and no others") {
  for (const double p : {0x1p-33, 0x1.8p-32, 0.1, 0.5, 0.999, 1 - 0x1p-31}) {
    const DropoutRule rule(p);
    CHECK(uniform01(rule.threshold) >= p);
    if (rule.threshold > 0) CHECK(uniform01(rule.threshold - 1) < p);
    CHECK(rule.factor == 1 / (1 - p));
  }
  CHECK(DropoutRule(0).threshold == 0);
  CHECK(DropoutRule(0).factor == 1);
  CHECK(DropoutRule(1 - 0x1p-34).factor == 0);  // no word reaches it
}

TEST_CASE("philox_normal: has mean 0, variance 1 and kurtosis 3") {
  const int n = 100000;
  double sum = 0, squares = 0, fourth = 0;
  for (int i = 0; i < n; ++i) {
    const double z = philox_normal({42, 1, 0}, static_cast<std::uint64_t>(i));
    sum += z;
    squares += z * z;
    fourth += z * z * z * z;
  }
  // Five standard deviations of each estimate: sqrt(1/n), sqrt(2/n), sqrt(96/n).
  CHECK(std::abs(sum / n) < 5 * std::sqrt(1.0 / n));
  CHECK(std::abs(squares / n - 1) < 5 * std::sqrt(2.0 / n));
  CHECK(std::abs(fourth / n - 3) < 5 * std::sqrt(96.0 / n));
}

}  // namespace
}  // namespace uptake::kernels
