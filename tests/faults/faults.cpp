// A library for LD_PRELOAD that lets one system call of a program go wrong, so that tests choose the very moment.
//
// UPTAKE_FAULT="CALL PART NTH ACTION": the NTH time (from 1) that CALL is made for a file whose name holds PART, it does not
// do what it should. CALL: open, write, fsync, rename. ACTION:
// - kill      the program ends as by kill -9, before the call
// - torn      write: half of the bytes are written, then the program ends as by kill -9
// - vanish    open: the file is removed before it is opened
// - a number  the call fails with this errno from then on (28 is ENOSPC, 24 EMFILE, 5 EIO, 30 EROFS)
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

struct Fault {
  char call[16] = "", part[256] = "", action[16] = "";
  int nth = 0;
  std::atomic<int> seen{0};

  Fault() {
    const char* wanted = std::getenv("UPTAKE_FAULT");
    if (wanted != nullptr && std::sscanf(wanted, "%15s %255s %d %15s", call, part, &nth, action) != 4) {
      std::fprintf(stderr, "UPTAKE_FAULT is not understood: %s\n", wanted);
      std::abort();
    }
  }
};

Fault& fault() {
  static Fault one;
  return one;
}

/// Whether this call is the one, or a later one that fails alike.
bool goes_wrong(const char* call, const char* path) {
  Fault& f = fault();
  if (std::strcmp(call, f.call) != 0 || std::strstr(path, f.part) == nullptr) return false;
  const int count = ++f.seen;
  return std::atoi(f.action) > 0 ? count >= f.nth : count == f.nth;
}

bool is(const char* action) { return std::strcmp(fault().action, action) == 0; }

int failed() {
  if (is("kill") || is("torn")) ::raise(SIGKILL);
  errno = std::atoi(fault().action);
  return -1;
}

template <class Function>
Function* original(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

/// The name of an open file; empty for what has none.
std::string name_of(int descriptor) {
  char link[64], name[PATH_MAX];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t length = ::readlink(link, name, sizeof name);
  return length > 0 ? std::string(name, static_cast<std::size_t>(length)) : std::string();
}

int open_by(const char* function, const char* path, int flags, mode_t mode) {
  const auto real = original<int(const char*, int, ...)>(function);
  if (goes_wrong("open", path)) {
    if (!is("vanish")) return failed();
    ::unlink(path);
  }
  return real(path, flags, mode);
}

mode_t mode_in(int flags, va_list arguments) {
  return (flags & O_CREAT) != 0 ? static_cast<mode_t>(va_arg(arguments, int)) : 0;
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_in(flags, arguments);
  va_end(arguments);
  return open_by("open", path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_in(flags, arguments);
  va_end(arguments);
  return open_by("open64", path, flags, mode);
}

FILE* fopen(const char* path, const char* mode) {
  if (goes_wrong("open", path)) {
    if (!is("vanish")) {
      failed();
      return nullptr;
    }
    ::unlink(path);
  }
  return original<FILE*(const char*, const char*)>("fopen")(path, mode);
}

FILE* fopen64(const char* path, const char* mode) {
  if (goes_wrong("open", path)) {
    if (!is("vanish")) {
      failed();
      return nullptr;
    }
    ::unlink(path);
  }
  return original<FILE*(const char*, const char*)>("fopen64")(path, mode);
}

ssize_t write(int descriptor, const void* bytes, std::size_t count) {
  const auto real = original<ssize_t(int, const void*, std::size_t)>("write");
  if (fault().nth > 0 && goes_wrong("write", name_of(descriptor).c_str())) {
    if (is("torn")) static_cast<void>(real(descriptor, bytes, count / 2) + 0);
    return failed();
  }
  return real(descriptor, bytes, count);
}

int fsync(int descriptor) {
  if (goes_wrong("fsync", name_of(descriptor).c_str())) return failed();
  return original<int(int)>("fsync")(descriptor);
}

int rename(const char* from, const char* to) {
  if (goes_wrong("rename", to)) return failed();
  return original<int(const char*, const char*)>("rename")(from, to);
}

}  // extern "C"
