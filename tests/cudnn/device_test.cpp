// Convolutions by cuDNN on a GPU: against the reference, twice with the same bits, in a recorded graph. Without a
// GPU each case says that it was skipped, which UPTAKE_REQUIRE_GPU=1 makes a failure.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>

#include "tests/cuda/on_device.h"
#include "tests/cudnn/described_gpu.h"
#include "tests/reference/conv.h"
#include "tests/reference/pointwise.h"
#include "tests/support/temporary_folder.h"

namespace uptake::tests {
namespace {

using namespace kernels;
using cuda::CudaError;
using Operation = ConvOperation;

bool skipped() {
  const std::string reason = cuda::why_unavailable();
  if (reason.empty()) return false;
  const char* required = std::getenv("UPTAKE_REQUIRE_GPU");
  if (required != nullptr && std::string(required) == "1") FAIL("UPTAKE_REQUIRE_GPU is 1, but " << reason);
  MESSAGE("SKIPPED: " << reason);
  return true;
}

/// cuDNN with these options.
ConvOptions by_cudnn(ConvOptions options) {
  options.algorithm = "cudnn";
  return options;
}

struct Case {
  Operation operation = Operation::forward;
  ConvGeometry g;
  bool bias = false;
  Act act;
  Write write = Write::assign;
  std::size_t lead = 0;  // elements between an aligned address and the image
};

std::vector<double> magnitudes(std::vector<double> values) {
  for (double& v : values) v = std::abs(v);
  return values;
}

/// The operands as T holds them, what the operation makes of them, for each element the sum of the magnitudes of its
/// terms, and the largest number that may be stored on the way to it.
struct Truth {
  std::vector<double> x, w, dy, bias, before, result, magnitude, stored;
};

template <class T>
Truth truth_of(const Case& c) {
  const ConvGeometry& g = c.g;
  const bool forward = c.operation == Operation::forward;
  const std::int64_t channels = forward ? g.filters.k : g.filters.c;
  Truth t;
  t.x = rounded<T>(random_values(1, g.x.size()));
  t.w = rounded<T>(random_values(2, g.filters.size()));
  t.dy = rounded<T>(random_values(3, g.y().size()));
  if (c.bias) t.bias = random_values(4, channels);
  t.before = random_values(5, g.filters.size());
  const auto x = magnitudes(t.x), w = magnitudes(t.w), dy = magnitudes(t.dy);
  if (c.operation == Operation::backward_filters) {
    t.result = reference::to_krsc(g.filters, reference::conv_backward_filters(g, t.x, t.dy));
    t.magnitude = reference::to_krsc(g.filters, reference::conv_backward_filters(g, x, dy));
    t.stored = magnitudes(t.result);
    return t;
  }
  t.result = forward ? reference::conv_forward(g, t.x, t.w, {}) : reference::conv_backward_data(g, t.dy, t.w);
  t.magnitude = forward ? reference::conv_forward(g, x, w, {}) : reference::conv_backward_data(g, dy, w);
  t.stored = magnitudes(t.result);
  for (std::size_t i = 0; i < t.result.size(); ++i) {
    if (c.bias) {
      const double added = t.bias[i % static_cast<std::size_t>(channels)];
      t.result[i] += added;
      t.magnitude[i] += std::abs(added);
      t.stored[i] = std::max(t.stored[i], std::abs(t.result[i]));
    }
    t.result[i] = reference::activate(c.act, t.result[i]);
  }
  return t;
}

/// Numbers on the device, `lead` elements behind the start of an allocation.
template <class T>
class Led {
 public:
  Led(const std::vector<double>& values, std::size_t lead) : lead_(lead), array_(filled(values, lead)) {}
  T* data() const { return array_.data() + lead_; }
  std::vector<double> values() const {
    std::vector<double> all = array_.values();
    all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(lead_));
    return all;
  }

