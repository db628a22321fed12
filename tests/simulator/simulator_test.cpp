// The simulator doing what a GPU does: kernels without bugs, under every schedule. Its error messages are tested in
// the zoo.
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <thread>

#include "tests/simulator/zoo/catch.h"
#include "tests/simulator/zoo/right.cuh"

using namespace uptake;
using namespace uptake::zoo;

namespace {

template <class Body>
void each_schedule(const Body& body) {
  for (const sim::Schedule schedule : sim::all_schedules())
    for (const std::uint64_t seed : {1, 2, 3}) {
      sim::set_schedule(schedule, seed);
      INFO("schedule " << sim::name(schedule) << ", seed " << seed);
      body();
    }
}

std::vector<int> filled(std::size_t count, int value) { return std::vector<int>(count, value); }

}  // namespace

TEST_CASE_FIXTURE(Fresh, "simulator: a sum over a block, and another one at once") {
  std::vector<float> values(1000);
  std::iota(values.begin(), values.end(), 0.0f);
  each_schedule([&] {
    const Array<float> x(values), y(3);
    CHECK(start(sum_kernel<256>, 3, 256, y.data(), static_cast<const float*>(x.data()), 1000) == cudaSuccess);
    const std::vector<float> sums = y.host();
    CHECK(sums[0] + sums[1] + sums[2] == 2 * 999 * 1000 / 2);
    CHECK(sums[1] == 2 * (256.0f * (256 + 511) / 2));
  });
}

TEST_CASE_FIXTURE(Fresh, "simulator: shuffles move what CUDA says they move") {
  each_schedule([] {
    const Array<int> y(9 * 32);
    start(shuffles_kernel, 1, 32, y.data());
    const std::vector<int> got = y.host();
    for (int lane = 0; lane < 32; ++lane) {
      INFO("lane " << lane);
      const auto of = [&](int kind) { return got[static_cast<std::size_t>(kind * 32 + lane)] - 100; };
      CHECK(of(0) == 5);
      CHECK(of(1) == lane / 8 * 8 + 3);
      CHECK(of(2) == (lane ^ 1));
      CHECK(of(3) == ((lane ^ 12) < lane / 8 * 8 + 8 ? lane ^ 12 : lane));
      CHECK(of(4) == (lane + 4 < 32 ? lane + 4 : lane));
      CHECK(of(5) == (lane % 16 + 4 < 16 ? lane + 4 : lane));
      CHECK(of(6) == (lane >= 4 ? lane - 4 : lane));
      CHECK(of(7) == (lane % 16 >= 4 ? lane - 4 : lane));
      CHECK(of(8) == 3);
    }
  });
}

TEST_CASE_FIXTURE(Fresh, "simulator: votes of a warp and of its halves") {
  each_schedule([] {
    const Array<unsigned> y(128);
    start(votes_kernel, 1, 32, y.data());
    const std::vector<unsigned> got = y.host();
    for (std::size_t lane = 0; lane < 32; ++lane) {
      CHECK(got[lane] == 0x49249249u);
      CHECK(got[32 + lane] == (lane < 16 ? 0x00005555u : 0x55550000u));
      CHECK(got[64 + lane] == (lane < 16 ? 1u : 0u));
      CHECK(got[96 + lane] == 1u);
    }
  });
}

TEST_CASE_FIXTURE(Fresh,
                  "simulator: a lane may be in two meetings one after the other, with different masks") {
  each_schedule([] {
    const Array<int> y(3);
    start(overlapping_masks_kernel, 1, 32, y.data());
    CHECK(y.host() == std::vector<int>{20, 21, 12});
  });
}

TEST_CASE_FIXTURE(Fresh, "simulator: every lane gets every lane's bytes") {
  each_schedule([] {
    const Array<double> sums(32), shuffled(32);
    start(exchange_kernel, 1, 32, sums.data(), shuffled.data());
    CHECK(sums.host() == std::vector<double>(32, 31 * 32 / 2 + 16));
    CHECK(shuffled.host()[3] == (31 - 3) / 3.0);
  });
}

