// How many threads the CPU operations use, whichever thread of a program calls them.
#include <omp.h>

#include <filesystem>
#include <thread>

#include "kernels/base/host.h"
#include "nn/init.h"
#include "nn/layers.h"
#include "tests/support/tensors.h"

namespace uptake::tests {
namespace {

namespace fs = std::filesystem;
using namespace nn;
using kernels::set_threads;

std::ptrdiff_t threads_of_this_process() {
  return std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator());
}

// With how many threads an operation ran on a thread of the user's own, that one included.
std::ptrdiff_t used_by(const std::function<void()>& operation) {
  std::ptrdiff_t count = 0;
  std::thread([&] {
    const std::ptrdiff_t before = threads_of_this_process();
    operation();
    count = threads_of_this_process() - before + 1;
  }).join();
  // OpenMP's threads end some time after the one they worked for.
  static const std::ptrdiff_t others = threads_of_this_process();
  for (int wait = 0; wait < 1000 && threads_of_this_process() > others; ++wait)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return count;
}

void activate() {
  pointwise(Var(Tensor::full({4, 64, 64, 16}, DType::f32, 0.5)), {{{Activation::tanh}, {}}});
}

void convolve(DType dtype) {
  ParameterStore store(dtype);
  const Conv2d conv(store, "conv", {.in = 16, .out = 16, .kernel = 3, .stride = 1});
  conv.forward(Var(Tensor::full({4, 32, 32, 16}, dtype, 0.5)));
}

void set_initial_values() {
  ParameterStore store(DType::f32);
  const Conv2d conv(store, "conv", {.in = 16, .out = 16});
  initialise(store, InitKind::orthogonal, 1, 1, 0);
}

const std::pair<const char*, std::function<void()>> kOperations[] = {
    {"pointwise", activate},
    {"convolution, float32", [] { convolve(DType::f32); }},
    {"convolution, float64", [] { convolve(DType::f64); }},
    {"initialise", set_initial_values}};

TEST_CASE("set_threads: every operation on every thread uses so many") {
  const int before = kernels::threads();
  used_by([] {});
  for (const int count : {1, 3, 2}) {
    CAPTURE(count);
    CHECK(set_threads(count) == count);
    int seen = 0;
    std::thread([&] { seen = kernels::threads(); }).join();
    CHECK(seen == count);
    for (const auto& [name, operation] : kOperations) {
      CAPTURE(std::string(name));
      CHECK(used_by(operation) == count);
    }
  }
  set_threads(before);
}

TEST_CASE("set_threads: the OpenMP setting of the program that calls is left alone") {
  const int before = kernels::threads();
  int after = 0;
  std::thread([&] {
    omp_set_num_threads(5);
    set_threads(2);
    for (const auto& [name, operation] : kOperations) operation();
    after = omp_get_max_threads();
  }).join();
  CHECK(after == 5);
  set_threads(before);
}

TEST_CASE("set_threads: 0 is one for each core") {
  const int before = kernels::threads();
  CHECK(set_threads(0) == omp_get_num_procs());
  CHECK(kernels::threads() == omp_get_num_procs());
  set_threads(before);
}

}  // namespace
}  // namespace uptake::tests
