#include "kernels/reduce.h"

#include "tests/cuda/placed.h"
#include "tests/reference/reduce.h"

namespace uptake::tests {
namespace {

using namespace kernels;

struct Case {
  std::int64_t pixels = 0, c = 0;
  Layout layout;
  Write write = Write::assign;
  std::vector<double> x, before;
  std::string describe() const {
    return "[" + std::to_string(pixels) + "," + std::to_string(c) + "]" + layout.describe() +
           (write == Write::add ? ", add" : ", assign");
  }
};

/// Inputs that T can hold.
template <class T>
Case make_case(MatrixSize size, Layout layout, Write write) {
  return {size.pixels,
          size.c,
          layout,
          write,
          rounded<T>(random_values(61, size.pixels * size.c)),
          rounded<T>(random_values(62, size.c))};
}

cuda::StreamHandle stream() { return cuda::compute_stream(); }

template <class T>
Results cuda_sums(const Case& t) {
  const auto x = Placed<T>::input(t.pixels, t.c, t.layout, t.x);
  const auto out = Placed<float>::output(1, t.c, {}, t.write, t.before);
  const DeviceArray<double> total(1);
  cuda::sum<T>(total.data(), x.view(), t.pixels, t.c, stream());
  cuda::sum_pixels<T>(out.data(), t.write, x.view(), t.pixels, t.c, stream());
  return {{"sum", total.values()}, {"sum_pixels", out.values()}};
}

Results reference_sums(const Case& t) {
  return {
      {"sum", {reference::sum(t.x)}},
      {"sum_pixels", written(reference::sum_pixels(t.x, static_cast<std::size_t>(t.c)), t.write, t.before)}};
}

template <class T>
const ImplementationTable<Case>& sums() {
  static const ImplementationTable<Case> table(
      "sum, sum_pixels", {{"reference", 0x1p-52, reference_sums}, {name_of<T>(), 0x1p-23, cuda_sums<T>}});
  return table;
}

/// Sizes that fill packs, and those of odd_sizes().
std::vector<MatrixSize> sizes() {
  std::vector<MatrixSize> all = odd_sizes();
  for (const MatrixSize size : {MatrixSize{3, 24}, {130, 64}, {67, 264}, {1, 4099}}) all.push_back(size);
  return all;
}

template <class T>
void check_sums() {
  for (const MatrixSize size : sizes())
    for (const Layout& layout : layouts(size.c))
      for (const Write write : {Write::assign, Write::add}) {
        if (write == Write::add && layout.lead != 16) continue;
        if (size.c == 0) continue;  // the reference divides by c
        // A thread's sum is as good as exact; then a tree of ten additions, of sums that grow like the square
        // root of the number of terms, each at most 2.
        const auto terms = static_cast<double>(size.pixels * size.c);
        sums<T>().check_all(
            make_case<T>(size, layout, write),
            {.length = 10, .factor = 0.5, .scale = 2 * std::sqrt(terms), .truth_length = terms});
      }
}

TEST_CASE("sum and sum_pixels: equal the reference at odd sizes and places") {
  each_schedule([] {
    check_sums<float>();
    check_sums<BFloat16>();
  });
}

TEST_CASE("sum and sum_pixels: many blocks, and more terms than one float accumulator can take") {
  // One float accumulator of 0.1 would be off by 1e-4 after so many.
  const std::int64_t pixels = 1 << 18;
  const DeviceArray<float> x(std::vector<float>(static_cast<std::size_t>(pixels), 0.1f));
  const DeviceArray<float> columns(std::vector<float>(8, -1.0f));
  const DeviceArray<double> total(1);
  const double each = static_cast<double>(0.1f);
  for (const std::int64_t c : {1, 8}) {
    cuda::sum_pixels<float>(columns.data(), Write::assign, {x.data(), c}, pixels / c, c, stream());
    cuda::sum<float>(total.data(), {x.data(), c}, pixels / c, c, stream());
    CHECK(total.values()[0] == doctest::Approx(each * static_cast<double>(pixels)).epsilon(1e-6));
    for (std::int64_t i = 0; i < c; ++i)
      CHECK(columns.values()[static_cast<std::size_t>(i)] ==
            doctest::Approx(each * static_cast<double>(pixels / c)).epsilon(1e-6));
  }
}

TEST_CASE("sum and sum_pixels: an infinite sum is infinite, and a NaN is not lost") {
  const float infinity = std::numeric_limits<float>::infinity();
  const DeviceArray<float> total(1);
  const DeviceArray<double> all(1);
  for (const std::size_t count : {std::size_t{3}, std::size_t{40009}}) {
    std::vector<float> x(count, 1.0f);
    x[count / 2] = -infinity;
    const DeviceArray<float> one_infinite(x);
    cuda::sum_pixels<float>(total.data(), Write::assign, {one_infinite.data(), 1},
                            static_cast<std::int64_t>(count), 1, stream());
    CHECK(total.host()[0] == -infinity);
    cuda::sum<float>(all.data(), {one_infinite.data(), 1}, static_cast<std::int64_t>(count), 1, stream());
    CHECK(all.values()[0] == -HUGE_VAL);
    x[0] = infinity;
    const DeviceArray<float> cancelling(x);
    cuda::sum_pixels<float>(total.data(), Write::assign, {cancelling.data(), 1},
                            static_cast<std::int64_t>(count), 1, stream());
    CHECK(std::isnan(total.host()[0]));
    cuda::sum<float>(all.data(), {cancelling.data(), 1}, static_cast<std::int64_t>(count), 1, stream());
    CHECK(std::isnan(all.values()[0]));
  }
}

template <class T>
void check_finite(T largest) {
  const DeviceArray<std::uint32_t> result(1);
  const auto finite = [&](const std::vector<T>& x, std::size_t skip) {
    const DeviceArray<T> on_device(x);
    cuda::all_finite<T>(result.data(), on_device.data() + skip, static_cast<std::int64_t>(x.size() - skip),
                        stream());
    return result.host()[0];
  };
  for (const std::size_t count : {std::size_t{1}, std::size_t{33}, std::size_t{17011}}) {
    std::vector<T> x(count, largest);
    CHECK(finite(x, 0) == 1);
    for (const std::size_t at : {std::size_t{0}, count / 2, count - 1})
      for (const float bad : {std::nanf(""), HUGE_VALF, -HUGE_VALF}) {
        x[at] = T(bad);
        CHECK(finite(x, 0) == 0);
        if (at > 0) CHECK(finite(x, 1) == 0);  // beside the alignment of packs
        x[at] = largest;
      }
  }
  cuda::all_finite<T>(result.data(), nullptr, 0, stream());
  CHECK(result.host()[0] == 1);
}

TEST_CASE("all_finite: finds a single NaN or infinity anywhere") {
  each_schedule([] {
    check_finite<float>(std::numeric_limits<float>::max());
    check_finite<BFloat16>(BFloat16(-0x1.fep127f));
  });
}

TEST_CASE("reduce: the same bits under all schedules") {
  const Case t = make_case<float>({1009, 37}, {3, 16}, Write::add);
  check_same_bits_under_all_schedules([&] { return cuda_sums<float>(t); });
}

TEST_CASE("reduce: bad arguments throw ShapeError") {
  const DeviceArray<float> a(12), b(4);
  const DeviceArray<std::uint32_t> words(1);
  float *const x = a.data(), *const y = b.data();
  const DeviceArray<double> total(1);
  CHECK_THROWS_AS(cuda::sum<float>(total.data(), {x, 3}, 3, 4, stream()), ShapeError);
  CHECK_THROWS_AS(cuda::sum<float>(nullptr, {x, 4}, 3, 4, stream()), ShapeError);
  CHECK_THROWS_AS(cuda::sum_pixels<float>(y, Write::assign, {x, 3}, 3, 4, stream()), ShapeError);
  CHECK_THROWS_AS(cuda::sum_pixels<float>(nullptr, Write::assign, {x, 4}, 3, 4, stream()), ShapeError);
  CHECK_THROWS_AS(cuda::all_finite<float>(words.data(), nullptr, 3, stream()), ShapeError);
}

}  // namespace
}  // namespace uptake::tests
