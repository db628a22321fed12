#include "kernels/spatial.h"

#include "kernels/base/gradient_check.h"
#include "tests/kernels/parity.h"
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
  std::string describe() const {
    std::ostringstream text;
    text << "kind " << static_cast<int>(kind) << " on [" << shape.n << "," << shape.h << "," << shape.w << ","
         << shape.c << "], amount " << amount << ", kernel " << pool.kernel << ", stride " << pool.stride
         << ", pad " << pool.pad << (pool.count_padding == CountPadding::exclude ? ", exclude" : ", include")
         << (write == Write::add ? ", add" : ", assign");
    return text.str();
  }
};

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

std::vector<double> input_of(const Case& t) {
  auto x = random_values(71, t.shape.size());
  for (double& v : x) v = std::round(v * 4) / 4;  // many equal values: the first must win
  return x;
}
std::vector<double> before_of(const Case& t) { return random_values(72, t.shape.size()); }
std::vector<double> output_gradient_of(std::size_t count) {
  return random_values(73, static_cast<std::int64_t>(count));
}

Results run_reference(const Case& t) {
  if (t.kind == Kind::maximum) {
    const auto forward = reference::max_pool(input_of(t), t.shape, t.pool);
    const auto dx = reference::max_pool_backward(forward, output_gradient_of(forward.y.size()), t.shape);
    return {{"y", forward.y},
            {"dx", written(dx, t.write, before_of(t))},
            {"argmax", std::vector<double>(forward.argmax.begin(), forward.argmax.end())}};
  }
  const reference::Links links = links_of(t);
  const auto y = links.forward(input_of(t));
  return {{"y", y}, {"dx", written(links.backward(output_gradient_of(y.size())), t.write, before_of(t))}};
}

/// The size a forward should have, known here without the code under test.
Shape4 output_shape(const Case& t) {
  if (t.kind == Kind::maximum || t.kind == Kind::average) return reference::pooled(t.shape, t.pool);
  return links_of(t).to;
}

template <class T>
Results run_cpu(const Case& t) {
  const Shape4 to_shape = output_shape(t);
  Buffer<T> x(1, t.shape.size(), 0, input_of(t)), y(1, to_shape.size(), 0);
  Buffer<T> dx = output_buffer<T>(1, t.shape.size(), 0, t.write, before_of(t));
  Buffer<T> dy(1, to_shape.size(), 0, output_gradient_of(static_cast<std::size_t>(to_shape.size())));
  std::vector<std::int32_t> argmax(static_cast<std::size_t>(to_shape.size()), -1);
  switch (t.kind) {
    case Kind::reflection_pad:
      cpu::reflection_pad_forward<T>(y.data(), x.data(), t.shape, t.amount);
      cpu::reflection_pad_backward<T>(dx.data(), t.write, dy.data(), t.shape, t.amount);
      break;
    case Kind::nearest:
      cpu::upsample_nearest_forward<T>(y.data(), x.data(), t.shape, t.amount);
      cpu::upsample_nearest_backward<T>(dx.data(), t.write, dy.data(), t.shape, t.amount);
      break;
    case Kind::bilinear:
      cpu::upsample_bilinear_forward<T>(y.data(), x.data(), t.shape, t.amount);
      cpu::upsample_bilinear_backward<T>(dx.data(), t.write, dy.data(), t.shape, t.amount);
      break;
    case Kind::average:
      cpu::avg_pool_forward<T>(y.data(), x.data(), t.shape, t.pool);
      cpu::avg_pool_backward<T>(dx.data(), t.write, dy.data(), t.shape, t.pool);
      break;
    case Kind::maximum:
      cpu::max_pool_forward<T>(y.data(), argmax.data(), x.data(), t.shape, t.pool);
      cpu::max_pool_backward<T>(dx.data(), t.write, dy.data(), argmax.data(), t.shape, t.pool);
      return {{"y", y.values()},
              {"dx", dx.values()},
              {"argmax", std::vector<double>(argmax.begin(), argmax.end())}};
  }
  return {{"y", y.values()}, {"dx", dx.values()}};
}