TEST_CASE_FIXTURE(Fresh, "simulator: every thread of every block runs once, knowing where it is") {
  each_schedule([] {
    const dim3 grid(3, 2, 2), block(5, 3, 2);
    const Array<unsigned> y(std::vector<unsigned>(12 * 30, 7));
    start(positions_kernel, grid, block, y.data());
    const std::vector<unsigned> got = y.host();
    std::size_t at = 0;
    for (unsigned bz = 0; bz < 2; ++bz)
      for (unsigned by = 0; by < 2; ++by)
        for (unsigned bx = 0; bx < 3; ++bx)
          for (unsigned tz = 0; tz < 2; ++tz)
            for (unsigned ty = 0; ty < 3; ++ty)
              for (unsigned tx = 0; tx < 5; ++tx)
                CHECK(got[at++] == 7 + 100000 * bz + 10000 * by + 1000 * bx + 100 * tz + 10 * ty + tx);
  });
}

TEST_CASE_FIXTURE(Fresh, "simulator: a block finds shared memory full of NaN, never another block's") {
  each_schedule([] {
    const Array<int> y(filled(1, 0));
    cudaLaunchConfig_t config{4, 64, 10 * sizeof(double), nullptr, nullptr, 0};
    CHECK(cudaLaunchKernelEx(&config, fresh_shared_kernel<float>, y.data()) == cudaSuccess);
    CHECK(cudaLaunchKernelEx(&config, fresh_shared_kernel<double>, y.data()) == cudaSuccess);
    CHECK(y.host()[0] == 0);
  });
}

TEST_CASE_FIXTURE(Fresh, "simulator: the last block of a grid finishes what all blocks began") {
  each_schedule([] {
    const Array<int> parts(37), total(1);
    const Array<unsigned> finished(std::vector<unsigned>{0});
    for (int run = 0; run < 2; ++run) {
      start(last_block_kernel, 37, 64, parts.data(), finished.data(), total.data());
      CHECK(total.host()[0] == 37 * 38 / 2);
      CHECK(finished.host()[0] == 0);  // ready for the next launch
    }
  });
}

TEST_CASE_FIXTURE(Fresh, "simulator: the order of threads and blocks is the schedule's") {
  const auto order = [](sim::Schedule schedule, std::uint64_t seed) {
    sim::set_schedule(schedule, seed);
    const Array<unsigned> next(std::vector<unsigned>{0}), y(2 * 2 * 70);
    start(arrivals_kernel, 2, 70, next.data(), y.data());
    return y.host();
  };
  // Two arrivals a thread, before and after the lanes of a warp have met: what a warp does at once is visible.
  const auto turn = [&](sim::Schedule schedule, std::size_t i) { return order(schedule, 1)[i]; };
  using enum sim::Schedule;
  const auto id = [](unsigned block, unsigned thread, unsigned part) {
    return 1000 * block + 2 * thread + part;
  };
  CHECK(turn(forward, 0) == id(0, 0, 0));
  CHECK(turn(forward, 1) == id(0, 1, 0));
  CHECK(turn(reverse, 0) == id(1, 69, 0));
  CHECK(turn(reverse, 1) == id(1, 68, 0));
  CHECK(turn(warp_greedy, 31) == id(0, 31, 0));
  CHECK(turn(warp_greedy, 32) == id(0, 31, 1));
  CHECK(turn(warp_greedy, 64) == id(0, 32, 0));
  CHECK(turn(reverse_greedy, 0) == id(1, 69, 0));
  CHECK(turn(reverse_greedy, 5) == id(1, 64, 0));
  CHECK(turn(reverse_greedy, 6) == id(1, 64, 1));
  CHECK(turn(reverse_greedy, 12) == id(1, 63, 0));
  CHECK(order(shuffled, 1) == order(shuffled, 1));
  CHECK(order(shuffled, 1) != order(shuffled, 2));
  CHECK(order(shuffled, 1) != order(forward, 1));
}

