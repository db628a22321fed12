#include "kernels/base/arena.h"

#include <random>

#include "tests/cuda/on_device.h"

namespace uptake::tests {
namespace {

using kernels::ArenaPlan;
using kernels::Lifetime;
using kernels::plan_arena;

bool overlap(const Lifetime& a, std::int64_t at_a, const Lifetime& b, std::int64_t at_b) {
  const bool together = a.begin < b.end && b.begin < a.end;
  return together && at_a < at_b + b.bytes && at_b < at_a + a.bytes;
}

TEST_CASE("arena: no two allocations that live together share memory, whatever the order of lives") {
  std::mt19937 random(3);
  for (int round = 0; round < 50; ++round) {
    std::vector<Lifetime> lives;
    std::int64_t most = 0;
    for (int i = 0; i < 60; ++i) {
      const auto begin = static_cast<std::int64_t>(random() % 100);
      lives.push_back({static_cast<std::int64_t>(random() % 5000), begin,
                       begin + 1 + static_cast<std::int64_t>(random() % 40)});
    }
    for (std::int64_t t = 0; t < 150; ++t) {
      std::int64_t live = 0;
      for (const Lifetime& l : lives) live += l.begin <= t && t < l.end ? l.bytes : 0;
      most = std::max(most, live);
    }
    const ArenaPlan plan = plan_arena(lives, 256);
    REQUIRE(plan.offsets.size() == lives.size());
    for (std::size_t i = 0; i < lives.size(); ++i) {
      CHECK(plan.offsets[i] % 256 == 0);
      CHECK(plan.offsets[i] + lives[i].bytes <= plan.total_bytes);
      for (std::size_t j = 0; j < i; ++j)
        CHECK_FALSE(overlap(lives[i], plan.offsets[i], lives[j], plan.offsets[j]));
    }
    CHECK(plan.total_bytes >= most);
  }
}

TEST_CASE("arena: memory of what is gone is used again") {
  const std::vector<Lifetime> lives = {{1000, 0, 2}, {1000, 2, 4}, {1000, 4, 6}};
  CHECK(plan_arena(lives, 256).total_bytes == 1024);
  CHECK(plan_arena({}, 256).total_bytes == 0);
}

// Two temporaries after each other and one that stays.
std::vector<std::byte*> run(cuda::Arena& arena, std::shared_ptr<std::byte>& stays, std::size_t bytes) {
  const cuda::ArenaScope scope(arena);
  std::vector<std::byte*> addresses;
  stays = cuda::allocate_on_device(500);
  addresses.push_back(stays.get());
  for (int i = 0; i < 2; ++i) addresses.push_back(cuda::allocate_on_device(bytes).get());
  return addresses;
}

TEST_CASE(
    "arena: from the second run on every allocation has its address, and the driver is not asked again") {
  cuda::Arena arena;
  std::shared_ptr<std::byte> stays;
  run(arena, stays, 3000);
  CHECK_FALSE(arena.steady());
  const auto second = run(arena, stays, 3000);
  CHECK(arena.steady());
  CHECK(second[1] == second[2]);
  CHECK(second[0] != second[1]);
  CHECK(arena.planned_bytes() == 512 + 3072);
  const auto allocations = cuda::device_memory().statistics().system_allocations;
  CHECK(run(arena, stays, 3000) == second);
  CHECK(arena.steady());
  CHECK(cuda::device_memory().statistics().system_allocations == allocations);
}

TEST_CASE("arena: a run of another shape is served all the same, and planned anew") {
  cuda::Arena arena;
  std::shared_ptr<std::byte> stays;
  for (int i = 0; i < 3; ++i) run(arena, stays, 3000);
  CHECK(run(arena, stays, 9000).size() == 3);
  CHECK_FALSE(arena.steady());
  run(arena, stays, 9000);
  run(arena, stays, 9000);
  CHECK(arena.steady());
  CHECK(arena.planned_bytes() == 512 + 9216);
  {  // a run that stops early is not steady
    const cuda::ArenaScope scope(arena);
    stays = cuda::allocate_on_device(500);
  }
  CHECK_FALSE(arena.steady());
}

}  // namespace
}  // namespace uptake::tests
