// A folder that one process at a time may write into.
#pragma once
#include <filesystem>
#include <string>

#include "io/base/file.h"

namespace uptake::io {

/// Somebody else holds the lock; problem() says who.
struct FolderInUse : FileError {
  using FileError::FileError;
};

/// Holds the folder from construction to destruction, by an advisory lock (flock) on FOLDER/.uptake.lock, in which its
/// holder is written. The system lets go of it when a process ends, however it does: a file that is left over is in
/// nobody's way. Readers of the folder need no lock.
class FolderLock {
 public:
  /// The folder must exist. Throws FolderInUse, or FileError when the file cannot be made.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  /// Why the folder is not locked; empty if it is. Not every file system has locks.
  const std::string& problem() const { return problem_; }

 private:
  std::filesystem::path path_;
  std::string problem_;
  int descriptor_ = -1;
};

}  // namespace uptake::io
