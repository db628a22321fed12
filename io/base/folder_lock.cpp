#include "io/base/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <system_error>
#include <utility>

namespace uptake::io {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

/// "process 812 on HOST since 2026-01-31 12:00:00 UTC".
std::string this_process() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host = {"an unknown host"};
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::array<char, 32> since{};
  std::strftime(since.data(), since.size(), "%Y-%m-%d %H:%M:%S", &utc);
  return "process " + std::to_string(::getpid()) + " on " + host.data() + " since " + since.data() + " UTC";
}

std::string holder_in(int descriptor) {
  std::array<char, 512> text{};
  const ssize_t got = ::pread(descriptor, text.data(), text.size() - 1, 0);
  std::string line(text.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  line = line.substr(0, line.find('\n'));
  return line.empty() ? "another process" : line;
}

int open_file(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  // Left over by a run of somebody else: it can be locked all the same.
  if (descriptor < 0 && errno == EACCES) return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  return descriptor;
}

bool same_file(int descriptor, const std::filesystem::path& path) {
  struct stat opened {
  }, named{};
  return ::fstat(descriptor, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

}  // namespace

FolderLock::FolderLock(const std::filesystem::path& folder) : path_(folder / ".uptake.lock") {
  for (;;) {
    descriptor_ = open_file(path_);
    if (descriptor_ < 0) throw FileError(path_, "cannot be made: " + reason(errno));
    int result = 0;
    while ((result = ::flock(descriptor_, LOCK_EX | LOCK_NB)) != 0 && errno == EINTR) {
    }
    if (result != 0) {
      const int error = errno;
      const std::string holder = holder_in(descriptor_);
      ::close(std::exchange(descriptor_, -1));
      if (error == EWOULDBLOCK) throw FolderInUse(folder, "is being written into by " + holder);
      problem_ = reason(error);
      return;
    }
    if (same_file(descriptor_, path_)) break;
    ::close(std::exchange(descriptor_, -1));  // its holder has just ended and removed it
  }
  const std::string text = this_process() + "\n";
  // Who holds it is a help for people: the lock does not depend on it.
  if (::ftruncate(descriptor_, 0) == 0)
    static_cast<void>(!::pwrite(descriptor_, text.data(), text.size(), 0));
}

FolderLock::~FolderLock() {
  if (descriptor_ < 0) return;
  ::unlink(path_.c_str());  // before it is let go: whoever has opened it sees that it is gone
  ::close(descriptor_);
}

}  // namespace uptake::io
