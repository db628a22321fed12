#include "kernels/elementwise.h"

#include "tests/cuda/placed.h"
#include "tests/reference/elementwise.h"

namespace uptake::tests {
namespace {

using namespace kernels;

struct Case {
  std::int64_t pixels = 0, c = 0;
  Layout layout, other;  // of the tensor written or read, and of its partner
  Write write = Write::assign;
  std::vector<double> x, before, bias;
  std::string describe() const {
    return "[" + std::to_string(pixels) + "," + std::to_string(c) + "]" + layout.describe() + " and" +
           other.describe() + (write == Write::add ? ", add" : ", assign");
  }
};

/// Inputs that T can hold.
template <class T>
Case make_case(MatrixSize size, Layout layout, Layout other, Write write) {
  const std::int64_t count = size.pixels * size.c;
  return {size.pixels,
          size.c,
          layout,
          other,
          write,
          rounded<T>(random_values(61, count)),
          rounded<T>(random_values(62, std::max(count, size.c))),
          random_values(63, size.c)};
}

cuda::StreamHandle stream() { return cuda::compute_stream(); }

template <class T>
Results cuda_elements(const Case& t) {
  const auto from = Placed<T>::input(t.pixels, t.c, t.other, t.x);
  const auto to = Placed<T>::output(t.pixels, t.c, t.layout, t.write, t.before);
  cuda::copy_channels<T>(to.view(), t.write, from.view(), t.pixels, t.c, stream());
  const auto biased = Placed<T>::output(t.pixels, t.c, t.layout, Write::add, t.x);
  const DeviceVector<float> bias(t.bias);
  cuda::add_bias<T>(biased.view(), bias.data(), t.pixels, t.c, stream());
  return {{"copy_channels", to.values()}, {"add_bias", biased.values()}};
}

Results reference_elements(const Case& t) {
  return {{"copy_channels", written(t.x, t.write, t.before)}, {"add_bias", reference::add_bias(t.x, t.bias)}};
}

template <class T>
const ImplementationTable<Case>& elements() {
  static const ImplementationTable<Case> table(
      "copy_channels, add_bias",
      {{"reference", 0x1p-52, reference_elements}, {name_of<T>(), epsilon_of<T>(), cuda_elements<T>}});
  return table;
}

/// Sizes that fill packs, and those of odd_sizes().
std::vector<MatrixSize> sizes() {
  std::vector<MatrixSize> all = odd_sizes();
  for (const MatrixSize size : {MatrixSize{3, 24}, {130, 64}, {67, 264}, {1, 4099}}) all.push_back(size);
  return all;
}

template <class T>
void check_elements() {
  for (const MatrixSize size : sizes())
    for (const Layout& layout : layouts(size.c))
      for (const Layout other : {Layout{0, 16}, layout})
        for (const Write write : {Write::assign, Write::add})
          // One addition of numbers up to 4, and one rounding to T.
          elements<T>().check_all(make_case<T>(size, layout, other, write),
                                  {.length = 1, .factor = storing_factor<T>(1), .scale = 4});
}

TEST_CASE("copy_channels and add_bias: equal the reference at odd sizes and places") {
  each_schedule([] {
    check_elements<float>();
    check_elements<BFloat16>();
  });
}

TEST_CASE("copy_channels: two halves make a concatenated tensor") {
  const DeviceArray<float> a(std::vector<float>{1, 2, 3, 4, 5, 6}), b(std::vector<float>{10, 20, 30});
  const DeviceArray<float> both(std::vector<float>(9, -1.0f));
  cuda::copy_channels<float>({both.data(), 3}, Write::assign, {a.data(), 2}, 3, 2, stream());
  cuda::copy_channels<float>({both.data() + 2, 3}, Write::assign, {b.data(), 1}, 3, 1, stream());
  CHECK(both.host() == std::vector<float>{1, 2, 10, 3, 4, 20, 5, 6, 30});
}

template <class T>
void check_fill() {
  for (const std::int64_t count : {0, 1, 31, 2047, 2049, 5003})
    for (const Layout layout : {Layout{0, 16}, Layout{0, 5}}) {
      const auto x = Placed<T>::output(1, count, layout, Write::assign, {});
      cuda::fill<T>(x.data(), T(1.5f), count, stream());
      for (const double v : x.values()) REQUIRE(v == 1.5);
    }
}

TEST_CASE("fill: touches every element and no other") {
  each_schedule([] {
    check_fill<float>();
    check_fill<BFloat16>();
  });
}

TEST_CASE("convert and accumulate: round to nearest, keep NaN, touch every element and no other") {
  each_schedule([] {
    for (const std::int64_t count : {0, 1, 31, 2049, 5003})
      for (const Layout layout : {Layout{0, 16}, Layout{0, 8}, Layout{0, 5}}) {
        auto values = random_values(2, count);
        if (count > 30) values[30] = std::numeric_limits<double>::infinity();
        const auto wide = Placed<float>::input(1, count, {}, values);
        const auto narrow = Placed<BFloat16>::output(1, count, layout, Write::assign, {});
        cuda::convert(narrow.data(), const_cast<const float*>(wide.data()), count, stream());
        CHECK(narrow.values() == rounded<BFloat16>(values));

        const auto back = Placed<float>::output(1, count, layout, Write::assign, {});
        cuda::convert(back.data(), const_cast<const BFloat16*>(narrow.data()), count, stream());
        CHECK(back.values() == rounded<BFloat16>(values));

        std::vector<double> thirds = values;  // which float has to round
        for (double& v : thirds) v /= 3;
        const auto precise = Placed<double>::input(1, count, layout, thirds);
        const auto single = Placed<float>::output(1, count, {}, Write::assign, {});
        cuda::convert(single.data(), const_cast<const double*>(precise.data()), count, stream());
        CHECK(single.values() == rounded<float>(thirds));
        for (const Write write : {Write::assign, Write::add}) {
          cuda::accumulate(back.data(), write, narrow.data(), count, stream());
          auto expected = rounded<BFloat16>(values);
          if (write == Write::add)
            for (double& v : expected) v *= 2;
          CHECK(back.values() == expected);
        }
      }
  });
  const DeviceArray<float> nan(std::vector<float>{std::nanf("")});
  const DeviceArray<BFloat16> narrow(1);
  cuda::convert(narrow.data(), const_cast<const float*>(nan.data()), 1, stream());
  CHECK(std::isnan(narrow.values()[0]));
}

TEST_CASE("store_words: stores the first words and no more, whatever the host does afterwards") {
  each_schedule([] {
    for (const int count : {0, 1, 7, 16}) {
      const DeviceArray<std::uint32_t> to(std::vector<std::uint32_t>(16, 9));
      cuda::Words words;
      for (std::uint32_t i = 0; i < 16; ++i) words[i] = 100 + i;
      cuda::store_words(to.data(), words, count, stream());
      words.fill(0);
      const auto stored = to.host();
      for (std::uint32_t i = 0; i < 16; ++i)
        CHECK(stored[i] == (i < static_cast<std::uint32_t>(count) ? 100 + i : 9));
    }
  });
}

TEST_CASE("elementwise: the same bits under all schedules") {
  const Case t = make_case<float>({1009, 37}, {3, 16}, {0, 16}, Write::add);
  check_same_bits_under_all_schedules([&] { return cuda_elements<float>(t); });
}

TEST_CASE("elementwise: bad arguments throw ShapeError") {
  const DeviceArray<float> a(12), b(12);
  const DeviceArray<std::uint32_t> words(1);
  float *const x = a.data(), *const y = b.data();
  CHECK_THROWS_AS(cuda::copy_channels<float>({y, 3}, Write::assign, {x, 4}, 3, 4, stream()), ShapeError);
  CHECK_THROWS_AS(cuda::copy_channels<float>({y, 4}, Write::assign, {nullptr, 4}, 3, 4, stream()),
                  ShapeError);
  CHECK_THROWS_AS(cuda::add_bias<float>({x, 4}, nullptr, 3, 4, stream()), ShapeError);
  CHECK_THROWS_AS(cuda::add_bias<float>({x, 4}, y, -3, 4, stream()), ShapeError);
  CHECK_THROWS_AS(cuda::fill<float>(nullptr, 0, 3, stream()), ShapeError);
  CHECK_THROWS_AS(cuda::accumulate(nullptr, Write::add, nullptr, 3, stream()), ShapeError);
  CHECK_THROWS_AS(cuda::store_words(words.data(), {}, 17, stream()), ShapeError);
  CHECK_THROWS_AS(cuda::store_words(nullptr, {}, 1, stream()), ShapeError);
}

}  // namespace
}  // namespace uptake::tests
