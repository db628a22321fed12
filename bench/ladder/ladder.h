// A ladder of kernels for one operation, the 4 x 4 convolution with stride 2 and padding 1 that halves an image in
// the U-Net and the discriminator: each rung is one file, changes one thing, and says what it changed, why that
// should help, and what it gained.
//
//   y[n,p,q,k] = sum_{i,j,c} x[n, 2 p - 1 + i, 2 q - 1 + j, c] * w[k,i,j,c]     x [n,h,w,c], y [n,h/2,w/2,k]
//
// As a matrix product: M = n p q rows (pixels of y), N = k columns, a sum over 16 c terms. No bias, no activation.
// bench/ladder/ladder_bench.cpp times the rungs; tests/cuda/ladder_test.cpp runs them in the simulator.
#pragma once
#include <cstdint>

#include "kernels/conv/conv.h"

namespace uptake::bench::ladder {

using kernels::BFloat16;
using kernels::ConvGeometry;
using kernels::cuda::StreamHandle;

/// The geometry as kernels take it.
struct Shape {
  int n, h, w, c, k;
  int p, q;  // of y
  int m;     // n p q
};

inline ConvGeometry halving(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c, std::int64_t k) {
  return {{n, h, w, c}, {k, c, 4, 4, 2, 1}};
}

inline Shape shape_of(const ConvGeometry& g) {
  const auto narrow = [](std::int64_t v) { return static_cast<int>(v); };
  const kernels::Shape4 y = g.y();
  return {narrow(g.x.n), narrow(g.x.h), narrow(g.x.w), narrow(g.x.c),
          narrow(y.c),   narrow(y.h),   narrow(y.w),   narrow(y.pixels())};
}

/// A rung: whether it can do a (halving) geometry, and the operation. x, krsc and y are packed and aligned to 16
/// bytes.
template <class T>
struct Rung {
  const char* name;
  bool (*supports)(const Shape& shape);
  void (*forward)(const Shape& shape, T* y, const T* x, const T* krsc, StreamHandle stream);
};

extern const Rung<float> kNaive, kCoalescedTile, kRegisterTiles;
extern const Rung<BFloat16> kTensorCore, kPipelined;

inline constexpr const Rung<float>* kFloatRungs[] = {&kNaive, &kCoalescedTile, &kRegisterTiles};
inline constexpr const Rung<BFloat16>* kBFloat16Rungs[] = {&kTensorCore, &kPipelined};

}  // namespace uptake::bench::ladder
