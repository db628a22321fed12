// The project's own convolutions: every algorithm, all three operations, both storage types, against the reference.
#include "kernels/conv/conv.h"

#include <algorithm>

#include "kernels/conv/conv_algorithm.h"
#include "tests/cuda/on_device.h"
#include "tests/reference/conv.h"
#include "tests/reference/pointwise.h"

namespace uptake::tests {
namespace {

using namespace kernels;
using Operation = ConvOperation;
using reference::ConvTranspose;

/// Numbers on the device between two guards: NaN around an input, so that it cannot be read and multiplied by zero
/// unnoticed, a known number around an output. Aligned to 16 bytes or to no more than an element: kernels move
/// packs or single elements accordingly.
template <class T>
class Guarded {
 public:
  static Guarded input(const std::vector<double>& values, bool aligned) {
    return {values, aligned, std::nan("")};
  }
  static Guarded output(const std::vector<double>& values, bool aligned) {
    return {values, aligned, kAround};
  }
  T* data() const { return memory_.data() + front_; }
  /// Throws std::logic_error if a guard was written.
  std::vector<double> values() const {
    const std::vector<double> all = memory_.values();
    const auto begin = all.begin() + front_, end = all.end() - kBack;
    for (auto i = all.begin(); i != all.end(); ++i)
      if ((i < begin || i >= end) && *i != kAround) throw std::logic_error("wrote beside the result");
    return {begin, end};
  }

 private:
  Guarded(const std::vector<double>& values, bool aligned, double around)
      : front_(aligned ? 16 : 5), memory_(filled(values, around)) {}
  std::vector<T> filled(const std::vector<double>& values, double around) const {
    std::vector<T> all(static_cast<std::size_t>(front_), T(around));
    for (const double v : values) all.push_back(T(v));
    all.resize(all.size() + kBack, T(around));
    return all;
  }
  static constexpr double kAround = -12352;  // exactly a BFloat16
  static constexpr int kBack = 5;
  int front_;
  DeviceArray<T> memory_;
};

std::vector<double> unset(std::int64_t count) {
  return std::vector<double>(static_cast<std::size_t>(count), std::nan(""));
}

struct Setting {
  bool aligned = true, with_bias = false;
  Act act;
  Write write = Write::assign;
};

struct Case {
  ConvGeometry g;
  Setting setting;
  std::vector<double> x, w, bias, dy, before;  // as T holds them

