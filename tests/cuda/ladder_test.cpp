// Every rung of the ladder of convolution kernels computes the convolution.
#include "bench/ladder/ladder.h"

#include "tests/cuda/on_device.h"
#include "tests/reference/conv.h"

namespace uptake::tests {
namespace {

using namespace bench::ladder;

template <class T>
std::vector<double> run(const Rung<T>& rung, const ConvGeometry& g, const std::vector<double>& x,
                        const std::vector<double>& krsc) {
  const DeviceVector<T> images(x), filters(krsc);
  const DeviceVector<T> y(std::vector<double>(static_cast<std::size_t>(g.y().size()), std::nan("")));
  rung.forward(shape_of(g), y.data(), images.data(), filters.data(), cuda::compute_stream());
  return y.values();
}

// 16 c products of numbers up to 2: as in tests/cuda/conv_test.cpp.
template <class T>
void check(const Rung<T>& rung, const ConvGeometry& g) {
  const bool small = g.y().size() < 1000;  // others run under one schedule
  const auto& f = g.filters;
  if (!rung.supports(shape_of(g))) return;
  const auto x = rounded<T>(random_values(1, g.x.size())), kcrs = rounded<T>(random_values(2, f.size()));
  const std::vector<double> krsc = reference::to_krsc(f, kcrs);
  const std::vector<double> truth = reference::conv_forward(g, x, kcrs, {});
  const double length = 16.0 * static_cast<double>(f.c), rounding = std::is_same_v<T, float> ? 0 : 0x1p-8;
  double largest = 2 * std::sqrt(length);
  for (const double v : truth) largest = std::max(largest, std::abs(v));
  const auto run_once = [&] {
    const std::vector<double> y = run(rung, g, x, krsc);
    REQUIRE(y.size() == truth.size());
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double bound = 4 * std::sqrt(length) * 0x1p-23 * largest + rounding * std::abs(truth[i]);
      wrong += !(std::abs(y[i] - truth[i]) <= bound);
    }
    CHECK_MESSAGE(wrong == 0, rung.name << " on [" << g.x.n << "," << g.x.h << "," << g.x.w << "," << g.x.c
                                        << "] to " << f.k << " channels: " << wrong << " wrong");
  };
  if (small)
    each_schedule(run_once);
  else
    run_once();
}

TEST_CASE("ladder: every rung equals the reference") {
  for (const ConvGeometry& g :
       {halving(1, 2, 2, 32, 2), halving(2, 7, 5, 32, 34), halving(1, 4, 6, 64, 8),
        halving(1, 24, 26, 32, 132), halving(3, 5, 4, 8, 12), halving(1, 3, 9, 3, 5)}) {
    for (const auto* rung : kFloatRungs) check(*rung, g);
    for (const auto* rung : kBFloat16Rungs) check(*rung, g);
  }
}

TEST_CASE("ladder: rungs say which shapes they can do") {
  const Shape whole = shape_of(halving(1, 8, 8, 64, 64)), colours = shape_of(halving(1, 8, 8, 3, 64));
  for (const auto* rung : kFloatRungs) CHECK(rung->supports(whole));
  for (const auto* rung : kBFloat16Rungs) CHECK(rung->supports(whole));
  CHECK(kNaive.supports(colours));
  CHECK_FALSE(kRegisterTiles.supports(colours));
  CHECK_FALSE(kPipelined.supports(colours));
}

}  // namespace
}  // namespace uptake::tests
