#include "kernels/reduce.h"

#include <bit>
#include <limits>
#include <type_traits>

#include "kernels/detail/pieces.h"

namespace uptake::kernels::cpu {

using detail::kPieceElements;
using detail::Scratch;

template <class T>
double sum(View<const T> x, std::int64_t pixels, std::int64_t c) {
  detail::check_view("sum: x", x, pixels, c);
  const std::int64_t total = pixels * c;
  if (total == 0) return 0;
  const std::int64_t stretch = x.pitch == c ? total : c;
  return detail::sum_elements(total, [=](std::int64_t first, std::int64_t last, double* terms) {
    detail::for_stretches(first, last, stretch,
                          [&](std::int64_t pixel, std::int64_t channel, std::int64_t length) {
                            const T* from = x.data + pixel * x.pitch + channel;
                            for (std::int64_t i = 0; i < length; ++i) terms[i] = from[i];
                            terms += length;
                          });
  });
}

template <class T>
void sum_pixels(T* out, Write write, View<const T> x, std::int64_t pixels, std::int64_t c) {
  detail::check_view("sum_pixels: x", x, pixels, c);
  detail::check_flat("sum_pixels: out", out, c);
  if (c == 0) return;
  const std::int64_t piece = detail::reduction_piece(c), pieces = detail::ceil_div(pixels, piece);
  double* partials = detail::scratch<double, Scratch::partials>(pieces * c);
  detail::for_pieces(pixels, piece, pixels * c, [=](std::int64_t first, std::int64_t last) {
    double* partial = partials + first / piece * c;
    T* run = detail::scratch<T, Scratch::accumulators>(c);
    std::fill(partial, partial + c, 0.0);
    for (std::int64_t begin = first; begin < last; begin += detail::kReductionRun) {
      const std::int64_t end = std::min(last, begin + detail::kReductionRun);
      std::fill(run, run + c, T(0));
      for (std::int64_t pixel = begin; pixel < end; ++pixel) {
        const T* from = x.data + pixel * x.pitch;
#pragma omp simd
        for (std::int64_t i = 0; i < c; ++i) run[i] += from[i];
      }
#pragma omp simd
      for (std::int64_t i = 0; i < c; ++i) partial[i] += static_cast<double>(run[i]);
    }
  });
  for (std::int64_t i = 0; i < c; ++i) {
    double total = write == Write::add ? static_cast<double>(out[i]) : 0.0;
    for (std::int64_t k = 0; k < pieces; ++k) total += partials[k * c + i];
    out[i] = static_cast<T>(total);
  }
}

template <class T>
bool all_finite(const T* p, std::int64_t count) {
  detail::check_flat("all_finite: p", p, count);
  if (count == 0) return true;
  // Infinities and NaNs are the numbers whose exponent bits are all set.
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  const Bits exponent = std::bit_cast<Bits>(std::numeric_limits<T>::infinity());
  Bits* bad = detail::scratch<Bits, Scratch::partials>(detail::ceil_div(count, kPieceElements));
  detail::for_pieces(count, kPieceElements, count, [=](std::int64_t first, std::int64_t last) {
    Bits any = 0;
    for (std::int64_t i = first; i < last; ++i)
      any |= (std::bit_cast<Bits>(p[i]) & exponent) == exponent ? Bits(1) : Bits(0);
    bad[first / kPieceElements] = any;
  });
  const Bits* end = bad + detail::ceil_div(count, kPieceElements);
  return std::all_of(static_cast<const Bits*>(bad), end, [](Bits any) { return any == 0; });
}

template double sum<float>(View<const float>, std::int64_t, std::int64_t);
template double sum<double>(View<const double>, std::int64_t, std::int64_t);
template void sum_pixels<float>(float*, Write, View<const float>, std::int64_t, std::int64_t);
template void sum_pixels<double>(double*, Write, View<const double>, std::int64_t, std::int64_t);
template bool all_finite<float>(const float*, std::int64_t);
template bool all_finite<double>(const double*, std::int64_t);

}  // namespace uptake::kernels::cpu
