// Element by element: fills, copies between pitches (concatenation is copying into a half), additions, conversions.
#pragma once
#include <array>

#include "kernels/base/device.h"
#include "kernels/base/types.h"

namespace uptake::kernels::cpu {

/// p[i] = value.
template <class T>
void fill(T* p, T value, std::int64_t count);

/// y = x or y += x, both [pixels,c] with their own pitch. No overlap.
template <class T>
void copy_channels(View<T> y, Write write, View<const T> x, std::int64_t pixels, std::int64_t c);

/// x[pixel,c] += bias[c]. The bias' gradient is sum_pixels (reduce.h).
template <class T>
void add_bias(View<T> x, const T* bias, std::int64_t pixels, std::int64_t c);

}  // namespace uptake::kernels::cpu

namespace uptake::kernels::cuda {

template <class T>
void fill(T* p, T value, std::int64_t count, StreamHandle stream);

template <class T>
void copy_channels(View<T> y, Write write, View<const T> x, std::int64_t pixels, std::int64_t c,
                   StreamHandle stream);

template <class T>
void add_bias(View<T> x, const Accum<T>* bias, std::int64_t pixels, std::int64_t c, StreamHandle stream);

/// y[i] = x[i] in another storage type, rounded to nearest. (To, From) = (BFloat16, float), (float, BFloat16),
/// (float, double).
template <class To, class From>
void convert(To* y, const From* x, std::int64_t count, StreamHandle stream);

/// y[i] = x[i] or y[i] += x[i].
void accumulate(float* y, Write write, const BFloat16* x, std::int64_t count, StreamHandle stream);

/// Up to 64 bytes of host memory to the device as an argument of a kernel: no pinned memory, no
/// synchronisation, and the host may change them at once. In a recorded graph the words are those of the
/// recording.
using Words = std::array<std::uint32_t, 16>;
void store_words(std::uint32_t* to, const Words& words, int count, StreamHandle stream);

}  // namespace uptake::kernels::cuda