const ImplementationTable<Case> kSpatial("spatial", {{"reference", 0x1p-52, run_reference},
                                                     {"cpu float", 0x1p-23, run_cpu<float>},
                                                     {"cpu double", 0x1p-52, run_cpu<double>}});

const std::vector<Shape4> kShapes = {{1, 4, 4, 1},   {1, 4, 7, 31},  {2, 5, 4, 3},
                                     {1, 31, 33, 2}, {3, 7, 11, 5},  {0, 5, 5, 2},
                                     {2, 5, 5, 0},   {1, 13, 4, 33}, {2, 37, 29, 19}};

void check(const Case& t, double terms) {
  for (const Write write : {Write::assign, Write::add}) {
    Case written_case = t;
    written_case.write = write;
    // As many terms as meet in one element, each at most 2 and rounded once or twice.
    kSpatial.check_all(written_case, {.length = terms, .factor = 4, .scale = 2});
  }
}

const std::vector<Pool> kPools = {{2, 2, 0, CountPadding::include}, {3, 2, 1, CountPadding::include},
                                  {3, 2, 1, CountPadding::exclude}, {3, 1, 1, CountPadding::exclude},
                                  {2, 1, 1, CountPadding::include}, {4, 3, 2, CountPadding::exclude},
                                  {1, 2, 0, CountPadding::include}, {2, 3, 0, CountPadding::include}};

TEST_CASE("reflection_pad: equals the reference, up to the largest pad there is") {
  for (const Shape4& shape : kShapes)
    for (const std::int64_t pad : {0, 1, 3}) check({Kind::reflection_pad, shape, pad, {}, {}}, 9);
  check({Kind::reflection_pad, {1, 2, 2, 3}, 1, {}, {}}, 9);
  check({Kind::reflection_pad, {2, 1, 1, 3}, 0, {}, {}}, 1);
}

TEST_CASE("upsample_nearest and upsample_bilinear: equal the reference") {
  for (const Shape4& shape : kShapes)
    for (const std::int64_t factor : {1, 2, 3}) {
      check({Kind::nearest, shape, factor, {}, {}}, static_cast<double>(factor * factor));
      check({Kind::bilinear, shape, factor, {}, {}}, static_cast<double>(4 * factor * factor));
    }
  for (const Kind kind : {Kind::nearest, Kind::bilinear}) check({kind, {2, 1, 1, 3}, 4, {}, {}}, 16);
}

TEST_CASE("avg_pool and max_pool: equal the reference with padding, overlap and gaps") {
  for (const Shape4& shape : kShapes)
    for (const Pool& pool : kPools) {
      check({Kind::average, shape, 1, pool, {}}, static_cast<double>(pool.kernel * pool.kernel));
      check({Kind::maximum, shape, 1, pool, {}}, static_cast<double>(pool.kernel * pool.kernel));
    }
}

