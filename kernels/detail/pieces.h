// How the CPU kernels share work: pieces of a fixed size, never one a thread, so that every result has the
// same bits on any number of threads. Internal to kernels/.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "kernels/base/host.h"
#include "kernels/base/types.h"
#include "kernels/detail/arguments.h"

namespace uptake::kernels::detail {

/// Elements of one piece of element-wise work: small enough for the first cache level, large against the cost
/// of starting it.
inline constexpr std::int64_t kPieceElements = 8192;
/// Below this many elements a second thread costs more than it gives.
inline constexpr std::int64_t kParallelElements = 32768;

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// body(first, last) for [0,count) cut every `piece`. `elements` is the work behind all of it. body must not
/// throw.
template <class Body>
void for_pieces(std::int64_t count, std::int64_t piece, std::int64_t elements, const Body& body) {
  const std::int64_t pieces = ceil_div(count, piece);
#pragma omp parallel for schedule(static) \
    num_threads(threads()) if (elements > kParallelElements && pieces > 1)
  for (std::int64_t i = 0; i < pieces; ++i) body(i * piece, std::min(count, (i + 1) * piece));
}

/// Cuts elements [first,last) of a [pixels,c] tensor (counted as if packed) into stretches inside one pixel:
/// body(pixel, channel, length).
template <class Body>
void for_stretches(std::int64_t first, std::int64_t last, std::int64_t c, const Body& body) {
  std::int64_t pixel = first / c, channel = first % c;
  while (first < last) {
    const std::int64_t length = std::min(last - first, c - channel);
    body(pixel, channel, length);
    first += length;
    channel = 0;
    ++pixel;
  }
}

/// What a piece of memory from scratch() is for; two uses at the same time need two names.
enum class Scratch { tables, partials, accumulators, run, mask };

/// This thread's own memory for one purpose. It grows and is kept, so that a steady training step allocates
/// nothing. Contents are undefined; valid until this thread asks for the same purpose again.
template <class T, Scratch kPurpose>
T* scratch(std::int64_t count) {
  thread_local std::vector<T> memory;
  if (static_cast<std::int64_t>(memory.size()) < count) memory.resize(static_cast<std::size_t>(count));
  return memory.data();
}

/// Sum of terms[0..count), count <= kRun, by halves: accurate, in an order that depends on nothing else.
/// Destroys terms.
inline constexpr std::int64_t kRun = 256;
inline double sum_by_halves(std::array<double, kRun>& terms, std::int64_t count) {
  for (std::int64_t i = count; i < kRun; ++i) terms[static_cast<std::size_t>(i)] = 0;
  double* t = terms.data();
  for (std::int64_t half = kRun / 2; half > 0; half /= 2) {
#pragma omp simd
    for (std::int64_t i = 0; i < half; ++i) t[i] += t[i + half];
  }
  return t[0];
}

/// Sum over elements [0,total): fill(first, last, terms) writes the terms of a run of at most kRun elements.
template <class Fill>
double sum_elements(std::int64_t total, const Fill& fill) {
  double* partials = scratch<double, Scratch::partials>(ceil_div(total, kPieceElements));
  for_pieces(total, kPieceElements, total, [&](std::int64_t first, std::int64_t last) {
    std::array<double, kRun> terms;
    double sum = 0;
    for (std::int64_t run = first; run < last; run += kRun) {
      const std::int64_t end = std::min(last, run + kRun);
      fill(run, end, terms.data());
      sum += sum_by_halves(terms, end - run);
    }
    partials[first / kPieceElements] = sum;
  });
  double sum = 0;
  for (std::int64_t i = 0; i < ceil_div(total, kPieceElements); ++i) sum += partials[i];
  return sum;
}

/// Pixels of one piece of a sum over pixels, and of one run inside it that is accumulated in T before it is
/// added to a double: short, so that float keeps its digits.
constexpr std::int64_t reduction_piece(std::int64_t c) { return std::max<std::int64_t>(32, 32768 / c); }
inline constexpr std::int64_t kReductionRun = 32;

}  // namespace uptake::kernels::detail