TEST_CASE_FIXTURE(Fresh, "simulator: threads may leave before a barrier when that is allowed") {
  sim::allow_early_return(true);
  each_schedule([] {
    const Array<int> y(64);
    start(leaving_kernel, 1, 64, y.data(), 40u);
    const std::vector<int> got = y.host();
    CHECK(std::count(got.begin(), got.end(), 1) == 40);
    CHECK(got[40] == -1);
  });
}

TEST_CASE_FIXTURE(Fresh, "simulator: no number among the arguments is taken for a pointer") {
  const Array<int> y(1);
  std::mt19937_64 random(5);
  for (int i = 0; i < 2000; ++i) {
    const auto size =
        static_cast<int>(random() % 70000);  // as the upper half, these make the commonest addresses
    const auto bits = static_cast<float>(random() % 1000) / 7;
    const Numbers numbers{size,  static_cast<int>(random() % 4096), bits,
                          -bits, static_cast<long long>(random()),  y.data()};
    REQUIRE(start(numbers_kernel, 1, 1, numbers, bits, static_cast<long long>(random()), 5u) == cudaSuccess);
    if (i == 0) CHECK(y.host()[0] == size);
  }
}

TEST_CASE_FIXTURE(Fresh,
                  "simulator: a kernel's exception comes out of the launch, and all threads are unwound") {
  each_schedule([] {
    const Array<int> alive(filled(1, 0));
    CHECK_THROWS_AS(start(throwing_kernel, 2, 64, alive.data()), Refusal);
    CHECK(alive.host()[0] == 0);
    const Array<float> x(std::vector<float>{1});
    CHECK(start(increment_kernel, 1, 1, x.data()) == cudaSuccess);  // usable afterwards
    CHECK(x.host()[0] == 2);
  });
}

