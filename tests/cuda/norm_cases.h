// Cases of normalisation on the device: sizes, places, options, and inputs that T can hold.
#pragma once
#include "kernels/norm/norm.h"
#include "tests/cuda/placed.h"
#include "tests/reference/norm.h"

namespace uptake::tests::norm {

using namespace kernels;

constexpr double kEps = 1e-5, kMomentum = 0.1;

inline cuda::StreamHandle stream() { return cuda::compute_stream(); }

struct Case {
  NormShape shape;
  Layout layout;  // of x, dx and what belongs to the second output; the first one is packed and aligned
  bool affine = true;
  std::vector<Act> acts;
  Dropout dropout;
  Write write = Write::assign;
  Statistics statistics = Statistics::of_this_batch;
  bool step_on_device = false;
  std::vector<double> x, mean, rstd, gamma, beta, before, before_parameters;
  std::vector<std::vector<double>> dys;

  std::int64_t pixels() const { return shape.pixels(); }
  Layout layout_of(std::size_t output) const { return output == 0 ? Layout{} : layout; }
  std::string describe() const {
    std::ostringstream text;
    text << shape.groups << " groups of [" << shape.pixels_per_group << "," << shape.c << "]"
         << layout.describe() << (affine ? ", affine" : ", plain") << ", activations";
    for (const Act& act : acts) text << " " << static_cast<int>(act.kind);
    text << ", p " << dropout.p << (step_on_device ? " (step on the device)" : "")
         << (write == Write::add ? ", add" : ", assign")
         << (statistics == Statistics::given ? ", given statistics" : "");
    return text.str();
  }
};

/// Inputs that T can hold; statistics, parameters and their gradients are float whatever T is.
template <class T>
Case make_case(NormShape shape, Layout layout, std::vector<Act> acts, double p, Write write,
               Statistics statistics = Statistics::of_this_batch, bool affine = true) {
  Case t{shape,
         layout,
         affine,
         std::move(acts),
         {p, {11, 2, 3}},
         write,
         statistics,
         p > 0 && layout.lead == 16,  // with and without, in turn
         {},
         {},
         {},
         {},
         {},
         {},
         {},
         {}};
  const std::int64_t count = shape.pixels() * shape.c;
  t.x = rounded<T>(random_values(1, count));
  // In double: the gradient has one formula only where the mean is the mean.
  const reference::Moments moments = reference::norm_statistics(t.x, shape);
  t.mean = moments.mean;
  t.rstd = reference::norm_rstd(moments.var, kEps);
  if (affine) {
    t.gamma = random_values(5, shape.c, 0.5, 1.5);
    t.beta = random_values(6, shape.c, -1, 1);
  }
  t.before = rounded<T>(random_values(7, count));
  t.before_parameters = random_values(8, shape.c);
  for (std::size_t j = 0; j < t.acts.size(); ++j) t.dys.push_back(rounded<T>(random_values(9 + j, count)));
  return t;
}

/// What a call needs besides the tensors; with the step on the device, the key's own step is wrong on purpose.
struct Arguments {
  explicit Arguments(const Case& t)
      : mean(t.mean),
        rstd(t.rstd),
        gamma(t.gamma),
        beta(t.beta),
        step(std::vector<std::uint32_t>{t.dropout.key.step}),
        dropout(t.dropout) {
    if (!t.step_on_device) return;
    dropout.device_step = step.data();
    dropout.key.step += 17;
  }
  DeviceVector<float> mean, rstd, gamma, beta;
  DeviceArray<std::uint32_t> step;
  Dropout dropout;
};

/// rstd of nearly equal values is large and multiplies every rounding of x, z and dz.
inline double scale_of(const Case& t) {
  double largest = 1;
  for (const double r : t.rstd) largest = std::max(largest, r);
  return 4 * largest;
}

/// Of what is float: `factor` roundings a step of a sum of `length` terms.
inline Tolerance of_floats(const Case& t, double length) {
  return {.length = length, .factor = 8, .scale = scale_of(t)};
}

/// Of what is stored as T: the same, and for bfloat16 half a step of the largest number in addition.
template <class T>
Tolerance of_stored(const Case& t, double length) {
  if (!std::is_same_v<T, BFloat16>) return of_floats(t, length);
  return {.length = 1, .factor = storing_factor<T>(8 * std::sqrt(length) * scale_of(t)), .scale = 1};
}

inline const Act kNone{Activation::none, 0}, kRelu{Activation::relu, 0}, kLeaky{Activation::leaky_relu, 0.2};

/// One block a column and several; channels that fill packs, that do so only when pixels are folded ([.,3],
/// [.,12]), and that do not; up to four groups and more.
inline const std::vector<NormShape> kShapes = {
    {1, 1, 1},    {1, 31, 1},  {1, 1, 31}, {2, 33, 7},   {3, 7, 33},  {1, 97, 13},  {0, 5, 3}, {2, 5, 0},
    {1, 1200, 3}, {2, 64, 16}, {5, 1, 8},  {1, 40, 257}, {6, 24, 12}, {1, 33, 512}, {7, 9, 24}};
/// More rows than one block takes.
inline const std::vector<NormShape> kLargeShapes = {{1, 1111, 64}, {2, 5000, 3}, {6, 700, 16}, {1, 1536, 37}};

}  // namespace uptake::tests::norm