  std::string describe() const {
    std::ostringstream text;
    const FilterShape& f = g.filters;
    text << "image [" << g.x.n << "," << g.x.h << "," << g.x.w << "," << g.x.c << "] filters [" << f.k << ","
         << f.c << "," << f.r << "," << f.s << "] stride " << f.stride << " pad " << f.pad
         << (setting.aligned ? "" : ", unaligned") << (setting.with_bias ? ", bias" : "") << ", activation "
         << static_cast<int>(setting.act.kind) << (setting.write == Write::add ? ", add" : "");
    return text.str();
  }
};

template <class T>
Case make_case(const ConvGeometry& g, const Setting& setting) {
  Case t{g, setting, {}, {}, {}, {}, {}};
  t.x = rounded<T>(random_values(1, g.x.size()));
  t.w = rounded<T>(random_values(2, g.filters.size()));
  if (setting.with_bias) t.bias = random_values(3, std::max(g.filters.k, g.filters.c));
  t.dy = rounded<T>(random_values(4, reference::conv_output(g).size()));
  t.before = random_values(5, g.filters.size());
  return t;
}

const char* name(Operation operation) {
  return operation == Operation::forward         ? "forward"
         : operation == Operation::backward_data ? "backward data"
                                                 : "backward filters";
}
constexpr std::array kOperations = {Operation::forward, Operation::backward_data,
                                    Operation::backward_filters};

std::vector<double> expected(Operation operation, const Case& t) {
  if (operation == Operation::backward_filters)
    return written(reference::to_krsc(t.g.filters, reference::conv_backward_filters(t.g, t.x, t.dy)),
                   t.setting.write, reference::to_krsc(t.g.filters, t.before));
  const bool forward = operation == Operation::forward;
  std::vector<double> result =
      forward ? reference::conv_forward(t.g, t.x, t.w, {}) : reference::conv_backward_data(t.g, t.dy, t.w);
  const auto channels = static_cast<std::size_t>(forward ? t.g.filters.k : t.g.filters.c);
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] = reference::activate(t.setting.act, result[i] + (t.bias.empty() ? 0 : t.bias[i % channels]));
  return result;
}

/// Without memory: null is as aligned as an address can be.
template <class T>
ConvCall<T> call_of(Operation operation, const ConvGeometry& g) {
  return {operation, g, nullptr, nullptr, nullptr, nullptr};
}

/// The table's rows that are kernels of this project.
template <class T>
std::vector<ConvAlgorithm<T>> own_algorithms() {
  std::vector<ConvAlgorithm<T>> own;
  for (const ConvAlgorithm<T>& row : cuda::conv_table<T>())
    if (row.run != nullptr && row.name != std::string("cudnn")) own.push_back(row);
  return own;
}

/// By the row of an algorithm, or as the table chooses among the project's own.
template <class T>
std::vector<double> computed(Operation operation, const ConvAlgorithm<T>* algorithm, const Case& t) {
  const bool aligned = t.setting.aligned;
  const auto x = Guarded<T>::input(t.x, aligned),
             w = Guarded<T>::input(reference::to_krsc(t.g.filters, t.w), aligned),
             dy = Guarded<T>::input(t.dy, aligned);
  const DeviceVector<float> bias(t.bias);
  const ConvEpilogue<T> epilogue{bias.data(), t.setting.act};
  const auto run = [&](const ConvCall<T>& call) {
    const ConvOptions own{.algorithm = "own"};
    if (algorithm == nullptr) return cuda::conv(call, own, cuda::compute_stream());
    algorithm->run(call, own, cuda::compute_stream());
  };
  if (operation == Operation::forward) {
    const auto y = Guarded<T>::output(unset(t.g.y().size()), aligned);
    run(ConvCall<T>::forward(t.g, y.data(), x.data(), w.data(), epilogue));
    return y.values();
  }
  if (operation == Operation::backward_data) {
    const auto dx = Guarded<T>::output(unset(t.g.x.size()), aligned);
    run(ConvCall<T>::backward_data(t.g, dx.data(), dy.data(), w.data(), epilogue));
    return dx.values();
  }
  const bool add = t.setting.write == Write::add;
  const auto dw = Guarded<float>::output(
      add ? reference::to_krsc(t.g.filters, t.before) : unset(t.g.filters.size()), aligned);
  run(ConvCall<T>::backward_filters(t.g, dw.data(), t.setting.write, x.data(), dy.data()));
  return dw.values();
}

std::int64_t terms(Operation operation, const ConvGeometry& g) {
  const FilterShape& f = g.filters;
  if (operation == Operation::backward_filters) return g.y().pixels() + 1;
  return (operation == Operation::forward ? f.c : f.k) * f.r * f.s + 1;
}

/// Sums of `terms` products of numbers up to 2 in float: see tolerance_of_sum in tests/kernels/conv_test.cpp.
/// No activation is steeper than 1. A result stored as BFloat16 is rounded once more, by 2^-9 of its binade
/// at most, which is 2^-8 of itself.
template <class T>
void check_close(const std::string& what, const std::vector<double>& actual, const std::vector<double>& truth,
                 std::int64_t terms, bool stored_as_t) {
  const double length = static_cast<double>(terms),
               rounding = std::is_same_v<T, float> || !stored_as_t ? 0 : 0x1p-8;
  double largest = 2 * std::sqrt(length);
  for (const double v : truth) largest = std::max(largest, std::abs(v));
  const double sum_bound = 4 * std::sqrt(length) * 0x1p-23 * largest;
  REQUIRE_MESSAGE(actual.size() == truth.size(), what);
  std::size_t wrong = 0, first = 0;
  for (std::size_t i = 0; i < truth.size(); ++i)
    if (!(std::abs(actual[i] - truth[i]) <= sum_bound + rounding * std::abs(truth[i])) && wrong++ == 0)
      first = i;
  CHECK_MESSAGE(wrong == 0, what << ": " << wrong << " of " << truth.size() << " elements, the first is ["
                                 << first << "]: " << actual[first] << ", expected " << truth[first]);
}

template <class T>
constexpr const char* type_name() {
  return std::is_same_v<T, float> ? "float" : "BFloat16";
}

template <class T>
bool needs_chunks(const ConvAlgorithm<T>& algorithm) {
  return algorithm.name == std::string("tensor_core");
}

template <class T>
void check_parity(const ConvGeometry& g, const Setting& setting) {
  const Case t = make_case<T>(g, setting);
  REQUIRE(g.y() == reference::conv_output(g));
  for (const Operation operation : kOperations) {
    const std::vector<double> truth = expected(operation, t);
    for (const ConvAlgorithm<T>& algorithm : own_algorithms<T>())
      if (algorithm.supports(call_of<T>(operation, g)) && (setting.aligned || !needs_chunks(algorithm)))
        check_close<T>(algorithm.name + (" " + std::string(name(operation)) + " of ") + type_name<T>() +
                           ", " + t.describe(),
                       computed<T>(operation, &algorithm, t), truth, terms(operation, g),
                       operation != Operation::backward_filters);
  }
}

// Settings alternate, so that the tables below meet all of them.
Setting setting_of(std::size_t i) {
  const Activation kinds[] = {Activation::none, Activation::leaky_relu, Activation::relu, Activation::tanh,
                              Activation::sigmoid};
  return {.aligned = i % 4 != 3,
          .with_bias = i % 2 == 0,
          .act = {kinds[i % 5], 0.25},
          .write = i % 3 == 1 ? Write::add : Write::assign};
}

void check_parity(const std::vector<ConvGeometry>& geometries) {
  for (std::size_t i = 0; i < geometries.size(); ++i) {
    check_parity<float>(geometries[i], setting_of(i));
    check_parity<BFloat16>(geometries[i], setting_of(i));
  }
}

TEST_CASE("own convolution: every kernel with every stride and padding equals the reference") {
  std::vector<ConvGeometry> geometries;
  for (const auto& [r, s] : {std::pair<std::int64_t, std::int64_t>{1, 1}, {3, 3}, {4, 4}, {3, 5}})
    for (const std::int64_t stride : {1, 2, 3})
      for (const std::int64_t pad : {0, 1, 2})
        geometries.push_back({{1, 5, 7, 2}, {3, 2, r, s, stride, pad}});
  geometries.push_back({{1, 9, 7, 3}, {2, 3, 7, 7, 1, 3}});
  check_parity(geometries);
}

TEST_CASE("own convolution: all numbers of channels equal the reference") {
  std::vector<ConvGeometry> geometries;
  for (const std::int64_t c : {1, 3, 4, 6, 8, 17, 40})
    for (const std::int64_t k : {1, 3, 8, 16, 17, 72})
      geometries.push_back({{1, 3, 4, c}, {k, c, 3, 3, 1, 1}});
  check_parity(geometries);
}

TEST_CASE("own convolution: all image sizes equal the reference") {
  std::vector<ConvGeometry> geometries;
  for (const std::int64_t h : {1, 2, 13})
    for (const std::int64_t w : {1, 2, 17, 31}) {
      geometries.push_back({{1, h, w, 8}, {8, 8, 3, 3, 1, 1}});
      if (h > 1 && w > 1) geometries.push_back({{3, h, w, 8}, {16, 8, 4, 4, 2, 1}});
    }
  check_parity(geometries);
}

TEST_CASE("own convolution: shapes that take each tile, and sums that are cut into pieces") {
  check_parity({
      {{2, 16, 17, 8}, {72, 8, 3, 3, 1, 1}},    // the large tiles
      {{1, 33, 31, 16}, {80, 16, 4, 4, 2, 1}},  // backward data: the narrow ones
      {{1, 4, 4, 64}, {64, 64, 4, 4, 2, 1}},    // pieces
      {{1, 2, 2, 64}, {72, 64, 4, 4, 2, 1}},    // most taps beside the image
      {{2, 1, 3, 8}, {8, 8, 5, 7, 2, 3}},
      {{1, 5, 4, 64}, {1, 64, 4, 4, 1, 1}},
      {{1, 31, 33, 3}, {64, 3, 4, 4, 2, 1}},  // backward filters in pieces
      {{1, 31, 33, 4}, {8, 4, 3, 3, 1, 1}},   // the same added, from an address for single elements
      {{1, 3, 3, 72}, {3, 72, 7, 7, 1, 3}},
      {{1, 31, 33, 3}, {3, 3, 3, 3, 1, 1}},  // an odd number of them
      {{1, 31, 33, 4}, {8, 4, 3, 3, 1, 1}},  // added in packs
  });
#if defined(UPTAKE_SIMULATOR)  // which counts what was launched
  for (const char* part : {"GemmTile<128, 128,", "GemmTile<64, 64,", "GemmTile<128, 16,", "MmaTile<128, 128,",
                           "MmaTile<64, 64,", "MmaTile<128, 16,", "conv_finish_kernel<1, float>",
                           "conv_finish_kernel<4, float>", "conv_finish_kernel<1, uptake::kernels::BFloat16>",
                           "conv_finish_kernel<4, uptake::kernels::BFloat16>",
                           "conv_finish_filters_kernel<1>", "conv_finish_filters_kernel<4>"}) {
    std::size_t launches = 0;
    for (const auto& [kernel, count] : sim::launches_by_kernel())
      if (kernel.find(part) != std::string::npos) launches += count;
    CHECK_MESSAGE(launches > 0, std::string(part));
  }
#endif
}

TEST_CASE("own convolution: equal to the reference under every schedule, and every bit the same") {
  const std::vector<ConvGeometry> geometries = {{{2, 5, 6, 8}, {16, 8, 4, 4, 2, 1}},
                                                {{1, 3, 3, 40}, {8, 40, 3, 3, 1, 1}},
                                                {{1, 4, 5, 3}, {2, 3, 3, 3, 2, 1}}};
  for (std::size_t i = 0; i < geometries.size(); ++i) {
    const auto check = [&]<class T>() {
      const Case t = make_case<T>(geometries[i], setting_of(i));
      for (const Operation operation : kOperations)
        for (const ConvAlgorithm<T>& algorithm : own_algorithms<T>()) {
          if (!algorithm.supports(call_of<T>(operation, t.g)) ||
              (needs_chunks(algorithm) && !t.setting.aligned))
            continue;
          const std::string what = algorithm.name + (" " + std::string(name(operation))) + ", " +
                                   type_name<T>() + ", " + t.describe();
          const std::vector<double> truth = expected(operation, t);
          std::vector<double> first = computed<T>(operation, &algorithm, t);
          each_schedule([&] {
            const std::vector<double> values = computed<T>(operation, &algorithm, t);
            check_close<T>(what, values, truth, terms(operation, t.g),
                           operation != Operation::backward_filters);
            CHECK_MESSAGE(values == first, what);
          });
        }
    };
    check.operator()<float>();
    check.operator()<BFloat16>();
  }
}

TEST_CASE(
    "own convolution: a transposed convolution is backward data with an epilogue, output padding included") {
  const std::vector<ConvTranspose> cases = {
      {{1, 1, 1, 16}, 8, 4, 4, 2, 1, 0}, {{1, 3, 2, 8}, 3, 4, 4, 2, 1, 0}, {{2, 3, 2, 8}, 16, 4, 4, 2, 1, 1},
      {{2, 3, 4, 17}, 6, 3, 3, 2, 1, 1}, {{1, 4, 3, 2}, 3, 5, 5, 3, 1, 1}, {{1, 3, 2, 8}, 8, 1, 1, 3, 0, 2},
      {{1, 4, 5, 8}, 8, 3, 5, 3, 2, 2},  {{1, 4, 4, 3}, 16, 7, 7, 1, 3, 0}};
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const ConvTranspose& c = cases[i];
    const Setting setting = setting_of(i);
    const auto check = [&]<class T>() {
      const ConvGeometry g =
          ConvGeometry::transposed(c.x, {c.x.c, c.out, c.r, c.s, c.stride, c.pad}, c.output_pad);
      Case t = make_case<T>(g, setting);
      REQUIRE(g.x == c.y());
      std::vector<double> truth = c.forward(t.dy, t.w);
      for (std::size_t j = 0; j < truth.size(); ++j)
        truth[j] = reference::activate(
            setting.act, truth[j] + (setting.with_bias ? t.bias[j % static_cast<std::size_t>(c.out)] : 0));
      for (const ConvAlgorithm<T>& algorithm : own_algorithms<T>())
        if (algorithm.supports(call_of<T>(Operation::backward_data, g)) &&
            (setting.aligned || !needs_chunks(algorithm)))
          check_close<T>(algorithm.name + (", " + std::string(type_name<T>())) + ", " + t.describe(),
                         computed<T>(Operation::backward_data, &algorithm, t), truth,
                         terms(Operation::backward_data, g), true);
    };
    check.operator()<float>();
    check.operator()<BFloat16>();
  }
}

