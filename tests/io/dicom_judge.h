// dciodvfy (dicom3tools), which knows the standard independently, as a judge of what was written.
#pragma once
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

namespace uptake::tests {

/// The lines of dciodvfy that begin with "Error"; nothing (and a visible skip) where the tool is not
/// installed. `object` is what it must have recognised the file as, so that it did check.
inline std::string violations(const std::filesystem::path& path, const std::string& object = "NMImage") {
  std::string errors;
  if (std::system("command -v dciodvfy >/dev/null 2>&1") != 0) {
    MESSAGE("SKIPPED: dciodvfy is not installed");
    return errors;
  }
  const std::string command = "dciodvfy '" + path.string() + "' 2>&1";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  REQUIRE(pipe != nullptr);
  std::string output;
  for (char buffer[4096]; fgets(buffer, sizeof buffer, pipe.get()) != nullptr;) {
    const std::string line(buffer);
    output += line;
    // SyntheticData joined the standard after the release of this dciodvfy, which says so of it and nothing
    // else.
    if (line.find("(0x0008,0x001c)") != std::string::npos) continue;
    if (line.rfind("Error", 0) == 0) errors += line;
  }
  CHECK(output.find(object) != std::string::npos);
  return errors;
}

}  // namespace uptake::tests
