// What is said about a GPU that cannot be used. Only the simulator can be told to have none.
#ifdef UPTAKE_SIMULATOR
#include "kernels/base/device.h"

#include <doctest/doctest.h>

#include <sstream>

#include "nn/machine.h"
#include "tests/simulator/simulator.h"

using namespace uptake;
using kernels::cuda::card_present;
using kernels::cuda::why_unavailable;

namespace {

struct WithDriver {
  explicit WithDriver(int version) { sim::set_driver(version); }
  ~WithDriver() { sim::reset(); }
  WithDriver(const WithDriver&) = delete;
  WithDriver& operator=(const WithDriver&) = delete;
};

}  // namespace

TEST_CASE("why_unavailable: no driver and a driver that is too old are told apart") {
  CHECK(why_unavailable().empty());
  {
    const WithDriver none(0);
    CHECK(why_unavailable() == "this machine has no NVIDIA driver");
  }
  {
    const WithDriver old(11080);
    CHECK(why_unavailable().find(
              "the NVIDIA driver is too old: it is for CUDA 11.8, this build needs one for") == 0);
  }
  CHECK(why_unavailable().empty());
}

TEST_CASE("choose_machine: the line about the GPU is for those who have a card, or asked for one") {
  const WithDriver none(0);
  std::ostringstream note;
  CHECK(nn::choose_machine({}, note).device == nn::Device::cpu);
  CHECK(note.str() == (card_present() ? "this machine has no NVIDIA driver; running on the CPU\n" : ""));
  CHECK_THROWS_WITH_AS(nn::choose_machine({.device = nn::DeviceChoice::cuda}, note),
                       doctest::Contains("this machine has no NVIDIA driver"), std::invalid_argument);
}
#endif