 private:
  static std::vector<T> filled(const std::vector<double>& values, std::size_t lead) {
    std::vector<T> all(lead, T(0.0f));
    for (const double v : values) all.push_back(T(v));
    return all;
  }
  std::size_t lead_;
  DeviceArray<T> array_;
};

template <class T>
std::vector<double> computed(const Case& c, const Truth& t, const ConvOptions& options) {
  const auto run = [&](const ConvCall<T>& call) { cuda::conv(call, options, cuda::compute_stream()); };
  const std::vector<double> unset(t.result.size(), std::nan(""));
  const Led<T> x(t.x, c.lead), dy(t.dy, 0);
  const Led<T> w(reference::to_krsc(c.g.filters, t.w), 0);
  const DeviceVector<float> bias(t.bias);
  if (c.operation == Operation::backward_filters) {
    const Led<float> dw(c.write == Write::add ? reference::to_krsc(c.g.filters, t.before) : unset, 0);
    run(ConvCall<T>::backward_filters(c.g, dw.data(), c.write, x.data(), dy.data()));
    return dw.values();
  }
  const Led<T> result(unset, c.lead);
  if (c.operation == Operation::forward)
    run(ConvCall<T>::forward(c.g, result.data(), x.data(), w.data(), {bias.data(), c.act}));
  else
    run(ConvCall<T>::backward_data(c.g, result.data(), dy.data(), w.data(), {bias.data(), c.act}));
  return result.values();
}

/// Sums in float, in any order, err by a float rounding of their magnitude for each term at most. TF32 rounds
/// both factors to 11 bits first. BFloat16 rounds by 2^-9 whenever something is stored: up to three times, after the
/// convolution, bias and activation; a filter gradient once, before it is added.
template <class T>
void check_close(const Case& c, const Math& math, const Truth& t, const std::vector<double>& values) {
  const FilterShape& f = c.g.filters;
  const std::int64_t terms = c.operation == Operation::backward_filters ? c.g.y().pixels()
                             : c.operation == Operation::forward        ? f.c * f.r * f.s
                                                                        : f.k * f.r * f.s;
  const double per_magnitude = static_cast<double>(terms + 4) * 0x1p-23 + (math.tf32 ? 0x1p-9 : 0);
  const double storing = 3 * (std::is_same_v<T, BFloat16> ? 0x1p-9 : 0x1p-24);
  const bool added = c.operation == Operation::backward_filters && c.write == Write::add;
  const std::vector<double> before = reference::to_krsc(f, t.before);
  REQUIRE(values.size() == t.result.size());
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double expected = t.result[i] + (added ? before[i] : 0);
    const double limit =
        per_magnitude * t.magnitude[i] + storing * t.stored[i] + 0x1p-22 * std::abs(expected);
    wrong += !(std::abs(values[i] - expected) <= limit);
  }
  CHECK_MESSAGE(wrong == 0, math.name << ", operation " << static_cast<int>(c.operation) << ", filters of "
                                      << f.k << " by " << f.c << ": " << wrong << " of " << values.size());
}

/// Timing plans of a fused convolution compiles some of them first, which takes seconds each.
enum class Tuning { tried, left_out };

void check_parity(const Case& c, Tuning tuning = Tuning::tried) {
  for (const Math& math : kMath)
    for (const bool autotune : {false, true}) {
      if (autotune && tuning == Tuning::left_out) continue;
      ConvOptions options = by_cudnn(options_of(math));
      options.autotune = autotune;
      const auto check = [&]<class T>() {
        const Truth t = truth_of<T>(c);
        const std::vector<double> values = computed<T>(c, t, options);
        check_close<T>(c, math, t, values);
        CHECK(computed<T>(c, t, options) == values);  // deterministic to the last bit
      };
      if (math.storage == cuda::cudnn::Storage::bfloat16)
        check.operator()<BFloat16>();
      else
        check.operator()<float>();
    }
}

constexpr Operation kOperations[] = {Operation::forward, Operation::backward_data,
                                     Operation::backward_filters};

}  // namespace