TEST_CASE("spatial: each reference's backward is the gradient of its forward") {
  std::vector<Case> cases = {{Kind::reflection_pad, {1, 4, 5, 2}, 2, {}, {}},
                             {Kind::nearest, {2, 3, 2, 2}, 2, {}, {}},
                             {Kind::bilinear, {1, 3, 4, 2}, 3, {}, {}},
                             {Kind::average, {1, 5, 6, 2}, 1, {3, 2, 1, CountPadding::exclude}, {}},
                             {Kind::average, {1, 5, 6, 2}, 1, {3, 2, 1, CountPadding::include}, {}}};
  for (const Case& t : cases) {
    const reference::Links links = links_of(t);
    const auto w = random_values(81, links.to.size());
    const auto f = [&](std::span<const double> at) { return dot(w, links.forward({at.begin(), at.end()})); };
    const auto result = check_gradient(f, random_values(82, t.shape.size()), links.backward(w));
    CHECK_MESSAGE(result.ok, t.describe() << ": " << result.message);
  }
  const Shape4 shape{1, 5, 6, 2};
  const Pool pool{3, 2, 1, CountPadding::include};
  auto x = random_values(83, shape.size());
  for (std::size_t i = 0; i < x.size(); ++i)  // no two closer than the stencil reaches
    x[i] = 0.05 * static_cast<double>((i * 37) % x.size());
  const auto forward = reference::max_pool(x, shape, pool);
  const auto w = output_gradient_of(forward.y.size());
  const auto f = [&](std::span<const double> at) {
    return dot(w, reference::max_pool({at.begin(), at.end()}, shape, pool).y);
  };
  const auto result = check_gradient(f, x, reference::max_pool_backward(forward, w, shape));
  CHECK_MESSAGE(result.ok, result.message);
}

TEST_CASE("reflection_pad_forward: mirrors without repeating the edge") {
  const std::vector<float> x = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  std::vector<float> y(25);
  cpu::reflection_pad_forward<float>(y.data(), x.data(), {1, 3, 3, 1}, 1);
  CHECK(y == std::vector<float>{5, 4, 5, 6, 5, 2, 1, 2, 3, 2, 5, 4, 5, 6, 5, 8, 7, 8, 9, 8, 5, 4, 5, 6, 5});
}

TEST_CASE("upsample_bilinear_forward: doubles a row as PyTorch does with align_corners = False") {
  const std::vector<double> x = {0, 4, 8};
  std::vector<double> y(12);
  cpu::upsample_bilinear_forward<double>(y.data(), x.data(), {1, 1, 3, 1}, 2);
  const std::vector<double> row = {0, 1, 3, 5, 7, 8};
  for (std::size_t i = 0; i < 12; ++i) CHECK(y[i] == row[i % 6]);
}

TEST_CASE("avg_pool_forward: counts the padding or leaves it out") {
  const std::vector<float> ones(9, 1.0f);
  std::vector<float> y(4);
  cpu::avg_pool_forward<float>(y.data(), ones.data(), {1, 3, 3, 1}, {3, 2, 1, CountPadding::include});
  for (const float v : y) CHECK(v == doctest::Approx(4.0 / 9));
  cpu::avg_pool_forward<float>(y.data(), ones.data(), {1, 3, 3, 1}, {3, 2, 1, CountPadding::exclude});
  for (const float v : y) CHECK(v == doctest::Approx(1));
}

TEST_CASE("max_pool_forward: padding never wins, the first of equals does, and NaN is not hidden") {
  const float nan = std::nanf("");
  const std::vector<float> x = {-5, -5, -7, -5, nan, -1};  // [1,2,3,1]
  std::vector<float> y(4);
  std::vector<std::int32_t> argmax(4);
  cpu::max_pool_forward<float>(y.data(), argmax.data(), x.data(), {1, 2, 3, 1}, {2, 2, 1, {}});
  // The windows hold, besides padding, elements 0 | 1 2 | 3 | 4 5.
  CHECK(argmax == std::vector<std::int32_t>{0, 1, 3, 4});
  CHECK(std::vector<float>(y.begin(), y.begin() + 3) == std::vector<float>{-5, -5, -5});
  CHECK(std::isnan(y[3]));
  const std::vector<float> flat(6, -2.0f);
  std::vector<float> all(1);
  cpu::max_pool_forward<float>(all.data(), argmax.data(), flat.data(), {1, 2, 3, 1}, {2, 2, 0, {}});
  CHECK(argmax[0] == 0);
  cpu::max_pool_forward<float>(all.data(), argmax.data(), x.data() + 1, {1, 2, 2, 1}, {2, 2, 0, {}});
  CHECK(std::isnan(all[0]));
  CHECK(argmax[0] == 3);
}

