// What the kernels of normalisation share. Internal to kernels/.
#pragma once
#include "kernels/detail/dropout_mask.cuh"
#include "kernels/detail/rows.cuh"
#include "kernels/norm/norm.h"
#include "kernels/norm/norm_checks.h"

namespace uptake::kernels::cuda {

/// Statistics [groups,c] and parameters [c] of a normalisation; gamma and beta may be null.
struct NormParameters {
  const float *mean, *rstd, *gamma, *beta;
};

/// z = (x - mean) * scale + shift for the channels of one pack. Subtracting first keeps the digits of data far
/// from zero. Forward and backward must find the same z to the last bit: which side of a kink it is on counts.
template <int V>
struct Affine {
  float mean[V], scale[V], shift[V];

  __device__ Affine(const NormParameters& parameters, const Walk& walk, std::int64_t group, int column) {
    float gamma[V];
    load_channels(mean, parameters.mean + group * walk.channels, walk, column, 0);
    load_channels(scale, parameters.rstd + group * walk.channels, walk, column, 0);
    load_channels(gamma, parameters.gamma, walk, column, 1);
    load_channels(shift, parameters.beta, walk, column, 0);
#pragma unroll
    for (int j = 0; j < V; ++j) scale[j] *= gamma[j];
  }
  /// z of channel j from x - mean.
  __device__ float z(float off_mean, int j) const { return off_mean * scale[j] + shift[j]; }
};

/// The walk over the groups of a normalisation followed by one or two activations. A normalisation followed by
/// tanh or sigmoid is in none of the networks: it does without packs, and they without half the kernels.
template <class T>
Walking walk_over(const NormShape& shape, const Act& first, const Act* second,
                  std::initializer_list<View<const T>> views) {
  return walk_over<T>(shape.groups, shape.pixels_per_group, shape.c, views, all_straight(first, second));
}

}  // namespace uptake::kernels::cuda
