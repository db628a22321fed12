#include "kernels/arithmetic.h"

#include "kernels/base/gradient_check.h"
#include "tests/kernels/parity.h"
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

/// Inputs of a function's domain: away from the pole of 1 / x, positive for sqrt and log.
std::vector<double> inputs_of(const Function& f, std::int64_t count) {
  const bool positive = f.kind == FunctionKind::sqrt || f.kind == FunctionKind::log;
  std::vector<double> x = random_values(1, count, positive ? 0.5 : -2, 2);
  for (double& v : x)
    if (f.kind == FunctionKind::reciprocal) v += v < 0 ? -0.5 : 0.5;
  for (std::size_t i = 0; i < x.size() && f.kind == FunctionKind::abs; i += 5) x[i] = 0;
  return x;
}

struct Case {
  MatrixSize size{};
  std::int64_t extra_pitch = 0;
  Write write = Write::assign;
  Binary operation = Binary::add;
  Function function;
  std::vector<double> x, other, before;

  std::string describe() const {
    std::ostringstream text;
    text << "[" << size.pixels << "," << size.c << "] pitch +" << extra_pitch << ", operation "
         << static_cast<int>(operation) << ", function " << static_cast<int>(function.kind)
         << (write == Write::add ? ", add" : ", assign");
    return text.str();
  }
};

Case make_case(MatrixSize size, std::int64_t extra_pitch, Write write) {
  Case t{size, extra_pitch, write, {}, {}, {}, {}, {}};
  const std::int64_t count = size.pixels * size.c;
  t.x = random_values(1, count);
  t.other = random_values(2, count, 0.5, 2);
  t.before = random_values(3, count);
  return t;
}

template <class T>
Buffer<T> output(const Case& t) {
  return output_buffer<T>(t.size.pixels, t.size.c, t.extra_pitch, t.write, t.before);
}
template <class T>
Buffer<T> input(const Case& t, const std::vector<double>& values, std::int64_t extra_pitch) {
  return Buffer<T>(t.size.pixels, t.size.c, extra_pitch, values);
}

template <class T>
Results cpu_binary(const Case& t) {
  auto a = input<T>(t, t.x, t.extra_pitch), b = input<T>(t, t.other, 0), y = output<T>(t);
  cpu::binary<T>(y.view(), t.write, t.operation, a.view(), b.view(), t.size.pixels, t.size.c);
  return {{"y", y.values()}};
}

template <class T>
Results cpu_function(const Case& t) {
  auto x = input<T>(t, t.x, t.extra_pitch), dy = input<T>(t, t.other, 0), y = output<T>(t), dx = output<T>(t);
  cpu::function_forward<T>(y.view(), t.write, t.function, x.view(), t.size.pixels, t.size.c);
  cpu::function_backward<T>(dx.view(), t.write, t.function, dy.view(), x.view(), t.size.pixels, t.size.c);
  return {{"y", y.values()}, {"dx", dx.values()}};
}

constexpr double kScalar = -1.25, kFactor = 3;

template <class T>
Results cpu_scale(const Case& t) {
  auto x = input<T>(t, t.x, 0), y = output<T>(t), ones = output<T>(t);
  const T scalar = T(kScalar);
  cpu::scale<T>(y.view(), t.write, &scalar, kFactor, x.view(), t.size.pixels, t.size.c);
  cpu::scale<T>(ones.view(), t.write, &scalar, kFactor, {}, t.size.pixels, t.size.c);
  return {{"y", y.values()}, {"of nothing", ones.values()}};
}

const ImplementationTable<Case> kBinary(
    "binary",
    {{"reference", 0x1p-52,
      [](const Case& t) {
        return Results{{"y", written(reference::binary(t.operation, t.x, t.other), t.write, t.before)}};
      }},
     {"cpu float", 0x1p-23, cpu_binary<float>},
     {"cpu double", 0x1p-52, cpu_binary<double>}});
const ImplementationTable<Case> kFunction(
    "function",
    {{"reference", 0x1p-52,
      [](const Case& t) {
        return Results{
            {"y", written(reference::function_forward(t.function, t.x), t.write, t.before)},
            {"dx", written(reference::function_backward(t.function, t.other, t.x), t.write, t.before)}};
      }},
     {"cpu float", 0x1p-23, cpu_function<float>},
     {"cpu double", 0x1p-52, cpu_function<double>}});
const ImplementationTable<Case> kScale(
    "scale", {{"reference", 0x1p-52,
               [](const Case& t) {
                 const Function by{FunctionKind::affine, kScalar * kFactor, 0};
                 const std::vector<double> ones(t.x.size(), 1);
                 return Results{
                     {"y", written(reference::function_forward(by, t.x), t.write, t.before)},
                     {"of nothing", written(reference::function_forward(by, ones), t.write, t.before)}};
               }},
              {"cpu float", 0x1p-23, cpu_scale<float>},
              {"cpu double", 0x1p-52, cpu_scale<double>}});

// A few roundings of one element.
constexpr Tolerance kTolerance{.length = 1, .factor = 4, .scale = 2};

TEST_CASE("arithmetic: every operation and function equals the reference at odd sizes and pitches") {
  for (const MatrixSize size : odd_sizes())
    for (const std::int64_t extra : {0, 3})
      for (const Write write : {Write::assign, Write::add}) {
        Case t = make_case(size, extra, write);
        kScale.check_all(t, kTolerance);
        for (const Binary operation : kOperations) {
          t.operation = operation;
          kBinary.check_all(t, kTolerance);
        }
        for (const Function& f : kFunctions) {
          t.function = f;
          t.x = inputs_of(f, size.pixels * size.c);
          kFunction.check_all(t, kTolerance);
        }
      }
}

