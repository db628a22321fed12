#include "nn/init.h"

#include "tests/support/tensors.h"

namespace uptake::tests {
namespace {

using namespace nn;

constexpr InitKind kKinds[] = {InitKind::normal, InitKind::xavier, InitKind::kaiming, InitKind::orthogonal};

// A store with one of everything; the filters' values in plain order.
struct Net {
  ParameterStore store;
  Parameter *filters, *more, *bias, *weight, *norm_bias;

  explicit Net(DType dtype, const kernels::FilterShape& shape = {48, 20, 4, 4, 2, 1})
      : store(dtype),
        filters(&store.add_filters("a.weight", shape)),
        more(&store.add_filters("b.weight", shape)),
        bias(&store.add_vector("a.bias", 40, Role::bias)),
        weight(&store.add_vector("n.weight", 4000, Role::norm_weight)),
        norm_bias(&store.add_vector("n.bias", 40, Role::norm_bias)) {
    store.allocate();
    Tensor values = store.values();
    values.fill(std::numeric_limits<double>::quiet_NaN());  // nothing may survive
  }
  std::vector<double> plain(Parameter* p) { return values_of(store.to_plain(*p, store.values())); }
};

// Mean, spread and shape of a normal distribution, each within five of its own standard errors: a wrong
// distribution is far outside, and the seed is fixed, so the test is not a game of chance.
void check_normal(const std::vector<double>& values, double mean, double deviation) {
  const auto n = static_cast<double>(values.size());
  double sum = 0, squares = 0, inside = 0;
  for (const double v : values) sum += v;
  for (const double v : values) {
    squares += (v - mean) * (v - mean);
    inside += std::abs(v - mean) < deviation ? 1 : 0;
  }
  CHECK(std::abs(sum / n - mean) < 5 * deviation / std::sqrt(n));
  CHECK(std::abs(squares / n / (deviation * deviation) - 1) < 5 * std::sqrt(2 / n));
  const double share = std::erf(std::sqrt(0.5));
  CHECK(std::abs(inside / n - share) < 5 * std::sqrt(share * (1 - share) / n));
  // Neighbours are independent.
  double product = 0;
  for (std::size_t i = 1; i < values.size(); ++i) product += (values[i] - mean) * (values[i - 1] - mean);
  CHECK(std::abs(product / n) < 5 * deviation * deviation / std::sqrt(n));
}

TEST_CASE("initialise: normal, xavier and kaiming filters have the moments they promise") {
  const double gain = 0.02, taps = 16;
  for (const DType dtype : {DType::f32, DType::f64}) {
    Net net(dtype);
    initialise(net.store, InitKind::normal, gain, 1, 0);
    check_normal(net.plain(net.filters), 0, gain);
    initialise(net.store, InitKind::xavier, gain, 1, 0);
    check_normal(net.plain(net.filters), 0, gain * std::sqrt(2 / ((48 + 20) * taps)));
    initialise(net.store, InitKind::kaiming, gain, 1, 0);
    check_normal(net.plain(net.filters), 0, std::sqrt(2 / (20 * taps)));
  }
}

TEST_CASE(
    "initialise: biases are 0, normalisation weights N(1, gain) and biases 0, whatever the filters get") {
  for (const InitKind kind : kKinds) {
    Net net(DType::f32);
    initialise(net.store, kind, 0.02, 1, 0);
    CHECK(net.plain(net.bias) == std::vector<double>(40, 0.0));
    CHECK(net.plain(net.norm_bias) == std::vector<double>(40, 0.0));
    check_normal(net.plain(net.weight), 1, 0.02);
  }
}

void check_orthogonal(DType dtype, const kernels::FilterShape& shape, double tolerance) {
  CAPTURE(shape.k);
  const double gain = 1.3;
  Net net(dtype, shape);
  initialise(net.store, InitKind::orthogonal, gain, 1, 0);
  const std::vector<double> matrix = net.plain(net.filters);
  const std::int64_t k = shape.k, length = shape.c * shape.r * shape.s;
  const bool by_rows = k <= length;
  const std::int64_t vectors = by_rows ? k : length, elements = by_rows ? length : k;
  const auto at = [&](std::int64_t v, std::int64_t e) {
    return matrix[static_cast<std::size_t>(by_rows ? v * length + e : e * length + v)];
  };
  double worst = 0;
  for (std::int64_t a = 0; a < vectors; ++a)
    for (std::int64_t b = 0; b <= a; ++b) {
      double product = 0;
      for (std::int64_t e = 0; e < elements; ++e) product += at(a, e) * at(b, e);
      worst = std::max(worst, std::abs(product / (gain * gain) - (a == b ? 1 : 0)));
    }
  CHECK(worst < tolerance);
}

TEST_CASE("initialise: orthogonal filters have orthonormal rows when wide, orthonormal columns when tall") {
  for (const kernels::FilterShape& shape :
       {kernels::FilterShape{16, 3, 4, 4, 2, 1}, kernels::FilterShape{48, 3, 4, 4, 2, 1},
        kernels::FilterShape{70, 2, 3, 3, 1, 1}, kernels::FilterShape{1, 5, 3, 3, 1, 1},
        kernels::FilterShape{6, 1, 1, 1, 1, 0}}) {
    check_orthogonal(DType::f64, shape, 1e-12);
    check_orthogonal(DType::f32, shape, 1e-6);  // the rounding of the elements themselves
  }
}

TEST_CASE("initialise: float32 gets the float64 values, rounded") {
  for (const InitKind kind : kKinds) {
    Net single(DType::f32), twice(DType::f64);
    initialise(single.store, kind, 0.02, 5, 1);
    initialise(twice.store, kind, 0.02, 5, 1);
    for (const auto member : {&Net::filters, &Net::weight}) {
      std::vector<double> rounded = twice.plain(twice.*member);
      for (double& v : rounded) v = static_cast<float>(v);
      CHECK(single.plain(single.*member) == rounded);
    }
  }
}

TEST_CASE("initialise: the same seed gives the same bits, on any number of threads") {
  const int before = kernels::threads();
  for (const InitKind kind : kKinds) {
    kernels::set_threads(1);
    Net first(DType::f32);
    initialise(first.store, kind, 0.02, 9, 0);
    for (const int threads : {1, 2, 3}) {
      kernels::set_threads(threads);
      Net again(DType::f32);
      initialise(again.store, kind, 0.02, 9, 0);
      CHECK(again.plain(again.filters) == first.plain(first.filters));
      CHECK(again.plain(again.more) == first.plain(first.more));
      CHECK(again.plain(again.weight) == first.plain(first.weight));
    }
  }
  kernels::set_threads(before);
}

TEST_CASE("initialise: parameters, networks and seeds have different numbers") {
  const auto far = [](const std::vector<double>& a, const std::vector<double>& b) {
    std::size_t equal = 0;
    for (std::size_t i = 0; i < a.size(); ++i) equal += a[i] == b[i] ? 1 : 0;
    return equal * 100 < a.size();
  };
  for (const InitKind kind : kKinds) {
    Net net(DType::f64), other_network(DType::f64), other_seed(DType::f64);
    initialise(net.store, kind, 0.02, 9, 0);
    initialise(other_network.store, kind, 0.02, 9, 1);
    initialise(other_seed.store, kind, 0.02, 10, 0);
    const auto values = net.plain(net.filters);
    CHECK(far(values, net.plain(net.more)));
    CHECK(far(values, other_network.plain(other_network.filters)));
    CHECK(far(values, other_seed.plain(other_seed.filters)));
    // Nor does one network's first parameter repeat as another one's second.
    CHECK(far(net.plain(net.more), other_network.plain(other_network.filters)));
  }
}

TEST_CASE("initialise: a linear layer's matrix gets what filters of the size of its picture get") {
  for (const InitKind kind : kKinds) {
    ParameterStore filters(DType::f64), matrix(DType::f64);
    filters.add_filters("weight", {7, 3, 4, 5, 1, 0});
    matrix.add_matrix("weight", {7, 3, 4, 5, 1, 0});
    for (ParameterStore* store : {&filters, &matrix}) initialise(*store, kind, 0.5, 1, 0);
    CHECK(values_of(filters.to_plain(filters.parameters()[0], filters.values())) ==
          values_of(matrix.to_plain(matrix.parameters()[0], matrix.values())));
  }
}

TEST_CASE("initialise: filters without elements are no obstacle") {
  for (const InitKind kind : kKinds) {
    Net net(DType::f32, {0, 3, 3, 3, 1, 1});
    CHECK_NOTHROW(initialise(net.store, kind, 0.02, 1, 0));
    CHECK(net.plain(net.bias) == std::vector<double>(40, 0.0));
  }
}

}  // namespace
}  // namespace uptake::tests