TEST_CASE_FIXTURE(Fresh, "simulator: host threads take turns") {
  std::vector<std::thread> threads;
  std::array<int, 4> wrong{};
  for (int& mine : wrong)
    threads.emplace_back([&mine] {
      const std::vector<float> ones(512, 1.0f);
      for (int i = 0; i < 50; ++i) {
        float *x = nullptr, *y = nullptr, sum = 0;
        cudaMalloc(&x, 512 * sizeof(float));
        cudaMalloc(&y, sizeof(float));
        cudaMemcpy(x, ones.data(), 512 * sizeof(float), cudaMemcpyHostToDevice);
        start(sum_kernel<64>, 1, 64, y, static_cast<const float*>(x), 512);
        cudaMemcpy(&sum, y, sizeof(float), cudaMemcpyDeviceToHost);
        if (sum != 1024) ++mine;
        cudaFree(x);
        cudaFree(y);
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::array<int, 4>{});
}

TEST_CASE_FIXTURE(Fresh, "simulator: launches are counted by kernel") {
  const Array<float> x(std::vector<float>{0});
  const Array<unsigned> y(std::vector<unsigned>(1, 0));
  for (int i = 0; i < 3; ++i) start(increment_kernel, 1, 1, x.data());
  start(positions_kernel, 1, 1, y.data());
  start(sum_kernel<32>, 1, 32, x.data(), static_cast<const float*>(x.data()), 0);
  CHECK(sim::launch_count() == 5);
  const std::map<std::string, std::size_t> counts = {{"uptake::zoo::increment_kernel", 3},
                                                     {"uptake::zoo::positions_kernel", 1},
                                                     {"uptake::zoo::sum_kernel<32>", 1}};
  CHECK(sim::launches_by_kernel() == counts);
  sim::reset();
  CHECK(sim::launch_count() == 0);
  CHECK(sim::launches_by_kernel().empty());
}

TEST_CASE_FIXTURE(Fresh, "simulator: memory is counted, starts as NaN and runs out") {
  const sim::Allocations before = sim::live_allocations();
  {
    const Array<float> x(10), y(20);
    float* pinned = nullptr;
    REQUIRE(cudaMallocHost(&pinned, 100) == cudaSuccess);
    const sim::Allocations now = sim::live_allocations();
    CHECK(now.device == before.device + 2);
    CHECK(now.device_bytes == before.device_bytes + 120);
    CHECK(now.pinned == before.pinned + 1);
    CHECK(now.pinned_bytes == before.pinned_bytes + 100);
    for (const float v : x.host()) CHECK(std::isnan(v));
    CHECK(reinterpret_cast<std::uintptr_t>(x.data()) % 256 == 0);
    cudaPointerAttributes attributes;
    CHECK(cudaPointerGetAttributes(&attributes, x.data() + 3) == cudaSuccess);
    CHECK(attributes.type == cudaMemoryTypeDevice);
    CHECK(cudaPointerGetAttributes(&attributes, pinned) == cudaSuccess);
    CHECK(attributes.type == cudaMemoryTypeHost);
    CHECK(cudaPointerGetAttributes(&attributes, &now) == cudaSuccess);
    CHECK(attributes.type == cudaMemoryTypeUnregistered);
    CHECK(cudaFreeHost(pinned) == cudaSuccess);
  }
  CHECK(sim::live_allocations().device == before.device);
  CHECK(sim::live_allocations().pinned_bytes == before.pinned_bytes);

  sim::set_device_memory(before.device_bytes + 1000);
  std::size_t free_bytes = 0, total_bytes = 0;
  CHECK(cudaMemGetInfo(&free_bytes, &total_bytes) == cudaSuccess);
  CHECK(free_bytes == 1000);
  CHECK(total_bytes == before.device_bytes + 1000);
  float* memory = nullptr;
  CHECK(cudaMalloc(&memory, 1001) == cudaErrorMemoryAllocation);
  CHECK(cudaGetLastError() == cudaErrorMemoryAllocation);
  CHECK(cudaGetLastError() == cudaSuccess);
  CHECK(cudaMalloc(&memory, 1000) == cudaSuccess);
  CHECK(cudaFree(memory) == cudaSuccess);
  CHECK(cudaMalloc(&memory, 0) == cudaSuccess);
  CHECK(memory == nullptr);
}

TEST_CASE_FIXTURE(Fresh, "simulator: intrinsics") {
  CHECK(__popc(0xf0f0u) == 8);
  CHECK(__clz(1) == 31);
  CHECK(__clz(0) == 32);
  CHECK(__ffs(0) == 0);
  CHECK(__ffs(8) == 4);
  CHECK(__brev(1u) == 0x80000000u);
  CHECK(__brev(0x0000000au) == 0x50000000u);
  CHECK(__mul24(-3, 5) == -15);
  CHECK(__mul24(0x01000002, 3) == 6);  // the upper 8 bits do not count
  CHECK(__umulhi(0x80000000u, 6u) == 3u);
  CHECK(__mulhi(-0x40000000, 8) == -2);
  CHECK(__float_as_uint(1.0f) == 0x3f800000u);
  CHECK(__uint_as_float(0xc0000000u) == -2.0f);
  CHECK(__float2int_rn(2.5f) == 2);
  CHECK(__float2int_rd(-0.5f) == -1);
  CHECK(rsqrtf(4.0f) == 0.5f);
  CHECK(__saturatef(-1) == 0.0f);
  CHECK(__saturatef(std::numeric_limits<float>::quiet_NaN()) == 0.0f);
  CHECK(__fmaf_rn(0x1.001p0f, 0x1.001p0f, -0x1.002p0f) == 0x1p-24f);  // rounded once
}
