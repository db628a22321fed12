// Many numbers become few: sums over pixels, and whether all are finite.
#pragma once
#include "kernels/base/device.h"
#include "kernels/base/types.h"

namespace uptake::kernels::cpu {

/// out[c] = sum over pixels of x[pixel,c] (a bias gradient), assigned or added; accumulated in double.
template <class T>
void sum_pixels(T* out, Write write, View<const T> x, std::int64_t pixels, std::int64_t c);

/// Whether every element is finite.
template <class T>
bool all_finite(const T* p, std::int64_t count);

}  // namespace uptake::kernels::cpu

namespace uptake::kernels::cuda {

/// Accumulated in compensated float, and in double between blocks; in a fixed order.
template <class T>
void sum_pixels(Accum<T>* out, Write write, View<const T> x, std::int64_t pixels, std::int64_t c,
                StreamHandle stream);

/// *result (device memory) = 1 if every element is finite, else 0.
template <class T>
void all_finite(std::uint32_t* result, const T* p, std::int64_t count, StreamHandle stream);

}  // namespace uptake::kernels::cuda