TEST_CASE("cudnn on the GPU: equal to the reference, and the same bits again") {
  if (skipped()) return;
  for (const ConvGeometry& g :
       {ConvGeometry{{2, 16, 12, 8}, {16, 8, 4, 4, 2, 1}}, ConvGeometry{{1, 9, 11, 3}, {5, 3, 7, 7, 1, 3}},
        ConvGeometry{{3, 5, 7, 32}, {64, 32, 3, 3, 1, 0}}, ConvGeometry{{2, 6, 5, 6}, {1, 6, 1, 1, 1, 0}},
        ConvGeometry{{1, 2, 2, 64}, {64, 64, 4, 4, 2, 1}},
        ConvGeometry::transposed({2, 5, 3, 16}, {16, 8, 3, 3, 2, 1}, 1)})
    for (const Operation operation : kOperations) check_parity({operation, g, false, {}, Write::assign, 0});
}

TEST_CASE("cudnn on the GPU: bias and activation, fused or apart") {
  if (skipped()) return;
  const ConvGeometry g{{2, 16, 12, 6}, {16, 6, 4, 4, 2, 1}};
  for (const Operation operation : {Operation::forward, Operation::backward_data})
    for (const bool bias : {false, true})
      for (const Act& act : {Act{}, Act{Activation::relu}, Act{Activation::leaky_relu, 0.2},
                             Act{Activation::leaky_relu, 0.05}, Act{Activation::tanh}})
        check_parity({operation, g, bias, act, Write::assign, 0},
                     bias && act.kind == Activation::tanh ? Tuning::tried : Tuning::left_out);
}

TEST_CASE("cudnn on the GPU: filter gradients are added, and tuning leaves what is there") {
  if (skipped()) return;
  for (const std::int64_t channels : {3, 16})
    check_parity({Operation::backward_filters,
                  {{2, 18, 12, channels}, {8, channels, 4, 4, 2, 1}},
                  false,
                  {},
                  Write::add,
                  0});
}

TEST_CASE("cudnn on the GPU: tensors that start at odd addresses") {
  if (skipped()) return;
  for (const Operation operation : kOperations)
    for (const std::int64_t channels : {3, 8})
      check_parity({operation, {{2, 8, 6, channels}, {8, channels, 4, 4, 2, 1}}, true, {}, Write::assign, 3},
                   Tuning::left_out);
}

TEST_CASE("cudnn on the GPU: a recorded graph needs a plan made before, and then replays it") {
  if (skipped()) return;
  const ConvOptions options = by_cudnn({});
  const Case c{Operation::forward, {{1, 10, 14, 24}, {40, 24, 4, 4, 2, 1}}, false, {}, Write::assign, 0};
  const Truth t = truth_of<float>(c);
  const auto stream = cuda::compute_stream();
  const Led<float> x(t.x, 0), w(reference::to_krsc(c.g.filters, t.w), 0),
      y(std::vector<double>(t.result.size()), 0);
  const auto work = [&] {
    cuda::conv(ConvCall<float>::forward(c.g, y.data(), x.data(), w.data()), options, stream);
  };
  CHECK_THROWS_AS(cuda::Graph::capture(stream, work), CudaError);
  work();
  const std::vector<double> direct = y.values();
  const cuda::Graph graph = cuda::Graph::capture(stream, work);
  cuda::set_bytes(y.data(), 0, t.result.size() * sizeof(float), stream);
  graph.launch(stream);
  CHECK(y.values() == direct);
  check_close<float>(c, kMath[0], t, direct);
}

TEST_CASE("cudnn on the GPU: choices reach the file, and a damaged file is no obstacle") {
  if (skipped()) return;
  const TemporaryFolder folder;
  ConvOptions options = by_cudnn({});
  options.plan_cache = folder / "plans";
  std::ofstream(options.plan_cache) << "not a file of plans\n";
  options.workspace_cap_bytes = 12345678;  // no other test's key
  const Case c{Operation::forward, {{1, 8, 8, 8}, {8, 8, 3, 3, 1, 1}}, false, {}, Write::assign, 0};
  const Truth t = truth_of<float>(c);
  check_close<float>(c, kMath[0], t, computed<float>(c, t, options));
  std::ifstream file(options.plan_cache);
  std::string head, line;
  CHECK(std::getline(file, head));
  CHECK(head == "uptake convolution plans 1");
  CHECK(std::getline(file, line));
  CHECK(line.find("forward:float32") != std::string::npos);
}

}  // namespace uptake::tests
