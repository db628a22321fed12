// The dropout mask of a stretch of elements, drawn before the loop that uses it: the CPU's way (the GPU's is
// dropout_mask.cuh). Internal to kernels/.
#pragma once
#include "kernels/base/dropout.h"

namespace uptake::kernels::detail {

/// Writes the factor of elements first..first+count: 0 where dropped, 1/(1-p) where kept.
template <class T>
void fill_dropout_mask(T* mask, const Dropout& dropout, std::int64_t first, std::int64_t count) {
  const DropoutRule rule(dropout.p);
  const std::uint32_t threshold = rule.threshold;
  const T factor = static_cast<T>(rule.factor);

  // A product, not a choice: which way a random bit falls cannot be predicted.
  const auto mask_of = [=](std::uint32_t word) { return static_cast<T>(word >= threshold) * factor; };

  const auto begin = static_cast<std::uint64_t>(first), end = begin + static_cast<std::uint64_t>(count);
  std::uint64_t i = begin;
  for (; i < end && i % 4 != 0; ++i) *mask++ = mask_of(philox_word(dropout.key, i));
  for (; i + 4 <= end; i += 4)
    for (const std::uint32_t word : philox(dropout.key, i / 4).word) *mask++ = mask_of(word);
  for (; i < end; ++i) *mask++ = mask_of(philox_word(dropout.key, i));
}

}  // namespace uptake::kernels::detail
