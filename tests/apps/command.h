// Runs the uptake command as a user does and keeps what it said.
#pragma once
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "tests/support/temporary_folder.h"

struct Ran {
  int code = -1;
  std::string text;  // standard output and standard error together
  bool says(const std::string& part) const { return text.find(part) != std::string::npos; }
};

inline Ran shell(const std::string& command) {
  Ran ran;
  FILE* pipe = popen(("(" + command + ") 2>&1").c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot run " + command);
  char buffer[4096];
  for (std::size_t got = 0; (got = fread(buffer, 1, sizeof buffer, pipe)) > 0;) ran.text.append(buffer, got);
  const int status = pclose(pipe);
  ran.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ran;
}

inline Ran command(const std::string& arguments) {
  return shell(std::string("'") + UPTAKE_BINARY + "' " + arguments);
}

inline std::string quoted(const std::filesystem::path& path) { return "'" + path.string() + "'"; }
