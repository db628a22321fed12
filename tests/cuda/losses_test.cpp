#include "kernels/pointwise_loss.h"

#include "tests/cuda/placed.h"
#include "tests/reference/losses.h"

namespace uptake::tests {
namespace {

using namespace kernels;

enum class Kind { l1, mse, bce, gan };

struct Case {
  Kind kind = Kind::l1;
  GanMode mode = GanMode::vanilla;
  GanTarget label = GanTarget::generator;
  std::int64_t pixels = 0, c = 0;
  Layout layout;
  Write write = Write::assign;
  double scale = 1;
  std::vector<double> x, target, before;

  std::string describe() const {
    std::ostringstream text;
    text << "kind " << static_cast<int>(kind) << ", mode " << static_cast<int>(mode) << ", label "
         << static_cast<int>(label) << ", [" << pixels << "," << c << "]" << layout.describe() << ", scale "
         << scale << (write == Write::add ? ", add" : ", assign");
    return text.str();
  }
  /// -x, whose terms have both signs and cancel.
  bool cancels() const {
    return kind == Kind::gan && mode == GanMode::hinge && label == GanTarget::generator;
  }
};

cuda::StreamHandle stream() { return cuda::compute_stream(); }

template <class T>
void cuda_loss(double* loss, const Case& t, View<T> dx, View<const T> x, View<const T> target) {
  switch (t.kind) {
    case Kind::l1:
      return cuda::l1_loss<T>(loss, dx, t.write, x, target, t.pixels, t.c, t.scale, stream());
    case Kind::mse:
      return cuda::mse_loss<T>(loss, dx, t.write, x, target, t.pixels, t.c, t.scale, stream());
    case Kind::bce:
      return cuda::bce_with_logits_loss<T>(loss, dx, t.write, x, target, t.pixels, t.c, t.scale, stream());
    case Kind::gan:
      return cuda::gan_loss<T>(loss, t.mode, t.label, dx, t.write, x, t.pixels, t.c, t.scale, stream());
  }
}

struct Outcome {
  double loss;
  std::vector<double> dx;
};

template <class T>
Outcome run(const Case& t) {
  const auto x = Placed<T>::input(t.pixels, t.c, t.layout, t.x);
  const auto target = Placed<T>::input(t.pixels, t.c, {0, t.layout.lead}, t.target);
  const auto dx = Placed<T>::output(t.pixels, t.c, t.layout, t.write, t.before);
  const DeviceArray<double> loss(std::vector<double>{std::nan("")});
  cuda_loss<T>(loss.data(), t, dx.view(), x.view(), target.view());
  return {loss.values()[0], dx.values()};
}

Outcome reference_outcome(const Case& t) {
  reference::Loss loss = t.kind == Kind::l1    ? reference::l1_loss(t.x, t.target)
                         : t.kind == Kind::mse ? reference::mse_loss(t.x, t.target)
                         : t.kind == Kind::bce ? reference::bce_with_logits_loss(t.x, t.target)
                                               : reference::gan_loss(t.mode, t.label, t.x);
  for (double& v : loss.gradient) v *= t.scale;
  return {loss.value, written(loss.gradient, t.write, t.before)};
}

/// The value is a double made of floats, whatever T is; the gradient is stored as T.
template <class T>
const ImplementationTable<Case>& values() {
  static const ImplementationTable<Case> table("loss",
                                               {{"reference", 0x1p-52,
                                                 [](const Case& t) {
                                                   return Results{{"loss", {reference_outcome(t).loss}}};
                                                 }},
                                                {name_of<T>(), 0x1p-23, [](const Case& t) {
                                                   return Results{{"loss", {run<T>(t).loss}}};
                                                 }}});
  return table;
}
template <class T>
const ImplementationTable<Case>& gradients() {
  static const ImplementationTable<Case> table("gradient of loss",
                                               {{"reference", 0x1p-52,
                                                 [](const Case& t) {
                                                   return Results{{"dx", reference_outcome(t).dx}};
                                                 }},
                                                {name_of<T>(), epsilon_of<T>(), [](const Case& t) {
                                                   return Results{{"dx", run<T>(t).dx}};
                                                 }}});
  return table;
}

std::vector<Case> all_losses() {
  std::vector<Case> cases(3);
  cases[1].kind = Kind::mse;
  cases[2].kind = Kind::bce;
  for (const GanMode mode : {GanMode::vanilla, GanMode::lsgan, GanMode::hinge})
    for (const GanTarget label :
         {GanTarget::discriminator_real, GanTarget::discriminator_fake, GanTarget::generator}) {
      cases.emplace_back();
      cases.back().kind = Kind::gan;
      cases.back().mode = mode;
      cases.back().label = label;
    }
  return cases;
}

template <class T>
void fill_case(Case& t, MatrixSize size) {
  t.pixels = size.pixels;
  t.c = size.c;
  t.x = rounded<T>(random_values(31, size.pixels * size.c));
  t.target = rounded<T>(random_values(32, size.pixels * size.c, 0, 1));
  t.before = rounded<T>(random_values(33, size.pixels * size.c));
  for (std::size_t i = 0; i < t.x.size(); i += 7) t.x[i] = t.target[i];  // the corner of l1
}

template <class T>
void check_value(const Case& t) {
  // 8 eps = 1e-6 of the loss: a few roundings of each term, and those of the block's tree.
  values<T>().check_all(t, {.length = 1,
                            .factor = 8,
                            .scale = t.cancels() ? 2.0 : 0.0,
                            .truth_length = static_cast<double>(t.x.size())});
}

template <class T>
void check_gradient_of(const Case& t) {
  // A few roundings of a slope of at most 5 scaled by 100 / count, and one of adding it to at most 2.
  const double scale = t.write == Write::add ? 2 : 0;
  gradients<T>().check_all(t, {.length = 1, .factor = storing_factor<T>(4), .scale = scale});
}

template <class T>
void check_sizes() {
  for (Case t : all_losses()) {
    if (t.mode != GanMode::hinge && t.kind == Kind::gan && t.label == GanTarget::generator)
      continue;  // the same as of real images; once below
    for (const MatrixSize size : {MatrixSize{1, 31}, {33, 7}, {31, 8}, {0, 5}, {5, 0}, {5, 264}})
      for (const Layout& layout : layouts(size.c)) {
        fill_case<T>(t, size);
        t.layout = layout;
        t.scale = 100;
        t.write = Write::assign;
        check_gradient_of<T>(t);
        if (layout.lead == 5) continue;
        check_value<T>(t);
        t.write = Write::add;
        check_gradient_of<T>(t);
      }
  }
}

TEST_CASE("losses: all equal the reference at odd sizes and places") {
  each_schedule([] {
    check_sizes<float>();
    check_sizes<BFloat16>();
  });
}

template <class T>
void check_many_blocks(Case t, MatrixSize size, Layout layout) {
  fill_case<T>(t, size);
  t.layout = layout;
  check_value<T>(t);
  check_gradient_of<T>(t);
}

TEST_CASE("losses: many blocks add up to the reference's value") {
  for (const Case& t : all_losses()) {
    check_many_blocks<float>(t, {701, 37}, {0, 16});
    check_many_blocks<float>(t, {701, 37}, {3, 16});
    check_many_blocks<BFloat16>(t, {2053, 24}, {0, 16});
  }
}

TEST_CASE("losses: without dx only the value is computed, the same one") {
  for (Case t : all_losses())
    for (const MatrixSize size : {MatrixSize{33, 7}, {701, 24}}) {
      fill_case<float>(t, size);
      const auto x = Placed<float>::input(t.pixels, t.c, {}, t.x);
      const auto target = Placed<float>::input(t.pixels, t.c, {}, t.target);
      const DeviceArray<double> loss(1);
      cuda_loss<float>(loss.data(), t, {}, x.view(), target.view());
      CHECK(loss.values()[0] == run<float>(t).loss);
    }
}

TEST_CASE("losses: an empty input has loss 0") {
  for (Case t : all_losses()) {
    fill_case<float>(t, {0, 5});
    CHECK(run<float>(t).loss == 0);
  }
}

/// Loss and gradient of a row of numbers.
Outcome outcome_of(Case t, const std::vector<double>& x, const std::vector<double>& target) {
  t.pixels = static_cast<std::int64_t>(x.size());
  t.c = 1;
  t.x = x;
  t.target = target;
  return run<float>(t);
}

TEST_CASE("losses: no slope where prediction and target are equal, and none at a hinge's corner") {
  Case t;
  CHECK(outcome_of(t, {1, -2, 3, 5}, {0, 0, 3, 7}).dx == std::vector<double>{0.25, -0.25, 0, -0.25});
  t.kind = Kind::gan;
  t.mode = GanMode::hinge;
  t.label = GanTarget::discriminator_real;
  const std::vector<double> x = {-2, -1, 0, 1};
  CHECK(outcome_of(t, x, x).dx == std::vector<double>{-0.25, -0.25, -0.25, 0});
  CHECK(outcome_of(t, x, x).loss == 1.5);
  t.label = GanTarget::discriminator_fake;
  CHECK(outcome_of(t, x, x).dx == std::vector<double>{0, 0, 0.25, 0.25});
  CHECK(outcome_of(t, x, x).loss == 0.75);
}

TEST_CASE("bce_with_logits_loss: extreme logits neither overflow nor lose their gradient") {
  Case t;
  t.kind = Kind::bce;
  for (const double logit : {100.0, 1000.0})
    for (const double sign : {-1.0, 1.0})
      for (const double target : {0.0, 1.0}) {
        const Outcome outcome = outcome_of(t, {sign * logit}, {target});
        const bool right = (sign > 0) == (target == 1);
        CHECK(outcome.loss == doctest::Approx(right ? 0 : logit));
        CHECK(outcome.dx[0] == doctest::Approx(right ? 0 : sign));
      }
}

TEST_CASE("losses: a NaN input makes the loss NaN") {
  for (const Case& t : all_losses()) CHECK(std::isnan(outcome_of(t, {1, std::nan(""), 2}, {0, 0, 0}).loss));
}

TEST_CASE("losses: the same bits under all schedules") {
  for (Case t : all_losses()) {
    fill_case<float>(t, {701, 37});
    check_same_bits_under_all_schedules([&] {
      const Outcome outcome = run<float>(t);
      return Results{{"loss", {outcome.loss}}, {"dx", outcome.dx}};
    });
  }
}

TEST_CASE("losses: bad arguments throw ShapeError") {
  const DeviceArray<float> a(12), b(12), d(12);
  const DeviceArray<double> value(1);
  float *const x = a.data(), *const t = b.data(), *const dx = d.data();
  const auto loss = [&](double* to, View<float> gradient, View<const float> from, View<const float> target,
                        std::int64_t pixels) {
    cuda::l1_loss<float>(to, gradient, Write::assign, from, target, pixels, 4, 1, stream());
  };
  CHECK_THROWS_AS(loss(value.data(), {dx, 3}, {x, 4}, {t, 4}, 3), ShapeError);
  CHECK_THROWS_AS(loss(value.data(), {}, {x, 3}, {t, 4}, 3), ShapeError);
  CHECK_THROWS_AS(loss(value.data(), {}, {x, 4}, {t, 3}, 3), ShapeError);
  CHECK_THROWS_AS(loss(value.data(), {}, {x, 4}, {}, 3), ShapeError);
  CHECK_THROWS_AS(loss(value.data(), {}, {x, 4}, {t, 4}, -3), ShapeError);
  CHECK_THROWS_AS(loss(nullptr, {}, {x, 4}, {t, 4}, 3), ShapeError);
}

}  // namespace
}  // namespace uptake::tests
