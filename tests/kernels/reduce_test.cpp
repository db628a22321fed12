#include "kernels/reduce.h"

#include "kernels/base/gradient_check.h"
#include "kernels/elementwise.h"
#include "tests/kernels/parity.h"
#include "tests/reference/reduce.h"

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
  return {size.pixels, size.c, extra_pitch, write, random_values(61, count), random_values(62, size.c)};
}

template <class T>
Results cpu_sums(const Case& t) {
  Buffer<T> x(t.pixels, t.c, t.extra_pitch, t.x);
  Buffer<T> out = output_buffer<T>(1, t.c, 0, t.write, t.before);
  cpu::sum_pixels<T>(out.data(), t.write, x.view(), t.pixels, t.c);
  return {{"sum", {cpu::sum<T>(x.view(), t.pixels, t.c)}}, {"sum_pixels", out.values()}};
}

Results reference_sums(const Case& t) {
  return {
      {"sum", {reference::sum(t.x)}},
      {"sum_pixels", written(reference::sum_pixels(t.x, static_cast<std::size_t>(t.c)), t.write, t.before)}};
}

const ImplementationTable<Case> kSums("sum, sum_pixels", {{"reference", 0x1p-52, reference_sums},
                                                          {"cpu float", 0x1p-23, cpu_sums<float>},
                                                          {"cpu double", 0x1p-52, cpu_sums<double>}});

TEST_CASE("sum and sum_pixels: equal the reference at odd sizes and pitches") {
  for (const MatrixSize size : odd_sizes())
    for (const std::int64_t extra : {0, 3})
      for (const Write write : {Write::assign, Write::add}) {
        if (size.c == 0) continue;  // the reference divides by c
        // Runs of 32 pixels are added in T, terms are at most 2; the rest is in double. The reference itself
        // adds up to 38147 terms one by one in double.
        const double length = std::max(32.0, static_cast<double>(size.pixels * size.c));
        kSums.check_all(make_case(size, extra, write), {.length = length, .factor = 1, .scale = 4});
      }
}

TEST_CASE("sum_pixels: a million equal floats add up exactly") {
  // One float accumulator would stop at 2^24 quarters.
  const std::int64_t pixels = 1 << 20;
  const std::vector<float> x(static_cast<std::size_t>(pixels), 16777215.0f / (1 << 20));
  float out = 0;
  cpu::sum_pixels<float>(&out, Write::assign, {x.data(), 1}, pixels, 1);
  CHECK(out ==
        doctest::Approx(static_cast<double>(x[0]) * static_cast<double>(pixels)).epsilon(32 * 0x1p-24));
  CHECK(cpu::sum<float>({x.data(), 1}, pixels, 1) == static_cast<double>(x[0]) * static_cast<double>(pixels));
}

TEST_CASE("sum_pixels: is the gradient of the bias that add_bias adds") {
  const std::int64_t pixels = 7;
  const auto x = random_values(1, pixels * 3), dy = random_values(2, pixels * 3), bias = random_values(3, 3);
  const auto f = [&](std::span<const double> b) {
    std::vector<double> y = x;
    cpu::add_bias<double>({y.data(), 3}, b.data(), pixels, 3);
    return dot(dy, y);
  };
  std::vector<double> gradient(3);
  cpu::sum_pixels<double>(gradient.data(), Write::assign, {dy.data(), 3}, pixels, 3);
  const auto result = check_gradient(f, bias, gradient);
  CHECK_MESSAGE(result.ok, result.message);
}

TEST_CASE("all_finite: finds a single NaN or infinity anywhere") {
  for (const std::size_t count : {std::size_t{1}, std::size_t{33}, std::size_t{40009}}) {
    std::vector<float> x(count, std::numeric_limits<float>::max());
    std::vector<double> d(count, -std::numeric_limits<double>::denorm_min());
    CHECK(cpu::all_finite<float>(x.data(), static_cast<std::int64_t>(count)));
    CHECK(cpu::all_finite<double>(d.data(), static_cast<std::int64_t>(count)));
    for (const std::size_t at : {std::size_t{0}, count / 2, count - 1})
      for (const double bad : {std::nan(""), -std::nan(""), HUGE_VAL, -HUGE_VAL}) {
        std::vector<float> y = x;
        std::vector<double> e = d;
        y[at] = static_cast<float>(bad);
        e[at] = bad;
        CHECK_FALSE(cpu::all_finite<float>(y.data(), static_cast<std::int64_t>(count)));
        CHECK_FALSE(cpu::all_finite<double>(e.data(), static_cast<std::int64_t>(count)));
      }
  }
  CHECK(cpu::all_finite<float>(nullptr, 0));
}

TEST_CASE("reduce: the same bits on any number of threads") {
  const Case t = make_case({3001, 37}, 3, Write::add);
  check_same_bits_on_any_threads([&] { return cpu_sums<float>(t); });
}

TEST_CASE("reduce: bad arguments throw ShapeError") {
  std::vector<float> x(12), y(4);
  CHECK_THROWS_AS(cpu::sum<float>({x.data(), 3}, 3, 4), ShapeError);
  CHECK_THROWS_AS(cpu::sum_pixels<float>(y.data(), Write::assign, {x.data(), 3}, 3, 4), ShapeError);
  CHECK_THROWS_AS(cpu::sum_pixels<float>(nullptr, Write::assign, {x.data(), 4}, 3, 4), ShapeError);
  CHECK_THROWS_AS(cpu::all_finite<float>(nullptr, 3), ShapeError);
}

}  // namespace
}  // namespace uptake::tests
