// The bug zoo: kernels with one seeded bug each. Every bug must be caught, and the same kernel without it must pass,
// or the simulator's silence would mean nothing.
#include <cmath>
#include <numeric>

#include "tests/simulator/zoo/barriers.cuh"
#include "tests/simulator/zoo/bounds.cuh"
#include "tests/simulator/zoo/catch.h"
#include "tests/simulator/zoo/shared.cuh"
#include "tests/simulator/zoo/warps.cuh"

using namespace uptake;
using namespace uptake::zoo;

namespace {

std::vector<float> counting(int count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 0.0f);
  return values;
}

/// How many schedules give another result than the kernel without the bug, which is right under all of them.
template <class T, class Right, class Wrong>
std::size_t caught_by_values(const std::vector<T>& expected, const Right& right, const Wrong& wrong) {
  CHECK(wrong_schedules<T>(expected, right).empty());
  return wrong_schedules<T>(expected, wrong).size();
}

}  // namespace

TEST_CASE_FIXTURE(Fresh, "bug zoo: a guard with > for >=") {
  const auto run = [](auto* kernel) {
    Array<float> y(100);
    start(kernel, 1, 128, y.data(), 100);
    return y.host();
  };
  CHECK(run(guard_kernel<false>) == counting(100));
  check_report([&] { run(guard_kernel<true>); }, "use-after-poison",
               "guard_kernel<true>: wrote outside a device allocation of 400 bytes, at byte 400");
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: damage is reported once, by the launch that did it") {
  if (sim::kAddressSanitizer) return;  // ends the process
  const Array<float> y(64), z(64);
  check_failure([&] { start(guard_kernel<true>, 1, 128, z.data(), 64); }, "at byte 256");
  check_failure([&] { start(left_neighbour_kernel<true>, 1, 128, z.data(), 64); }, "at byte -4");
  check_failure([&] { start(undersized_kernel<true>, 1, 64, y.data()); }, "wrote outside shared tile");
  CHECK(failure_of([&] { start(uninitialised_kernel<false>, 1, 32, y.data()); }).empty());
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: an element of the output that nobody writes") {
  const auto run = [](auto* kernel) {
    Array<float> y(100);
    start(kernel, 1, 128, y.data(), 100);
    return y.host();
  };
  CHECK(run(unwritten_kernel<false>) == counting(100));
  CHECK(std::isnan(run(unwritten_kernel<true>)[99]));
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: a write before the first element") {
  const auto run = [](auto* kernel) {
    Array<float> y(100);
    start(kernel, 1, 128, y.data(), 100);
  };
  CHECK(report_of([&] { run(left_neighbour_kernel<false>); }).empty());
  check_report([&] { run(left_neighbour_kernel<true>); }, "use-after-poison",
               "wrote outside a device allocation of 400 bytes, at byte -4");
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: a read behind the last element") {
  const auto run = [](auto* kernel) {
    Array<float> y(100), x(counting(100));
    start(kernel, 1, 128, y.data(), x.data(), 100);
    return y.host();
  };
  CHECK(run(right_neighbour_kernel<false>)[99] == 99);
  if (sim::kAddressSanitizer)
    check_contains(report_of([&] { run(right_neighbour_kernel<true>); }), "use-after-poison");
  else
    CHECK(std::isnan(run(right_neighbour_kernel<true>)[99]));
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: 16 bytes at a misaligned address") {
  const auto run = [](auto* kernel) {
    Array<float> y(4), x(counting(8));
    start(kernel, 1, 1, y.data(), x.data());
    return y.host();
  };
  CHECK(run(misaligned_kernel<false>) == std::vector<float>{4, 5, 6, 7});
  check_contains(report_of([&] { run(misaligned_kernel<true>); }), "misaligned address");
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: a host pointer passed to a kernel") {
  std::vector<float> host(100);
  check_failure([&] { start(guard_kernel<false>, 1, 128, host.data(), 100); },
                "guard_kernel<false>: argument 0 is a host pointer");
  float local = 0;
  Array<float> y(1);
  check_failure([&] { start(right_neighbour_kernel<false>, 1, 32, y.data(), &local, 1); },
                "argument 1 is a host pointer");
  check_failure(
      [&] {
        start(structure_kernel, 1, 1, Structure{5, {y.data(), host.data()}});
      },
      "argument 0 contains a host pointer at byte 16");
  float* pinned = nullptr;
  REQUIRE(cudaMallocHost(&pinned, 400) == cudaSuccess);
  check_failure([&] { start(guard_kernel<false>, 1, 128, pinned, 100); },
                "argument 0 is a pointer to page-locked host memory");
  cudaFreeHost(pinned);
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: a pointer to freed memory") {
  float* freed = nullptr;
  REQUIRE(cudaMalloc(&freed, 400) == cudaSuccess);
  start(guard_kernel<false>, 1, 128, freed, 100);
  cudaFree(freed);
  check_failure([&] { start(guard_kernel<false>, 1, 128, freed, 100); },
                "argument 0 is a pointer to freed device memory");
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: a pointer to freed memory that lies in device memory") {
  const auto run = [](bool bug) {
    Array<float> y(1);
    float* x = nullptr;
    cudaMalloc(&x, 4);
    cudaMemset(x, 0, 4);
    Array<const float*> table(std::vector<const float*>{x});
    if (bug) cudaFree(x);
    start(pointer_table_kernel, 1, 1, y.data(), table.data());
    if (!bug) cudaFree(x);
    return y.host()[0];
  };
  CHECK(run(false) == 0);
  if (sim::kAddressSanitizer)
    check_contains(report_of([&] { run(true); }), "use-after-poison");
  else
    CHECK(std::isnan(run(true)));
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: a missing barrier between writing and reading shared memory") {
  const auto run = [](auto* kernel) {
    return [kernel] {
      Array<float> x(counting(64));
      start(kernel, 1, 64, x.data());
      return x.host();
    };
  };
  std::vector<float> expected = counting(64);
  std::reverse(expected.begin(), expected.end());
  CHECK(caught_by_values(expected, run(missing_barrier_kernel<false>), run(missing_barrier_kernel<true>)) ==
        5);
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: a missing barrier at the end of a sum over the block") {
  const auto run = [](auto* kernel) {
    return [kernel] {
      Array<float> y(128);
      start(kernel, 1, 128, y.data());
      return y.host();
    };
  };
  const std::vector<float> expected(128, 128 + 1000 * 256.0f);
  CHECK(wrong_schedules<float>(expected, run(two_sums_kernel<false>)).empty());
  // Only if a warp runs ahead of the others: this is what the greedy schedules are for.
  const std::vector<sim::Schedule> greedy = {sim::Schedule::warp_greedy, sim::Schedule::reverse_greedy};
  CHECK(wrong_schedules<float>(expected, run(two_sums_kernel<true>)) == greedy);
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: threads of a block at different barriers") {
  Array<float> y(64);
  start(divergent_barrier_kernel<false>, 1, 64, y.data());
  for (const sim::Schedule schedule : sim::all_schedules()) {
    sim::set_schedule(schedule);
    const std::string message = failure_of([&] { start(divergent_barrier_kernel<true>, 1, 64, y.data()); });
    check_contains(message, "divergent __syncthreads: waits at barriers.cuh:");
    CHECK(message.find("barriers.cuh") != message.rfind("barriers.cuh"));  // both places are named
  }
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: threads that return before a barrier") {
  Array<float> y(64);
  for (const sim::Schedule schedule : sim::all_schedules()) {
    sim::set_schedule(schedule);
    start(early_return_kernel<false>, 1, 64, y.data(), 50u);
    check_failure([&] { start(early_return_kernel<true>, 1, 64, y.data(), 50u); },
                  "__syncthreads at barriers.cuh:");
  }
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: threads that wait for each other") {
  start(deadlock_kernel<false>, 1, 64);
  const std::string message = failure_of([] { start(deadlock_kernel<true>, 1, 64); });
  check_contains(message, "deadlock");
  check_contains(message, "thread 0 in __syncthreads at barriers.cuh:");
  check_contains(message, "threads 1-31 in __syncwarp at barriers.cuh:");
  check_contains(message, "threads 32-63 in __syncthreads at barriers.cuh:");
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: a mask without the lane that calls") {
  Array<int> y(32);
  start(mask_without_caller_kernel<false>, 1, 32, y.data());
  check_failure([&] { start(mask_without_caller_kernel<true>, 1, 32, y.data()); },
                "with mask 0x0000ffff: the mask does not name the calling lane 16");
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: a mask of all lanes inside a branch") {
  Array<int> y(32);
  start(mask_of_all_in_a_branch_kernel<false>, 1, 32, y.data());
  for (const sim::Schedule schedule : sim::all_schedules()) {
    sim::set_schedule(schedule);
    check_failure([&] { start(mask_of_all_in_a_branch_kernel<true>, 1, 32, y.data()); },
                  "__shfl_xor_sync at warps.cuh:");
  }
  sim::set_schedule(sim::Schedule::forward);
  check_failure([&] { start(mask_of_all_in_a_branch_kernel<true>, 1, 32, y.data()); },
                "thread (16,0,0): returned, but __shfl_xor_sync at");
  sim::set_schedule(sim::Schedule::reverse);
  check_failure([&] { start(mask_of_all_in_a_branch_kernel<true>, 1, 32, y.data()); },
                "with mask 0xffffffff: lane 16 has returned");
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: a mask with lanes that the block does not have") {
  Array<int> y(32);
  check_failure([&] { start(mask_without_caller_kernel<false>, 1, 20, y.data()); },
                "lane 20 does not exist in this block");
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: a shuffle that reads an inactive lane") {
  Array<int> y(32);
  start(inactive_source_kernel<false>, 1, 32, y.data());
  CHECK(y.host()[15] == 3);
  check_failure([&] { start(inactive_source_kernel<true>, 1, 32, y.data()); },
                "reads lane 20, which does not take part");
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: lanes that meet at different shuffles") {
  Array<int> y(32);
  start(diverged_shuffle_kernel<false>, 1, 32, y.data());
  check_failure([&] { start(diverged_shuffle_kernel<true>, 1, 32, y.data()); }, "diverged lanes meet");
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: a missing __syncwarp") {
  const auto run = [](auto* kernel) {
    return [kernel] {
      Array<int> y(32);
      start(kernel, 1, 32, y.data());
      return y.host();
    };
  };
  std::vector<int> expected(32);
  std::iota(expected.rbegin(), expected.rend(), 0);
  CHECK(caught_by_values(expected, run(missing_syncwarp_kernel<false>), run(missing_syncwarp_kernel<true>)) ==
        5);
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: a shared array that is too small") {
  const auto run = [](auto* kernel) {
    Array<float> y(64);
    start(kernel, 1, 64, y.data());
    return y.host();
  };
  CHECK(run(undersized_kernel<false>) == counting(64));
  check_report([&] { run(undersized_kernel<true>); }, "index 63 out of bounds",
               "wrote outside shared tile (");
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: dynamic shared memory that is too small") {
  const auto run = [](std::size_t bytes) {
    Array<float> y(64);
    cudaLaunchConfig_t config{1, 64, bytes, nullptr, nullptr, 0};
    cudaLaunchKernelEx(&config, dynamic_kernel, y.data());
    return y.host();
  };
  CHECK(run(256) == counting(64));
  check_report([&] { run(252); }, "use-after-poison",
               "wrote outside dynamic shared memory of 252 bytes, at byte 252");
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: shared memory that was never set") {
  const auto run = [](auto* kernel) {
    return [kernel] {
      Array<float> y(64);
      start(kernel, 2, 32, y.data());  // the second block must not find what the first one left
      return std::vector<float>{y.host()[0]};
    };
  };
  CHECK(caught_by_values(std::vector<float>{1}, run(uninitialised_kernel<false>),
                         run(uninitialised_kernel<true>)) == 5);
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: more shared memory than a block may have") {
  Array<float> y(64);
  start(too_much_shared_kernel<false>, 1, 64, y.data());
  check_failure([&] { start(too_much_shared_kernel<true>, 1, 64, y.data()); },
                "makes it 65536 bytes, the limit is 49152");

  cudaLaunchConfig_t config{1, 64, 48 * 1024 + 16, nullptr, nullptr, 0};
  CHECK(cudaLaunchKernelEx(&config, dynamic_kernel, y.data()) == cudaErrorInvalidValue);
  check_contains(cudaGetErrorString(cudaErrorInvalidValue), "more needs cudaFuncSetAttribute");
  const auto most = cudaFuncAttributeMaxDynamicSharedMemorySize;
  CHECK(cudaFuncSetAttribute(dynamic_kernel, most, 228 * 1024) == cudaErrorInvalidValue);
  CHECK(cudaFuncSetAttribute(dynamic_kernel, most, 227 * 1024) == cudaSuccess);
  CHECK(cudaLaunchKernelEx(&config, dynamic_kernel, y.data()) == cudaSuccess);
  // 32 KiB of variables and 32 KiB of dynamic memory are each allowed, but not together.
  config.dynamicSmemBytes = 32 * 1024;
  check_failure([&] { cudaLaunchKernelEx(&config, too_much_shared_kernel<false>, y.data()); },
                "makes it 65536 bytes, the limit is 49152");
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: blocks and grids beyond the limits") {
  Array<float> y(100);
  const auto try_sizes = [&](dim3 grid, dim3 block) {
    return start(guard_kernel<false>, grid, block, y.data(), 0);
  };
  CHECK(try_sizes(1, 1024) == cudaSuccess);
  CHECK(try_sizes(1, dim3(16, 8, 8)) == cudaSuccess);
  CHECK(try_sizes(dim3(1, 1, 65535), 1) == cudaSuccess);
  CHECK(try_sizes(1, 1025) == cudaErrorInvalidConfiguration);
  check_contains(cudaGetErrorString(cudaErrorInvalidConfiguration),
                 "a block of 1025 x 1 x 1 threads, the limit is");
  for (const dim3 block : {dim3(32, 33), dim3(1, 1, 65), dim3(0)})
    CHECK(try_sizes(1, block) == cudaErrorInvalidConfiguration);
  for (const dim3 grid : {dim3(1u << 31), dim3(1, 65536), dim3(1, 1, 65536), dim3(0)})
    CHECK(try_sizes(grid, 1) == cudaErrorInvalidConfiguration);
}

TEST_CASE_FIXTURE(Fresh, "bug zoo: a sum of floats that depends on who comes first") {
  std::vector<float> values(64);
  for (std::size_t i = 0; i < 64; ++i) values[i] = std::exp(static_cast<float>(i % 13)) / 3;
  const Array<float> x(values);
  const auto run = [&](auto* kernel) {
    return [kernel, &x] {
      Array<float> y(1);
      start(kernel, 1, 64, y.data(), static_cast<const float*>(x.data()));
      return y.host();
    };
  };
  const std::vector<float> expected = {std::accumulate(values.begin(), values.end(), 0.0f)};
  CHECK(caught_by_values(expected, run(arrival_order_kernel<false>), run(arrival_order_kernel<true>)) >= 2);
}