TEST_CASE("pool: output sizes are floored, and zero for nothing") {
  CHECK(Pool{2, 2, 0, {}}.output_size(5) == 2);
  CHECK(Pool{3, 2, 1, {}}.output_size(256) == 128);
  CHECK(Pool{3, 2, 1, {}}.output_size(1) == 1);
  CHECK(Pool{2, 2, 0, {}}.output_size(0) == 0);
  CHECK_THROWS_AS((Pool{4, 1, 1, {}}.output_size(1)), ShapeError);
  CHECK_THROWS_AS((Pool{2, 2, 2, {}}.output_size(8)), ShapeError);
  CHECK_THROWS_AS((Pool{2, 0, 0, {}}.output_size(8)), ShapeError);
  CHECK_THROWS_AS((Pool{0, 1, 0, {}}.output_size(8)), ShapeError);
  CHECK_THROWS_AS((Pool{2, 2, -1, {}}.output_size(8)), ShapeError);
  CHECK_THROWS_AS((Pool{2, 2, 0, {}}.output_size(-1)), ShapeError);
}

TEST_CASE("spatial: the same bits on any number of threads") {
  const Shape4 shape{2, 41, 43, 13};
  for (const Kind kind :
       {Kind::reflection_pad, Kind::nearest, Kind::bilinear, Kind::average, Kind::maximum}) {
    const Case t{kind, shape, 2, {3, 2, 1, CountPadding::exclude}, Write::add};
    check_same_bits_on_any_threads([&] { return run_cpu<float>(t); });
  }
}

TEST_CASE("spatial: y has no elements where x has none, and keeps the other sizes") {
  const Pool pool{3, 2, 1, {}};
  for (const Shape4 x : {Shape4{0, 5, 6, 2}, {2, 0, 6, 2}, {2, 5, 0, 2}, {2, 5, 6, 0}}) {
    const auto none = [](std::int64_t size, std::int64_t otherwise) { return size == 0 ? 0 : otherwise; };
    CHECK(padded_shape("pad", x, 1) == Shape4{x.n, none(x.h, 7), none(x.w, 8), x.c});
    CHECK(enlarged_shape("upsample", x, 2) == Shape4{x.n, none(x.h, 10), none(x.w, 12), x.c});
    CHECK(pooled_shape("pool", x, pool) == Shape4{x.n, none(x.h, 3), none(x.w, 3), x.c});
    cpu::reflection_pad_forward<float>(nullptr, nullptr, x, 9);  // has nothing to do
    cpu::reflection_pad_backward<float>(nullptr, Write::add, nullptr, x, 9);
    CHECK_THROWS_AS(padded_shape("pad", x, -1), ShapeError);
  }
}

TEST_CASE("spatial: bad arguments throw ShapeError") {
  std::vector<float> x(16), y(100);
  const Shape4 shape{1, 4, 4, 1};
  CHECK_THROWS_AS(cpu::reflection_pad_forward<float>(y.data(), x.data(), shape, 4), ShapeError);
  CHECK_THROWS_AS(cpu::reflection_pad_backward<float>(x.data(), Write::assign, y.data(), shape, -1),
                  ShapeError);
  CHECK_THROWS_AS(cpu::upsample_nearest_forward<float>(y.data(), x.data(), shape, 0), ShapeError);
  CHECK_THROWS_AS(cpu::upsample_bilinear_forward<float>(y.data(), nullptr, shape, 2), ShapeError);
  CHECK_THROWS_AS(cpu::avg_pool_forward<float>(y.data(), x.data(), {1, -4, 4, 1}, {}), ShapeError);
  CHECK_THROWS_AS(cpu::max_pool_forward<float>(y.data(), nullptr, x.data(), shape, {}), ShapeError);
  CHECK_THROWS_AS(cpu::max_pool_backward<float>(x.data(), Write::assign, y.data(), nullptr, shape, {}),
                  ShapeError);
}

}  // namespace
}  // namespace uptake::tests
