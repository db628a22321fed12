#include "kernels/arithmetic.h"

#include "tests/cuda/placed.h"
#include "tests/reference/arithmetic.h"

namespace uptake::tests {
namespace {

using namespace kernels;

const Binary kOperations[] = {Binary::add, Binary::subtract, Binary::multiply, Binary::divide};
const Function kFunctions[] = {{FunctionKind::affine, -0.75, 0.5},
                               {FunctionKind::reciprocal, 1.5},
                               {FunctionKind::abs},
                               {FunctionKind::square},
                               {FunctionKind::sqrt},
                               {FunctionKind::exp},
                               {FunctionKind::log}};
constexpr double kScalar = -1.25, kFactor = 3;

struct Case {
  MatrixSize size{};
  Layout layout;  // of a, x and the result; the other input is packed and aligned
  Write write = Write::assign;
  Binary operation = Binary::add;
  Function function;
  std::vector<double> x, other, before;

  std::string describe() const {
    std::ostringstream text;
    text << "[" << size.pixels << "," << size.c << "]" << layout.describe() << ", operation "
         << static_cast<int>(operation) << ", function " << static_cast<int>(function.kind)
         << (write == Write::add ? ", add" : ", assign");
    return text.str();
  }
};

/// Numbers that T can hold and every function likes: positive, and not near 0.
template <class T>
Case make_case(MatrixSize size, const Layout& layout, Write write) {
  const std::int64_t count = size.pixels * size.c;
  Case t{size, layout, write, {}, {}, {}, {}, {}};
  t.x = rounded<T>(random_values(1, count, 0.5, 2));
  t.other = rounded<T>(random_values(2, count, 0.5, 2));
  t.before = rounded<T>(random_values(3, count));
  return t;
}

template <class T>
Placed<T> input(const Case& t, const std::vector<double>& values, const Layout& layout) {
  return Placed<T>::input(t.size.pixels, t.size.c, layout, values);
}
template <class T>
Placed<T> output(const Case& t) {
  return Placed<T>::output(t.size.pixels, t.size.c, t.layout, t.write, t.before);
}
cuda::StreamHandle stream() { return cuda::compute_stream(); }

template <class T>
Results cuda_binary(const Case& t) {
  const auto a = input<T>(t, t.x, t.layout), b = input<T>(t, t.other, {}), y = output<T>(t);
  cuda::binary<T>(y.view(), t.write, t.operation, a.view(), b.view(), t.size.pixels, t.size.c, stream());
  return {{"y", y.values()}};
}
template <class T>
Results cuda_forward(const Case& t) {
  const auto x = input<T>(t, t.x, t.layout), y = output<T>(t);
  cuda::function_forward<T>(y.view(), t.write, t.function, x.view(), t.size.pixels, t.size.c, stream());
  return {{"y", y.values()}};
}
template <class T>
Results cuda_backward(const Case& t) {
  const auto x = input<T>(t, t.x, t.layout), dy = input<T>(t, t.other, {}), dx = output<T>(t);
  cuda::function_backward<T>(dx.view(), t.write, t.function, dy.view(), x.view(), t.size.pixels, t.size.c,
                             stream());
  return {{"dx", dx.values()}};
}
template <class T>
Results cuda_scale(const Case& t) {
  const auto x = input<T>(t, t.x, {}), y = output<T>(t), ones = output<T>(t);
  const DeviceArray<float> scalar(std::vector<float>{static_cast<float>(kScalar)});
  cuda::scale<T>(y.view(), t.write, scalar.data(), kFactor, x.view(), t.size.pixels, t.size.c, stream());
  cuda::scale<T>(ones.view(), t.write, scalar.data(), kFactor, {}, t.size.pixels, t.size.c, stream());
  return {{"y", y.values()}, {"of nothing", ones.values()}};
}

Results reference_scale(const Case& t) {
  const Function by{FunctionKind::affine, kScalar * kFactor, 0};
  const std::vector<double> ones(t.x.size(), 1);
  return {{"y", written(reference::function_forward(by, t.x), t.write, t.before)},
          {"of nothing", written(reference::function_forward(by, ones), t.write, t.before)}};
}

using Run = std::function<Results(const Case&)>;
template <class T>
void check(const std::string& what, const Case& t, const Run& reference, const Run& run) {
  const ImplementationTable<Case> table(
      what, {{"reference", 0x1p-52, reference}, {name_of<T>(), epsilon_of<T>(), run}});
  // exp and log are within 2 ulp; a slope is a few roundings of numbers of at most 8.
  table.check_all(t, {.length = 1, .factor = storing_factor<T>(8), .scale = 2});
}

template <class T>
void check_all(Case t) {
  check<T>("scale", t, reference_scale, cuda_scale<T>);
  for (const Binary operation : kOperations) {
    t.operation = operation;
    check<T>(
        "binary", t,
        [](const Case& c) {
          return Results{{"y", written(reference::binary(c.operation, c.x, c.other), c.write, c.before)}};
        },
        cuda_binary<T>);
  }
  for (const Function& f : kFunctions) {
    t.function = f;
    check<T>(
        "function_forward", t,
        [](const Case& c) {
          return Results{{"y", written(reference::function_forward(c.function, c.x), c.write, c.before)}};
        },
        cuda_forward<T>);
    check<T>(
        "function_backward", t,
        [](const Case& c) {
          return Results{
              {"dx", written(reference::function_backward(c.function, c.other, c.x), c.write, c.before)}};
        },
        cuda_backward<T>);
  }
}

template <class T>
void check_sizes() {
  for (const MatrixSize size : {MatrixSize{1, 1}, {1, 31}, {33, 7}, {13, 32}, {0, 5}, {5, 0}, {5, 2056}})
    for (const Layout& layout : layouts(size.c))
      for (const Write write : {Write::assign, Write::add}) check_all<T>(make_case<T>(size, layout, write));
}

TEST_CASE("arithmetic: every operation and function equals the reference at odd sizes and places") {
  each_schedule([] {
    check_sizes<float>();
    check_sizes<BFloat16>();
  });
}

TEST_CASE("arithmetic: slopes at corners and poles, and of negative numbers") {
  const std::vector<double> x = {-1.5, 0, 2};
  const auto of = [&](const Function& f) {
    const Case t{{3, 1}, {}, Write::assign, {}, f, x, {1, 1, 1}, {}};
    return std::pair(cuda_forward<float>(t)[0].values, cuda_backward<float>(t)[0].values);
  };
  using Values = std::vector<double>;
  const double inf = std::numeric_limits<double>::infinity();
  CHECK(of({FunctionKind::abs}) == std::pair(Values{1.5, 0, 2}, Values{-1, 0, 1}));
  CHECK(of({FunctionKind::square}) == std::pair(Values{2.25, 0, 4}, Values{-3, 0, 4}));
  CHECK(of({FunctionKind::affine, -2, 1}) == std::pair(Values{4, 1, -3}, Values{-2, -2, -2}));
  CHECK(of({FunctionKind::reciprocal, 3}).first == Values{-2, inf, 1.5});
  CHECK(of({FunctionKind::reciprocal, 3}).second[2] == -0.75);
  CHECK(std::isnan(of({FunctionKind::sqrt}).first[0]));
  CHECK(of({FunctionKind::sqrt}).second[1] == inf);
  CHECK(std::isnan(of({FunctionKind::log}).first[0]));
  CHECK(of({FunctionKind::log}).first[1] == -inf);
}

TEST_CASE("arithmetic: a result may be the memory of an input") {
  for (const std::int64_t c : {7, 16}) {
    Case t = make_case<float>({33, c}, {}, Write::assign);
    t.operation = Binary::divide;
    t.function = {FunctionKind::log};
    const auto both = Placed<float>::output(33, c, {}, Write::add, t.x);
    const auto other = input<float>(t, t.other, {});
    cuda::binary<float>(both.view(), Write::assign, t.operation, both.view(), other.view(), 33, c, stream());
    CHECK(both.values() == cuda_binary<float>(t)[0].values);
    const auto again = Placed<float>::output(33, c, {}, Write::add, t.x);
    cuda::function_forward<float>(again.view(), Write::assign, t.function, again.view(), 33, c, stream());
    CHECK(again.values() == cuda_forward<float>(t)[0].values);
  }
}

TEST_CASE("arithmetic: the same bits under every schedule") {
  Case t = make_case<BFloat16>({130, 64}, {8, 8}, Write::add);
  t.function = {FunctionKind::exp};
  check_same_bits_under_all_schedules([&] { return cuda_binary<BFloat16>(t); });
  check_same_bits_under_all_schedules([&] { return cuda_backward<BFloat16>(t); });
}

TEST_CASE("arithmetic: bad arguments throw ShapeError") {
  const DeviceArray<float> memory(12);
  const View<float> good{memory.data(), 4}, narrow{memory.data(), 3}, none;
  for (const View<float>& bad : {narrow, none}) {
    CHECK_THROWS_AS(cuda::binary<float>(bad, Write::assign, {}, good, good, 3, 4, stream()), ShapeError);
    CHECK_THROWS_AS(cuda::binary<float>(good, Write::assign, {}, bad, good, 3, 4, stream()), ShapeError);
    CHECK_THROWS_AS(cuda::binary<float>(good, Write::assign, {}, good, bad, 3, 4, stream()), ShapeError);
    CHECK_THROWS_AS(cuda::function_forward<float>(bad, Write::assign, {}, good, 3, 4, stream()), ShapeError);
    CHECK_THROWS_AS(cuda::function_forward<float>(good, Write::assign, {}, bad, 3, 4, stream()), ShapeError);
    CHECK_THROWS_AS(cuda::function_backward<float>(good, Write::assign, {}, bad, good, 3, 4, stream()),
                    ShapeError);
    CHECK_THROWS_AS(cuda::function_backward<float>(good, Write::assign, {}, good, bad, 3, 4, stream()),
                    ShapeError);
    CHECK_THROWS_AS(cuda::scale<float>(bad, Write::assign, memory.data(), 1, good, 3, 4, stream()),
                    ShapeError);
  }
  CHECK_THROWS_AS(cuda::scale<float>(good, Write::assign, nullptr, 1, good, 3, 4, stream()), ShapeError);
}

}  // namespace
}  // namespace uptake::tests
