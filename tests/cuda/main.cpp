// The entry point of the tests that need the CUDA backend. Without a GPU they are one visible skip, unless
// UPTAKE_REQUIRE_GPU=1 makes that a failure. In the simulator there is always a device.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdlib>
#include <iostream>
#include <string>

#include "kernels/base/device.h"

int main(int argc, char** argv) {
  const std::string reason = uptake::kernels::cuda::why_unavailable();
  if (!reason.empty()) {
    const char* required = std::getenv("UPTAKE_REQUIRE_GPU");
    if (required != nullptr && std::string(required) == "1") {
      std::cerr << "ERROR: UPTAKE_REQUIRE_GPU is 1, but " << reason << "\n";
      return 1;
    }
    std::cout << "SKIPPED: all tests on a GPU: " << reason << "\n";
    return 77;  // ctest's sign for a skip
  }
  return doctest::Context(argc, argv).run();
}
