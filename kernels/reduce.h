// Many numbers become few: sums of everything and over pixels, and whether all are finite.
#pragma once
#include "kernels/base/device.h"
#include "kernels/base/types.h"

namespace uptake::kernels::cpu {

/// Sum of all elements, in double.
template <class T>
double sum(View<const T> x, std::int64_t pixels, std::int64_t c);

/// out[c] = sum over pixels of x[pixel,c] (a bias gradient), assigned or added; accumulated in double.
template <class T>
void sum_pixels(T* out, Write write, View<const T> x, std::int64_t pixels, std::int64_t c);

/// Whether every element is finite.
template <class T>
bool all_finite(const T* p, std::int64_t count);

}  // namespace uptake::kernels::cpu

namespace uptake::kernels::cuda {

// Sums are accumulated in compensated float, and in double between blocks; in a fixed order.

/// *total (device memory) = sum of all elements.
template <class T>
void sum(double* total, View<const T> x, std::int64_t pixels, std::int64_t c, StreamHandle stream);

template <class T>
void sum_pixels(Accum<T>* out, Write write, View<const T> x, std::int64_t pixels, std::int64_t c,
                StreamHandle stream);

/// *result (device memory) = 1 if every element is finite, else 0.
template <class T>
void all_finite(std::uint32_t* result, const T* p, std::int64_t count, StreamHandle stream);

}  // namespace uptake::kernels::cuda
