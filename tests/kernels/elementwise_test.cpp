#include "kernels/elementwise.h"

#include "tests/kernels/parity.h"
#include "tests/reference/elementwise.h"

namespace uptake::tests {
namespace {

using namespace kernels;

struct Case {
  std::int64_t pixels = 0, c = 0, extra_pitch = 0;
  Write write = Write::assign;
  std::vector<double> x, before;
  std::string describe() const {
    return "[" + std::to_string(pixels) + "," + std::to_string(c) + "] pitch +" +
           std::to_string(extra_pitch) + (write == Write::add ? ", add" : ", assign");
  }
};

Case make_case(MatrixSize size, std::int64_t extra_pitch, Write write) {
  const std::int64_t count = size.pixels * size.c;
  return {size.pixels,
          size.c,
          extra_pitch,
          write,
          random_values(61, count),
          random_values(62, std::max(count, size.c))};
}

template <class T>
Results cpu_copy(const Case& t) {
  Buffer<T> x(t.pixels, t.c, t.extra_pitch, t.x), packed(t.pixels, t.c, 0, t.x);
  Buffer<T> into_wide = output_buffer<T>(t.pixels, t.c, t.extra_pitch, t.write, t.before);
  Buffer<T> into_packed = output_buffer<T>(t.pixels, t.c, 0, t.write, t.before);
  cpu::copy_channels<T>(into_wide.view(), t.write, packed.view(), t.pixels, t.c);
  cpu::copy_channels<T>(into_packed.view(), t.write, x.view(), t.pixels, t.c);
  return {{"wide", into_wide.values()}, {"packed", into_packed.values()}};
}

Results reference_copy(const Case& t) {
  const auto y = written(t.x, t.write, t.before);
  return {{"wide", y}, {"packed", y}};
}

template <class T>
Results cpu_bias(const Case& t) {
  Buffer<T> x(t.pixels, t.c, t.extra_pitch, t.x);
  const auto bias = to<T>(random_values(63, t.c));
  cpu::add_bias<T>(x.view(), bias.data(), t.pixels, t.c);
  return {{"x", x.values()}};
}

Results reference_bias(const Case& t) { return {{"x", reference::add_bias(t.x, random_values(63, t.c))}}; }

const ImplementationTable<Case> kCopy("copy_channels", {{"reference", 0x1p-52, reference_copy},
                                                        {"cpu float", 0x1p-23, cpu_copy<float>},
                                                        {"cpu double", 0x1p-52, cpu_copy<double>}});
const ImplementationTable<Case> kBias("add_bias", {{"reference", 0x1p-52, reference_bias},
                                                   {"cpu float", 0x1p-23, cpu_bias<float>},
                                                   {"cpu double", 0x1p-52, cpu_bias<double>}});

TEST_CASE("copy_channels: equals the reference at odd sizes and pitches, between wide and packed") {
  for (const MatrixSize size : odd_sizes())
    for (const std::int64_t extra : {0, 1, 6})
      for (const Write write : {Write::assign, Write::add})
        kCopy.check_all(make_case(size, extra, write), {.length = 1, .factor = 1, .scale = 4});
}

TEST_CASE("copy_channels: two halves make a concatenated tensor") {
  const std::vector<float> a = {1, 2, 3, 4, 5, 6}, b = {10, 20, 30};
  std::vector<float> both(9, -1.0f);
  cpu::copy_channels<float>({both.data(), 3}, Write::assign, {a.data(), 2}, 3, 2);
  cpu::copy_channels<float>({both.data() + 2, 3}, Write::assign, {b.data(), 1}, 3, 1);
  CHECK(both == std::vector<float>{1, 2, 10, 3, 4, 20, 5, 6, 30});
}

TEST_CASE("add_bias: equals the reference at odd sizes and pitches") {
  for (const MatrixSize size : odd_sizes())
    for (const std::int64_t extra : {0, 3})
      kBias.check_all(make_case(size, extra, Write::add), {.length = 1, .factor = 1, .scale = 4});
}

TEST_CASE("fill: touches every element and no other") {
  for (const std::int64_t count : {0, 1, 31, 8191, 8193, 40009}) {
    Buffer<float> x(1, count, 4);
    cpu::fill<float>(x.data(), 1.5f, count);
    for (const double v : x.values()) REQUIRE(v == 1.5);
  }
}

TEST_CASE("elementwise: the same bits on any number of threads") {
  const Case t = make_case({3001, 37}, 3, Write::add);
  check_same_bits_on_any_threads([&] { return cpu_copy<float>(t); });
  check_same_bits_on_any_threads([&] { return cpu_bias<float>(t); });
}

TEST_CASE("elementwise: bad arguments throw ShapeError") {
  std::vector<float> x(12), y(12);
  CHECK_THROWS_AS(cpu::copy_channels<float>({y.data(), 3}, Write::assign, {x.data(), 4}, 3, 4), ShapeError);
  CHECK_THROWS_AS(cpu::copy_channels<float>({y.data(), 4}, Write::assign, {nullptr, 4}, 3, 4), ShapeError);
  CHECK_THROWS_AS(cpu::add_bias<float>({x.data(), 4}, nullptr, 3, 4), ShapeError);
  CHECK_THROWS_AS(cpu::add_bias<float>({x.data(), 4}, y.data(), -3, 4), ShapeError);
  CHECK_THROWS_AS(cpu::fill<float>(nullptr, 0, 3), ShapeError);
}

}  // namespace
}  // namespace uptake::tests
