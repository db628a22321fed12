#include "kernels/spatial.h"

#include "tests/cuda/placed.h"
#include "tests/reference/spatial.h"

namespace uptake::tests {
namespace {

using namespace kernels;

enum class Kind { reflection_pad, nearest, bilinear, average, maximum };

struct Case {
  Kind kind;
  Shape4 shape;
  std::int64_t amount = 1;  // pad or factor
  Pool pool;
  Write write = Write::assign;
  std::int64_t lead = 16;  // see Layout
  std::string describe() const {
    std::ostringstream text;
    text << "kind " << static_cast<int>(kind) << " on [" << shape.n << "," << shape.h << "," << shape.w << ","
         << shape.c << "], amount " << amount << ", kernel " << pool.kernel << ", stride " << pool.stride
         << ", pad " << pool.pad << (pool.count_padding == CountPadding::exclude ? ", exclude" : ", include")
         << (write == Write::add ? ", add" : ", assign") << ", behind " << lead;
    return text.str();
  }
};

cuda::StreamHandle stream() { return cuda::compute_stream(); }

reference::Links links_of(const Case& t) {
  switch (t.kind) {
    case Kind::reflection_pad:
      return reference::reflection_pad(t.shape, t.amount);
    case Kind::nearest:
      return reference::upsample_nearest(t.shape, t.amount);
    case Kind::bilinear:
      return reference::upsample_bilinear(t.shape, t.amount);
    default:
      return reference::avg_pool(t.shape, t.pool);
  }
}

template <class T>
std::vector<double> input_of(const Case& t) {
  auto x = random_values(71, t.shape.size());
  if (t.kind == Kind::maximum)
    for (double& v : x) v = std::round(v * 4) / 4;  // many equal values: the first must win
  return rounded<T>(x);
}
template <class T>
std::vector<double> before_of(const Case& t) {
  return rounded<T>(random_values(72, t.shape.size()));
}
template <class T>
std::vector<double> output_gradient_of(std::size_t count) {
  return rounded<T>(random_values(73, static_cast<std::int64_t>(count)));
}

/// The reference sees the numbers that T can hold.
template <class T>
Results run_reference(const Case& t) {
  if (t.kind == Kind::maximum) {
    const auto forward = reference::max_pool(input_of<T>(t), t.shape, t.pool);
    const auto dx = reference::max_pool_backward(forward, output_gradient_of<T>(forward.y.size()), t.shape);
    return {{"y", forward.y},
            {"dx", written(dx, t.write, before_of<T>(t))},
            {"argmax", std::vector<double>(forward.argmax.begin(), forward.argmax.end())}};
  }
  const reference::Links links = links_of(t);
  const auto y = links.forward(input_of<T>(t));
  return {{"y", y},
          {"dx", written(links.backward(output_gradient_of<T>(y.size())), t.write, before_of<T>(t))}};
}

/// The size a forward should have, known here without the code under test.
Shape4 output_shape(const Case& t) {
  const auto [n, h, w, c] = t.shape;
  if (t.kind == Kind::maximum || t.kind == Kind::average) return reference::pooled(t.shape, t.pool);
  if (t.kind == Kind::reflection_pad) return {n, h + 2 * t.amount, w + 2 * t.amount, c};
  return {n, h * t.amount, w * t.amount, c};
}

template <class T>
Results run_cuda(const Case& t) {
  const std::int64_t count = t.shape.size(), to_count = output_shape(t).size();
  const Layout layout{0, t.lead};
  const auto x = Placed<T>::input(1, count, layout, input_of<T>(t));
  const auto dy =
      Placed<T>::input(1, to_count, layout, output_gradient_of<T>(static_cast<std::size_t>(to_count)));
  const auto y = Placed<T>::output(1, to_count, layout, Write::assign, {});
  const auto dx = Placed<T>::output(1, count, layout, t.write, before_of<T>(t));
  switch (t.kind) {
    case Kind::reflection_pad:
      cuda::reflection_pad_forward<T>(y.data(), x.data(), t.shape, t.amount, stream());
      cuda::reflection_pad_backward<T>(dx.data(), t.write, dy.data(), t.shape, t.amount, stream());
      break;
    case Kind::nearest:
      cuda::upsample_nearest_forward<T>(y.data(), x.data(), t.shape, t.amount, stream());
      cuda::upsample_nearest_backward<T>(dx.data(), t.write, dy.data(), t.shape, t.amount, stream());
      break;
    case Kind::bilinear:
      cuda::upsample_bilinear_forward<T>(y.data(), x.data(), t.shape, t.amount, stream());
      cuda::upsample_bilinear_backward<T>(dx.data(), t.write, dy.data(), t.shape, t.amount, stream());
      break;
    case Kind::average:
      cuda::avg_pool_forward<T>(y.data(), x.data(), t.shape, t.pool, stream());
      cuda::avg_pool_backward<T>(dx.data(), t.write, dy.data(), t.shape, t.pool, stream());
      break;
    case Kind::maximum: {
      const DeviceArray<std::int32_t> argmax(
          std::vector<std::int32_t>(static_cast<std::size_t>(to_count), -1));
      cuda::max_pool_forward<T>(y.data(), argmax.data(), x.data(), t.shape, t.pool, stream());
      cuda::max_pool_backward<T>(dx.data(), t.write, dy.data(), argmax.data(), t.shape, t.pool, stream());
      return {{"y", y.values()}, {"dx", dx.values()}, {"argmax", argmax.values()}};
    }
  }
  return {{"y", y.values()}, {"dx", dx.values()}};
}

template <class T>
const ImplementationTable<Case>& spatial() {
  static const ImplementationTable<Case> table(
      "spatial", {{"reference", 0x1p-52, run_reference<T>}, {name_of<T>(), epsilon_of<T>(), run_cuda<T>}});
  return table;
}

/// c of 8 and 24 fill packs of either type, 4 those of float.
const std::vector<Shape4> kShapes = {{1, 4, 4, 1},  {1, 4, 7, 31}, {2, 5, 4, 8}, {1, 31, 33, 2},
                                     {3, 7, 11, 4}, {0, 5, 5, 2},  {2, 5, 5, 0}, {1, 6, 5, 24}};

void check(const Case& t, double terms) {
  for (const std::int64_t lead : {16, 5})
    for (const Write write : {Write::assign, Write::add}) {
      if (lead != 16 && t.shape.c % 4 != 0) continue;  // no packs in either case
      Case placed = t;
      placed.write = write;
      placed.lead = lead;
      // As many terms as meet in one element, each at most 2 and rounded once or twice in float; then one
      // rounding to T.
      spatial<float>().check_all(placed, {.length = terms, .factor = 4, .scale = 2});
      spatial<BFloat16>().check_all(
          placed, {.length = 1, .factor = storing_factor<BFloat16>(4 * std::sqrt(terms)), .scale = 2});
    }
}

const std::vector<Pool> kPools = {{2, 2, 0, CountPadding::include}, {3, 2, 1, CountPadding::include},
                                  {3, 2, 1, CountPadding::exclude}, {3, 1, 1, CountPadding::exclude},
                                  {2, 1, 1, CountPadding::include}, {4, 3, 2, CountPadding::exclude},
                                  {1, 2, 0, CountPadding::include}, {2, 3, 0, CountPadding::include}};

TEST_CASE("reflection_pad: equals the reference, up to the largest pad there is") {
  each_schedule([] {
    for (const Shape4& shape : kShapes)
      for (const std::int64_t pad : {0, 1, 3}) check({Kind::reflection_pad, shape, pad, {}}, 9);
    check({Kind::reflection_pad, {1, 2, 2, 3}, 1, {}}, 9);
    check({Kind::reflection_pad, {2, 1, 1, 8}, 0, {}}, 1);
  });
}

TEST_CASE("upsample_nearest and upsample_bilinear: equal the reference") {
  each_schedule([] {
    for (const Shape4& shape : kShapes)
      for (const std::int64_t factor : {1, 2, 3}) {
        check({Kind::nearest, shape, factor, {}}, static_cast<double>(factor * factor));
        check({Kind::bilinear, shape, factor, {}}, static_cast<double>(4 * factor * factor));
      }
    for (const Kind kind : {Kind::nearest, Kind::bilinear}) {
      check({kind, {2, 1, 1, 3}, 4, {}}, 16);
      check({kind, {1, 1, 5, 8}, 5, {}}, 100);
    }
  });
}

TEST_CASE("avg_pool and max_pool: equal the reference with padding, overlap and gaps") {
  each_schedule([] {
    for (const Shape4& shape : kShapes)
      for (const Pool& pool : kPools)
        for (const Kind kind : {Kind::average, Kind::maximum})
          check({kind, shape, 1, pool}, static_cast<double>(pool.kernel * pool.kernel));
  });
}

TEST_CASE("spatial: a tensor of many blocks equals the reference") {
  for (const Shape4& shape : {Shape4{2, 37, 29, 19}, {2, 41, 33, 16}})
    for (const Kind kind :
         {Kind::reflection_pad, Kind::nearest, Kind::bilinear, Kind::average, Kind::maximum})
      check({kind, shape, 2, {3, 2, 1, CountPadding::exclude}}, 16);
}

TEST_CASE("max_pool_forward: padding never wins, the first of equals does, and NaN is not hidden") {
  const float nan = std::nanf("");
  const DeviceArray<float> x(std::vector<float>{-5, -5, -7, -5, nan, -1});  // [1,2,3,1]
  const DeviceArray<float> y(4);
  const DeviceArray<std::int32_t> argmax(4);
  cuda::max_pool_forward<float>(y.data(), argmax.data(), x.data(), {1, 2, 3, 1}, {2, 2, 1, {}}, stream());
  // The windows hold, besides padding, elements 0 | 1 2 | 3 | 4 5.
  CHECK(argmax.host() == std::vector<std::int32_t>{0, 1, 3, 4});
  const auto maxima = y.host();
  CHECK(std::vector<float>(maxima.begin(), maxima.begin() + 3) == std::vector<float>{-5, -5, -5});
  CHECK(std::isnan(maxima[3]));

  const DeviceArray<float> nans(std::vector<float>{1, nan, nan, 3});
  const DeviceArray<float> top(1);
  const DeviceArray<std::int32_t> winner(1);
  cuda::max_pool_forward<float>(top.data(), winner.data(), nans.data(), {1, 2, 2, 1}, {2, 2, 0, {}},
                                stream());
  CHECK(std::isnan(top.host()[0]));
  CHECK(winner.host()[0] == 1);
}

TEST_CASE("avg_pool: a stride and a padding beyond the image") {
  const DeviceArray<float> x(std::vector<float>{1, 2, 3, 4});
  const DeviceArray<float> y(1);
  cuda::avg_pool_forward<float>(y.data(), x.data(), {1, 2, 2, 1},
                                {6, std::int64_t{1} << 40, 2, CountPadding::exclude}, stream());
  CHECK(y.host()[0] == 2.5f);
}

TEST_CASE("spatial: the same bits under all schedules") {
  for (const Kind kind :
       {Kind::reflection_pad, Kind::nearest, Kind::bilinear, Kind::average, Kind::maximum}) {
    const Case t{kind, {2, 21, 23, 13}, 2, {3, 2, 1, CountPadding::exclude}, Write::add};
    check_same_bits_under_all_schedules([&] { return run_cuda<float>(t); });
  }
}

TEST_CASE("spatial: bad arguments throw ShapeError") {
  const DeviceArray<float> from(16), to(100);
  float *const x = from.data(), *const y = to.data();
  const Shape4 shape{1, 4, 4, 1};
  CHECK_THROWS_AS(cuda::reflection_pad_forward<float>(y, x, shape, 4, stream()), ShapeError);
  CHECK_THROWS_AS(cuda::reflection_pad_backward<float>(x, Write::assign, y, shape, -1, stream()), ShapeError);
  CHECK_THROWS_AS(cuda::upsample_nearest_forward<float>(y, x, shape, 0, stream()), ShapeError);
  CHECK_THROWS_AS(cuda::upsample_bilinear_forward<float>(y, nullptr, shape, 2, stream()), ShapeError);
  CHECK_THROWS_AS(cuda::avg_pool_forward<float>(y, x, {1, -4, 4, 1}, {}, stream()), ShapeError);
  CHECK_THROWS_AS(cuda::max_pool_forward<float>(y, nullptr, x, shape, {}, stream()), ShapeError);
  CHECK_THROWS_AS(cuda::max_pool_backward<float>(x, Write::assign, y, nullptr, shape, {}, stream()),
                  ShapeError);
  // Places inside an image are 32-bit numbers on a GPU.
  CHECK_THROWS_AS(
      cuda::avg_pool_forward<float>(y, x, {1, std::int64_t{1} << 29, 1, 1}, {1, 1, 0, {}}, stream()),
      ShapeError);
}

}  // namespace
}  // namespace uptake::tests