TEST_CASE("own convolution: slopes of the activation are those of the options") {
  for (const double slope : {0.0, 0.2, 1.0}) {
    const Setting setting{.with_bias = true, .act = {Activation::leaky_relu, slope}};
    check_parity<float>({{1, 3, 4, 8}, {8, 8, 3, 3, 1, 1}}, setting);
    check_parity<BFloat16>({{1, 3, 4, 8}, {8, 8, 3, 3, 1, 1}}, setting);
  }
}

// -------------------------------------------------------------------------------------- who computes what

TEST_CASE("convolution on the GPU: empty operands leave what the definition leaves") {
  int i = 0;
  for (const ConvGeometry& g :
       {ConvGeometry{{0, 5, 5, 3}, {2, 3, 3, 3, 1, 1}}, ConvGeometry{{2, 3, 4, 0}, {2, 0, 3, 3, 1, 1}},
        ConvGeometry{{2, 3, 4, 3}, {0, 3, 3, 3, 2, 1}}, ConvGeometry{{1, 0, 3, 2}, {3, 2, 3, 3, 1, 2}}})
    for (const bool with_bias : {false, true})
      for (const Write write : {Write::assign, Write::add}) {
        const Setting setting{.with_bias = with_bias,
                              .act = {i++ % 2 == 0 ? Activation::sigmoid : Activation::none, 0.2},
                              .write = write};
        const Case t = make_case<float>(g, setting);
        for (const Operation operation : kOperations)
          check_close<float>(name(operation) + std::string(" of ") + t.describe(),
                             computed<float>(operation, nullptr, t), expected(operation, t), 1, true);
      }
}

