// Checks of a normalisation's arguments, the same on both backends. Internal to kernels/.
#pragma once
#include <string>

#include "kernels/norm/norm.h"

namespace uptake::kernels::detail {

inline void check_norm_shape(const char* what, const NormShape& shape) {
  if (shape.groups < 0 || shape.pixels_per_group < 0 || shape.c < 0)
    throw ShapeError(std::string(what) + ": shape is " + std::to_string(shape.groups) + " groups of [" +
                     std::to_string(shape.pixels_per_group) + "," + std::to_string(shape.c) +
                     "], sizes must not be negative");
}

/// Running statistics are kept of one group of at least one pixel, both of them or neither.
inline void check_running(const void* running_mean, const void* running_var, const NormShape& shape) {
  if (running_mean == nullptr && running_var == nullptr) return;
  if (running_mean == nullptr || running_var == nullptr)
    throw ShapeError(
        "norm_batch_statistics: one of running_mean and running_var is null, expected both or "
        "neither");
  if (shape.groups != 1)
    throw ShapeError("norm_batch_statistics: " + std::to_string(shape.groups) +
                     " groups, but running statistics are kept of one");
  if (shape.pixels_per_group < 1)
    throw ShapeError("norm_batch_statistics: running statistics of " +
                     std::to_string(shape.pixels_per_group) + " pixels, expected at least 1");
}

}  // namespace uptake::kernels::detail
