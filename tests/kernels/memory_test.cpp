#include "kernels/base/memory.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <random>
#include <thread>

namespace uptake::tests {
namespace {

using kernels::MemoryPool;
using Block = std::shared_ptr<std::byte>;

TEST_CASE("memory pool: every block is aligned to 64 bytes and as large as asked") {
  MemoryPool pool;
  std::vector<Block> blocks;
  for (const std::size_t bytes : {0u, 1u, 63u, 64u, 65u, 1000u, 4097u, 1u << 20}) {
    const Block& b = blocks.emplace_back(pool.allocate(bytes));
    REQUIRE(b != nullptr);
    CHECK(reinterpret_cast<std::uintptr_t>(b.get()) % 64 == 0);
    std::memset(b.get(), 0x5a, bytes);  // AddressSanitizer watches the ends
  }
  for (std::size_t i = 0; i < blocks.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) CHECK(blocks[i].get() != blocks[j].get());
}

TEST_CASE("memory pool: a released block serves the next request that it fits") {
  MemoryPool pool;
  Block block = pool.allocate(6400);
  const std::byte* place = block.get();
  block.reset();
  CHECK(pool.allocate(6400).get() == place);
  CHECK(pool.allocate(6400 * 8 / 9).get() == place);  // wastes at most an eighth of what is asked
  CHECK(pool.statistics().system_allocations == 1);
  const Block larger = pool.allocate(6401);  // does not fit
  CHECK(larger.get() != place);
  const Block much_smaller = pool.allocate(3200);  // would waste half
  CHECK(much_smaller.get() != place);
  CHECK(pool.statistics().system_allocations == 3);
}

TEST_CASE("memory pool: a block comes back only when its last owner lets go") {
  MemoryPool pool;
  Block first = pool.allocate(256);
  Block second = first;
  first.reset();
  CHECK(pool.statistics().in_use_bytes == 256);
  CHECK(pool.allocate(256).get() != second.get());
  second.reset();
  CHECK(pool.statistics().in_use_bytes == 0);
}

TEST_CASE("memory pool: statistics count blocks in use, held, and the peak") {
  MemoryPool pool;
  Block a = pool.allocate(1024), b = pool.allocate(4096);
  a.reset();
  MemoryPool::Statistics s = pool.statistics();
  CHECK(s.in_use_bytes == 4096);
  CHECK(s.held_bytes == 5120);
  CHECK(s.peak_in_use_bytes == 5120);
  b.reset();
  a = pool.allocate(1000);  // rounded to 1024: the cached block
  s = pool.statistics();
  CHECK(s.in_use_bytes == 1024);
  CHECK(s.held_bytes == 5120);
  CHECK(s.peak_in_use_bytes == 5120);
  CHECK(s.system_allocations == 2);
}

TEST_CASE("memory pool: trim returns what nobody uses and leaves the rest alone") {
  MemoryPool pool;
  const Block kept = pool.allocate(512);
  std::memset(kept.get(), 7, 512);
  pool.allocate(2048).reset();
  CHECK(pool.statistics().held_bytes == 2560);
  pool.trim();
  CHECK(pool.statistics().held_bytes == 512);
  CHECK(pool.statistics().in_use_bytes == 512);
  CHECK(std::all_of(kept.get(), kept.get() + 512, [](std::byte b) { return b == std::byte{7}; }));
  const Block again = pool.allocate(2048);
  CHECK(pool.statistics().system_allocations == 3);
  pool.trim();
  CHECK(pool.statistics().held_bytes == 2560);
}

TEST_CASE("memory pool: a request the system cannot serve throws bad_alloc and changes no statistics") {
  MemoryPool pool;
#if !defined(__SANITIZE_ADDRESS__)  // which ends the program instead
  CHECK_THROWS_AS(pool.allocate(std::size_t{1} << 62), std::bad_alloc);
#endif
  CHECK(pool.statistics().system_allocations == 0);
  CHECK(pool.statistics().held_bytes == 0);
  CHECK(pool.statistics().in_use_bytes == 0);
}

TEST_CASE("memory pool: many threads never share a block") {
  MemoryPool pool;
  std::atomic<int> overwritten{0};
  const auto work = [&](int thread) {
    std::mt19937_64 random(static_cast<std::uint64_t>(thread));
    std::vector<std::pair<Block, std::size_t>> mine;
    const auto mark = static_cast<std::byte>(thread + 1);
    for (int i = 0; i < 400; ++i) {
      const std::size_t bytes = 64 + random() % 2000;
      mine.emplace_back(pool.allocate(bytes), bytes);
      std::memset(mine.back().first.get(), thread + 1, bytes);
      if (mine.size() < 8) continue;
      const std::size_t leave = random() % mine.size();
      const auto& [block, size] = mine[leave];
      overwritten += !std::all_of(block.get(), block.get() + size, [&](std::byte b) { return b == mark; });
      mine.erase(mine.begin() + static_cast<std::ptrdiff_t>(leave));
      if (i % 100 == 99) pool.trim();
    }
  };
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) threads.emplace_back(work, t);
  for (auto& t : threads) t.join();
  CHECK(overwritten == 0);
  CHECK(pool.statistics().in_use_bytes == 0);
  CHECK(pool.statistics().peak_in_use_bytes <= 6 * 8 * (2112 + 2112 / 8));
  pool.trim();
  CHECK(pool.statistics().held_bytes == 0);
}

TEST_CASE("memory pool: the host's pool is one for the whole process") {
  CHECK(&kernels::host_memory() == &kernels::host_memory());
  const std::int64_t before = kernels::host_memory().statistics().in_use_bytes;
  const Block block = kernels::host_memory().allocate(128);
  CHECK(kernels::host_memory().statistics().in_use_bytes >= before + 128);
}

}  // namespace
}  // namespace uptake::tests
