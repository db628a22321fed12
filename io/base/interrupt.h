// Work that can be told to end before it is done.
#pragma once
#include <atomic>
#include <stdexcept>
#include <string>

namespace uptake::io {

/// Set from elsewhere (a signal, another thread) when the work is to end; null: nobody will.
using StopFlag = const std::atomic<bool>*;

/// Ends work that was told to. Not an error of any file, so no FileError: who leaves bad files out must not leave out
/// one that was never looked at.
struct Interrupted : std::runtime_error {
  explicit Interrupted(const std::string& how_far = "stopped while the data was being read")
      : std::runtime_error(how_far) {}
};

inline void throw_if_set(StopFlag stop) {
  if (stop != nullptr && *stop) throw Interrupted();
}

}  // namespace uptake::io
