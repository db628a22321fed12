// What the fuzz targets share: a file to read from, and what every reader of a hostile file owes its caller.
//
// A target is a function of bytes. clang's libFuzzer calls it millions of times with bytes it has changed to reach new
// code (UPTAKE_FUZZ, scripts/fuzz); in every other build replay.cpp calls it with the files under seeds/.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "io/base/file.h"
#include "tests/support/temporary_folder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace uptake::tests {

/// Ends the program, which is how a target says that something is wrong.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

/// Whether `act` returns. Throwing the exception with which a file is refused is the other thing it may do, if its
/// sentence names something and cannot send commands to a terminal; any other exception ends the program.
template <class Refusal, class Act>
bool accepts(const Act& act) {
  try {
    act();
    return true;
  } catch (const Refusal& refusal) {
    const std::string_view text = refusal.what();
    require(!text.empty(), "a refusal says why");
    for (const char c : text)
      if ((c >= 0 && c < 0x20) || c == 0x7f) {
        std::fprintf(stderr, "%s\n", refusal.what());
        require(false, "a refusal has no control characters");
      }
    return false;
  }
}

inline std::string_view view_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// The bytes as a file of this name, in a folder that every call reuses (TMPDIR says where; scripts/fuzz keeps it in
/// memory).
inline std::filesystem::path put_file(const std::string& name, std::string_view bytes) {
  static const TemporaryFolder folder;
  const auto path = folder / name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

}  // namespace uptake::tests
