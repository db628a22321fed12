// A ConvGeometry as kernels take it: 32-bit numbers, checked on the host to be enough. Internal to kernels/.
#pragma once
#include <initializer_list>
#include <limits>
#include <string>

#include "kernels/conv/conv.h"

namespace uptake::kernels::cuda::detail {

/// Pixels and filter elements are counted in 32 bits; elements of images are addressed in 64.
struct ConvSizes {
  int n, h, w, c;  // x [n,h,w,c]
  int p, q, k;     // y [n,p,q,k]
  int r, s, stride, pad;
};

/// Throws ShapeError if an image has 2^31 pixels or more, or the filters 2^31 elements.
inline ConvSizes conv_sizes(const ConvGeometry& g) {
  const Shape4 y = g.y();
  const FilterShape& f = g.filters;
  constexpr std::int64_t kLimit = std::numeric_limits<std::int32_t>::max();
  // Padded sizes too: kernels step over the border before they find that they are there.
  for (const std::int64_t count :
       {g.x.pixels(), y.pixels(), f.size(), g.x.n * (g.x.h + 2 * f.pad) * (g.x.w + 2 * f.pad), f.stride})
    if (count > kLimit)
      throw ShapeError("convolution: " + std::to_string(count) +
                       " pixels or filter elements, the GPU's kernels count to " + std::to_string(kLimit));
  const auto narrow = [](std::int64_t v) { return static_cast<int>(v); };
  return {narrow(g.x.n), narrow(g.x.h), narrow(g.x.w), narrow(g.x.c),    narrow(y.h),  narrow(y.w),
          narrow(f.k),   narrow(f.r),   narrow(f.s),   narrow(f.stride), narrow(f.pad)};
}

}  // namespace uptake::kernels::cuda::detail
