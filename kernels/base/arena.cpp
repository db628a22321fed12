#include "kernels/base/arena.h"

#include <algorithm>
#include <numeric>

namespace uptake::kernels {

ArenaPlan plan_arena(std::span<const Lifetime> lifetimes, std::int64_t alignment) {
  const auto size_of = [&](std::size_t i) {
    return (lifetimes[i].bytes + alignment - 1) / alignment * alignment;
  };
  std::vector<std::size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return size_of(a) > size_of(b); });

  ArenaPlan plan;
  plan.offsets.assign(lifetimes.size(), 0);
  std::vector<std::size_t> placed;  // by offset
  for (const std::size_t i : order) {
    std::int64_t offset = 0;
    for (const std::size_t other : placed) {
      const bool together =
          lifetimes[other].begin < lifetimes[i].end && lifetimes[i].begin < lifetimes[other].end;
      if (!together) continue;
      if (offset + size_of(i) <= plan.offsets[other]) break;  // fits into the gap before it
      offset = std::max(offset, plan.offsets[other] + size_of(other));
    }
    plan.offsets[i] = offset;
    plan.total_bytes = std::max(plan.total_bytes, offset + size_of(i));
    const auto place =
        std::ranges::upper_bound(placed, offset, {}, [&](std::size_t k) { return plan.offsets[k]; });
    placed.insert(place, i);
  }
  return plan;
}

}  // namespace uptake::kernels
