#include <fstream>
#include <string>

#include "kernels/base/device.h"

namespace uptake::kernels::cuda {
namespace {

namespace fs = std::filesystem;

std::string first_word(const fs::path& file) {
  std::string word;
  std::ifstream(file) >> word;
  return word;
}

}  // namespace

bool card_present(const fs::path& root) {
  std::error_code error;
  // The driver on Linux; the GPU of Windows under WSL.
  for (const char* sign : {"proc/driver/nvidia", "dev/nvidiactl", "dev/dxg"})
    if (fs::exists(root / sign, error)) return true;
  // A card without a driver: NVIDIA's number, and the class of a display or 3D controller.
  fs::directory_iterator device(root / "sys/bus/pci/devices", error);
  for (; !error && device != fs::directory_iterator(); device.increment(error))
    if (first_word(device->path() / "vendor") == "0x10de" &&
        first_word(device->path() / "class").starts_with("0x03"))
      return true;
  return false;
}

}  // namespace uptake::kernels::cuda