TEST_CASE("arithmetic: the reference's slopes are those of its values") {
  for (const Function& f : kFunctions) {
    std::vector<double> x = inputs_of(f, 20);
    for (double& v : x)
      if (std::abs(v) < 0.01) v = 0.7;  // abs has a corner there
    const auto sum = [&](std::span<const double> at) {
      double total = 0;
      for (const double v : at) total += reference::function_value(f, v);
      return total;
    };
    std::vector<double> slopes;
    for (const double v : x) slopes.push_back(reference::function_slope(f, v));
    const auto result = check_gradient(sum, x, slopes);
    CHECK_MESSAGE(result.ok, static_cast<int>(f.kind) << ": " << result.message);
  }
}

TEST_CASE("arithmetic: at corners and poles as PyTorch") {
  const auto pass = [](FunctionKind kind, float x) {
    float y = 0, dx = 0;
    const float one = 1;
    cpu::function_forward<float>({&y, 1}, Write::assign, {kind}, {&x, 1}, 1, 1);
    cpu::function_backward<float>({&dx, 1}, Write::assign, {kind}, {&one, 1}, {&x, 1}, 1, 1);
    return std::pair(y, dx);
  };
  const float inf = std::numeric_limits<float>::infinity();
  CHECK(pass(FunctionKind::abs, 0) == std::pair(0.0f, 0.0f));
  CHECK(pass(FunctionKind::sqrt, 0) == std::pair(0.0f, inf));
  CHECK(pass(FunctionKind::log, 0) == std::pair(-inf, inf));
  CHECK(pass(FunctionKind::reciprocal, 0) == std::pair(inf, -inf));
  CHECK(std::isnan(pass(FunctionKind::sqrt, -1).first));
  CHECK(std::isnan(pass(FunctionKind::log, -1).first));
  for (const Function& f : kFunctions) CHECK(std::isnan(pass(f.kind, std::nanf("")).first));
}

TEST_CASE("arithmetic: a result may be the memory of an input") {
  const Case t = make_case({33, 7}, 0, Write::assign);
  const Case divided{t.size, 0, Write::assign, Binary::divide, {FunctionKind::square}, t.x, t.other, {}};
  auto a = input<float>(t, t.x, 0), b = input<float>(t, t.other, 0), x = input<float>(t, t.x, 0);
  cpu::binary<float>(b.view(), Write::assign, Binary::divide, a.view(), b.view(), 33, 7);
  CHECK(b.values() == cpu_binary<float>(divided)[0].values);
  auto dy = input<float>(t, t.other, 0);
  cpu::function_backward<float>(dy.view(), Write::assign, divided.function, dy.view(), x.view(), 33, 7);
  CHECK(dy.values() == cpu_function<float>(divided)[1].values);
  cpu::function_forward<float>(x.view(), Write::assign, divided.function, x.view(), 33, 7);
  CHECK(x.values() == cpu_function<float>(divided)[0].values);
}

TEST_CASE("arithmetic: the same bits on any number of threads") {
  Case t = make_case({2053, 37}, 0, Write::add);
  t.function = {FunctionKind::exp};
  t.operation = Binary::divide;
  check_same_bits_on_any_threads([&] { return cpu_binary<float>(t); });
  check_same_bits_on_any_threads([&] { return cpu_function<float>(t); });
  check_same_bits_on_any_threads([&] { return cpu_scale<float>(t); });
}

TEST_CASE("arithmetic: bad arguments throw ShapeError") {
  std::vector<float> memory(12);
  const View<float> good{memory.data(), 4}, narrow{memory.data(), 3}, none;
  for (const View<float>& bad : {narrow, none}) {
    CHECK_THROWS_AS(cpu::binary<float>(bad, Write::assign, Binary::add, good, good, 3, 4), ShapeError);
    CHECK_THROWS_AS(cpu::binary<float>(good, Write::assign, Binary::add, bad, good, 3, 4), ShapeError);
    CHECK_THROWS_AS(cpu::binary<float>(good, Write::assign, Binary::add, good, bad, 3, 4), ShapeError);
    CHECK_THROWS_AS(cpu::function_forward<float>(bad, Write::assign, {}, good, 3, 4), ShapeError);
    CHECK_THROWS_AS(cpu::function_forward<float>(good, Write::assign, {}, bad, 3, 4), ShapeError);
    CHECK_THROWS_AS(cpu::function_backward<float>(bad, Write::assign, {}, good, good, 3, 4), ShapeError);
    CHECK_THROWS_AS(cpu::function_backward<float>(good, Write::assign, {}, bad, good, 3, 4), ShapeError);
    CHECK_THROWS_AS(cpu::function_backward<float>(good, Write::assign, {}, good, bad, 3, 4), ShapeError);
    CHECK_THROWS_AS(cpu::scale<float>(bad, Write::assign, memory.data(), 1, good, 3, 4), ShapeError);
  }
  CHECK_THROWS_AS(cpu::scale<float>(good, Write::assign, memory.data(), 1, narrow, 3, 4), ShapeError);
  CHECK_THROWS_AS(cpu::scale<float>(good, Write::assign, nullptr, 1, good, 3, 4), ShapeError);
}

}  // namespace
}  // namespace uptake::tests