TEST_CASE("convolution on the GPU: the public function computes what it is asked for") {
  const std::vector<ConvGeometry> geometries = {{{1, 6, 5, 8}, {16, 8, 4, 4, 2, 1}},
                                                {{1, 5, 5, 3}, {4, 3, 3, 3, 1, 1}},
                                                {{1, 2, 3, 2}, {2, 2, 1, 1, 17, 0}}};
  for (std::size_t i = 0; i < geometries.size(); ++i) {
    const auto check = [&]<class T>() {
      const Case t = make_case<T>(geometries[i], setting_of(i));
      for (const Operation operation : kOperations)
        check_close<T>(name(operation) + std::string(" of ") + t.describe(),
                       computed<T>(operation, nullptr, t), expected(operation, t), terms(operation, t.g),
                       operation != Operation::backward_filters);
    };
    check.operator()<float>();
    check.operator()<BFloat16>();
  }
}

TEST_CASE("own convolution: tensor cores for whole chunks of BFloat16, register tiles for the rest") {
  const ConvGeometry chunks{{1, 8, 8, 16}, {24, 16, 4, 4, 2, 1}}, ragged{{1, 8, 8, 16}, {3, 16, 4, 4, 2, 1}},
      colours{{1, 8, 8, 3}, {8, 3, 4, 4, 2, 1}}, empty{{1, 8, 8, 0}, {8, 0, 4, 4, 2, 1}},
      sparse{{1, 40, 40, 8}, {8, 8, 1, 1, 17, 0}};
  const auto chosen = []<class T>(const ConvCall<T>& call, const std::string& first = "own") {
    return std::string(algorithm_for(cuda::conv_table<T>(), call, first).name);
  };
  for (const Operation operation : kOperations) {
    INFO(name(operation));
    CHECK(chosen(call_of<BFloat16>(operation, chunks)) == "tensor_core");
    CHECK(chosen(call_of<float>(operation, chunks)) == "implicit_gemm");
    CHECK(chosen(call_of<BFloat16>(operation, colours)) == "implicit_gemm");
    CHECK(chosen(call_of<float>(operation, empty)) == "naive");
    CHECK(chosen(call_of<BFloat16>(operation, ragged)) ==
          (operation == Operation::forward ? "tensor_core" : "implicit_gemm"));
    // What is named is where the search begins.
    CHECK(chosen(call_of<BFloat16>(operation, chunks), "implicit_gemm") == "implicit_gemm");
    CHECK(chosen(call_of<BFloat16>(operation, chunks), "naive") == "naive");
    CHECK(chosen(call_of<float>(operation, chunks), "tensor_core") == "implicit_gemm");
    CHECK(chosen(call_of<float>(operation, chunks), "auto") ==
          (cuda::built_with_cudnn() ? "cudnn" : "implicit_gemm"));
  }
  CHECK(chosen(call_of<float>(Operation::backward_data, sparse)) == "naive");
  CHECK(chosen(call_of<float>(Operation::forward, sparse)) == "implicit_gemm");
}

