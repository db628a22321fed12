#include <doctest/doctest.h>

#include <fstream>

#include "kernels/base/device.h"
#include "tests/support/temporary_folder.h"

using uptake::kernels::cuda::card_present;

namespace {

namespace fs = std::filesystem;

void put(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << text;
}

}  // namespace

TEST_CASE("card_present: a driver, a display controller of NVIDIA, or the GPU of Windows") {
  const TemporaryFolder root;
  CHECK_FALSE(card_present(root / "nowhere"));
  const fs::path pci = root / "machine/sys/bus/pci/devices";
  put(pci / "0000:00:02.0/vendor", "0x8086\n");  // a display controller of another maker
  put(pci / "0000:00:02.0/class", "0x030000\n");
  put(pci / "0000:01:00.1/vendor", "0x10de\n");  // a sound device of NVIDIA
  put(pci / "0000:01:00.1/class", "0x040300\n");
  fs::create_directories(pci / "0000:02:00.0");  // says nothing
  CHECK_FALSE(card_present(root / "machine"));
  put(pci / "0000:03:00.0/vendor", "0x10de\n");
  put(pci / "0000:03:00.0/class", "0x030200\n");
  CHECK(card_present(root / "machine"));

  put(root / "driver/proc/driver/nvidia/version", "x");
  CHECK(card_present(root / "driver"));
  put(root / "container/dev/nvidiactl", "");
  CHECK(card_present(root / "container"));
  put(root / "windows/dev/dxg", "");
  CHECK(card_present(root / "windows"));
}
