// How the zoo asks whether a bug was caught.
#pragma once
#include <cuda_runtime.h>
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/simulator/sanitizer.h"
#include "tests/simulator/simulator.h"

namespace uptake::zoo {

/// The message of the Failure that `run` ends with; empty when it ends well.
inline std::string failure_of(const std::function<void()>& run) {
  try {
    run();
  } catch (const sim::Failure& failure) {
    return failure.what();
  }
  return {};
}

/// The same in a child process, for bugs that a sanitizer reports by ending the process: what it said.
inline std::string report_of(const std::function<void()>& run) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    const std::string message = failure_of(run);
    if (write(ends[1], message.data(), message.size()) < 0) _exit(2);
    _exit(message.empty() ? 0 : 1);
  }
  close(ends[1]);
  std::string report;
  char piece[4096];
  for (ssize_t got; (got = read(ends[0], piece, sizeof piece)) > 0;)
    report.append(piece, static_cast<std::size_t>(got));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  const bool ended_well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (ended_well != report.empty()) report += " (status " + std::to_string(status) + ")";
  return ended_well ? std::string() : report;
}

inline void check_contains(const std::string& text, const std::string& part) {
  CHECK_MESSAGE(text.find(part) != std::string::npos,
                "\"" << text << "\" does not contain \"" << part << "\"");
}

/// Caught by the simulator in every build.
inline void check_failure(const std::function<void()>& run, const std::string& message) {
  check_contains(failure_of(run), message);
}

/// Caught by a sanitizer if there is one, else by the simulator.
inline void check_report(const std::function<void()>& run, const std::string& sanitizer,
                         const std::string& simulator) {
  check_contains(report_of(run), sim::kAddressSanitizer ? sanitizer : simulator);
}

/// Device memory for a test.
template <class T>
class Array {
 public:
  explicit Array(std::size_t count) : count_(count) {
    REQUIRE(cudaMalloc(&data_, count * sizeof(T)) == cudaSuccess);
  }
  explicit Array(const std::vector<T>& values) : Array(values.size()) {
    REQUIRE(cudaMemcpy(data_, values.data(), bytes(), cudaMemcpyHostToDevice) == cudaSuccess);
  }
  ~Array() { cudaFree(data_); }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;

  T* data() const { return data_; }
  std::size_t bytes() const { return count_ * sizeof(T); }
  std::vector<T> host() const {
    std::vector<T> values(count_);
    REQUIRE(cudaMemcpy(values.data(), data_, bytes(), cudaMemcpyDeviceToHost) == cudaSuccess);
    return values;
  }

 private:
  T* data_ = nullptr;
  std::size_t count_;
};

/// Launches on the default stream.
template <class... Parameters, class... Arguments>
cudaError_t start(void (*kernel)(Parameters...), dim3 grid, dim3 block, Arguments... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  return cudaLaunchKernelEx(&config, kernel, arguments...);
}

/// Under which schedules `run` gives something else than expected.
template <class T>
std::vector<sim::Schedule> wrong_schedules(const std::vector<T>& expected,
                                           const std::function<std::vector<T>()>& run) {
  std::vector<sim::Schedule> wrong;
  for (const sim::Schedule schedule : sim::all_schedules()) {
    sim::set_schedule(schedule);
    if (run() != expected) wrong.push_back(schedule);
  }
  sim::set_schedule(sim::Schedule::forward);
  return wrong;
}

/// Every test starts and ends with a simulator in its first state.
struct Fresh {
  Fresh() { sim::reset(); }
  ~Fresh() { sim::reset(); }
};

}  // namespace uptake::zoo