TEST_CASE("own convolution: tensor cores only where all that is read starts at a multiple of 16 bytes") {
  const ConvGeometry chunks{{1, 8, 8, 16}, {24, 16, 4, 4, 2, 1}};
  const DeviceArray<BFloat16> memory(64);
  BFloat16 *const even = memory.data(), *const odd = even + 1;
  float* const gradient = nullptr;
  const auto chosen = [](const ConvCall<BFloat16>& call) {
    return std::string(algorithm_for(cuda::conv_table<BFloat16>(), call, "own").name);
  };
  using Call = ConvCall<BFloat16>;
  CHECK(chosen(Call::forward(chunks, odd, even, even)) == "tensor_core");  // writes single numbers
  CHECK(chosen(Call::forward(chunks, even, odd, even)) == "implicit_gemm");
  CHECK(chosen(Call::forward(chunks, even, even, odd)) == "implicit_gemm");
  CHECK(chosen(Call::backward_data(chunks, odd, even, even)) == "tensor_core");
  CHECK(chosen(Call::backward_data(chunks, even, odd, even)) == "implicit_gemm");
  CHECK(chosen(Call::backward_filters(chunks, gradient, Write::add, even, even)) == "tensor_core");
  CHECK(chosen(Call::backward_filters(chunks, gradient, Write::add, odd, even)) == "implicit_gemm");
  CHECK(chosen(Call::backward_filters(chunks, gradient, Write::add, even, odd)) == "implicit_gemm");
}

TEST_CASE("convolution on the GPU: contradictions and unknown algorithms are refused") {
  const auto stream = cuda::compute_stream();
  const ConvOptions own{.algorithm = "own"};
  const ConvGeometry channels{{1, 8, 9, 3}, {5, 4, 2, 2, 1, 0}};
  for (const Operation operation : kOperations)
    CHECK_THROWS_AS(cuda::conv(call_of<float>(operation, channels), own, stream), ShapeError);
  const ConvGeometry huge{{1 << 16, 1 << 8, 1 << 8, 1}, {1, 1, 1, 1, 1, 0}};  // 2^32 pixels
  CHECK_THROWS_AS(cuda::conv(call_of<float>(Operation::forward, huge), own, stream), ShapeError);
  const ConvGeometry small{{1, 2, 2, 1}, {1, 1, 1, 1, 1, 0}};
  CHECK_THROWS_AS(cuda::conv(call_of<float>(Operation::forward, small), {.algorithm = "mine"}, stream),
                  std::invalid_argument);
  const auto names = cuda::conv_algorithms();
  CHECK((std::ranges::find(names, "cudnn") != names.end()) == cuda::built_with_cudnn());
}

}  // namespace
}  // namespace uptake::tests
