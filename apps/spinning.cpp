#include "apps/spinning.h"

#include <sys/auxv.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace uptake::apps {

void limit_spinning(char** argv) {
  if (std::getenv("GOMP_SPINCOUNT") != nullptr || std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  // Run as "ld.so uptake", the program that /proc names is the loader.
  if (getauxval(AT_BASE) == 0) return;
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error || setenv("GOMP_SPINCOUNT", "10000", 0) != 0) return;
  execv(self.c_str(), argv);  // returns only when it fails: then this start will have to do
}

}  // namespace uptake::apps
