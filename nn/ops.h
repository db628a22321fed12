// Differentiable operations on Vars. Each computes its result, keeps what its gradient needs, and returns.
// Shapes are [n,h,w,c]. Errors: ShapeError naming the shapes on both sides.
#pragma once
#include <vector>

#include "kernels/norm/norm.h"
#include "kernels/pointwise.h"
#include "kernels/spatial.h"
#include "nn/autograd.h"
#include "nn/parameters.h"

namespace uptake::nn {

using kernels::Act;
using kernels::Activation;
using kernels::Dropout;

/// x [n,h,w,c] with filters [k,c,r,s] -> act of [n, (h+2pad-r)/stride+1, ..., k]. bias [k] or undefined. `act`
/// is fused into the convolution, and must be one whose slope its result tells: none, relu, leaky_relu with a
/// positive slope. Throws std::logic_error for another.
Var conv2d(const Var& x, Parameter& filters, const Var& bias, const Act& act = {});

/// x [n,h,w,k] with filters [k,c,r,s] -> [n, (h-1)stride-2pad+r+output_pad, ..., c]. bias [c] or undefined.
Var conv_transpose2d(const Var& x, Parameter& filters, const Var& bias, std::int64_t output_pad);

/// One result of a fused pass: its activation and, optionally, where to write it (a half of a concatenated
/// tensor).
struct ResultSpec {
  Act act;
  Tensor into;
};

/// Activation and dropout; one or two results from the same x.
std::vector<Var> pointwise(const Var& x, std::vector<ResultSpec> results, const Dropout& dropout = {});

/// The parts of a normalisation.
struct NormState {
  Var gamma, beta;         // [1,1,1,c], undefined: 1 and 0
  bool per_image = false;  // instance normalisation: statistics of each image; batch: of the whole batch
  double eps = 1e-5;
  Tensor running_mean, running_var;  // undefined: none are kept
  double momentum = 0.1;
};

/// Where the statistics of a normalisation come from.
enum class StatisticsFrom {
  batch_updating,  // training: this batch, and the running ones follow
  batch,           // this batch
  running          // the running ones, where there are any
};

/// Normalisation, activation(s) and dropout in one pass.
std::vector<Var> norm(const Var& x, NormState& state, StatisticsFrom from, std::vector<ResultSpec> results,
                      const Dropout& dropout = {});

/// The whole of a tensor whose channel halves a and b were written in place (their values are views of
/// `whole`).
Var join(const Var& a, const Var& b, const Tensor& whole);

/// Channels of a, then channels of b, copied.
Var concat(const Var& a, const Var& b);

Var reflection_pad(const Var& x, std::int64_t pad);
enum class Interpolation { nearest, bilinear };
Var upsample(const Var& x, std::int64_t factor, Interpolation interpolation);
Var max_pool(const Var& x, const kernels::Pool& pool);
Var avg_pool(const Var& x, const kernels::Pool& pool);

// ---- functions and arithmetic of elements, for whatever loss (kernels/arithmetic.h has slopes at corners and poles)

Var relu(const Var& x);
Var leaky_relu(const Var& x, double slope = 0.2);
Var tanh(const Var& x);
Var sigmoid(const Var& x);
Var abs(const Var& x);
Var square(const Var& x);
Var sqrt(const Var& x);
Var exp(const Var& x);
Var log(const Var& x);  // natural

/// Of two Vars of one shape, type and device.
Var add(const Var& a, const Var& b);
Var operator+(const Var& a, const Var& b);
Var operator-(const Var& a, const Var& b);
Var operator*(const Var& a, const Var& b);
Var operator/(const Var& a, const Var& b);

Var operator-(const Var& x);
Var operator+(const Var& x, double number);
Var operator+(double number, const Var& x);
Var operator-(const Var& x, double number);
Var operator-(double number, const Var& x);
Var operator*(const Var& x, double number);
Var operator*(double number, const Var& x);
/// x times 1 / number.
Var operator/(const Var& x, double number);
Var operator/(double number, const Var& x);

/// Of all elements: [1,1,1,1], float32 also where x is bfloat16. The mean of nothing is 0.
Var sum(const Var& x);
Var mean(const Var& x);

}  // namespace uptake::nn
