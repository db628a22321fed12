// Fills, copies between pitches (concatenation is copying into a half), sums, and checks for finite values.
#pragma once
#include "kernels/types.h"

namespace uptake::kernels::cpu {

/// p[i] = value.
template <class T>
void fill(T* p, T value, std::int64_t count);

/// y = x or y += x, both [pixels,c] with their own pitch. No overlap.
template <class T>
void copy_channels(View<T> y, Write write, View<const T> x, std::int64_t pixels, std::int64_t c);

/// y[i] += alpha * x[i].
template <class T>
void axpy(T* y, const T* x, T alpha, std::int64_t count);

/// Sum of all elements, in double.
template <class T>
double sum(View<const T> x, std::int64_t pixels, std::int64_t c);

/// out[c] = sum over pixels of x[pixel,c] (a bias gradient), assigned or added; accumulated in double.
template <class T>
void sum_pixels(T* out, Write write, View<const T> x, std::int64_t pixels, std::int64_t c);

/// x[pixel,c] += bias[c].
template <class T>
void add_bias(View<T> x, const T* bias, std::int64_t pixels, std::int64_t c);

/// Whether every element is finite.
template <class T>
bool all_finite(const T* p, std::int64_t count);

}  // namespace uptake::kernels::cpu
