#include "io/base/file.h"

#include "io/base/private_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <tuple>
#include <utility>

namespace uptake::io {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 18;

std::string reason(int error) { return std::generic_category().message(error); }

/// Closes on scope exit; for descriptors whose close cannot lose data (opened for reading).
class ReadDescriptor {
 public:
  explicit ReadDescriptor(int descriptor) : descriptor_(descriptor) {}
  ~ReadDescriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  ReadDescriptor(const ReadDescriptor&) = delete;
  ReadDescriptor& operator=(const ReadDescriptor&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

// Names of temporary files: a process, and a number for each of its files.
constexpr std::string_view kTemporaryPrefix = ".uptake-", kTemporarySuffix = ".tmp";

std::filesystem::path temporary_name(const std::filesystem::path& folder) {
  static std::atomic<unsigned> counter{0};  // two threads must not choose the same name
  return folder / (std::string(kTemporaryPrefix) + std::to_string(::getpid()) + "-" +
                   std::to_string(counter++) + std::string(kTemporarySuffix));
}

/// The process that a temporary file is of; 0 if it is none.
pid_t process_of(const std::string& name) {
  int process = 0;
  unsigned number = 0;
  if (!name.starts_with(kTemporaryPrefix) || !name.ends_with(kTemporarySuffix)) return 0;
  const int read = std::sscanf(name.c_str() + kTemporaryPrefix.size(), "%d-%u", &process, &number);
  return read == 2 && process > 0 ? process : 0;
}

/// "1.4 GB".
std::string bytes_text(std::uintmax_t bytes) {
  const char* unit = "bytes";
  auto value = static_cast<double>(bytes);
  for (const char* larger : {"kB", "MB", "GB", "TB"}) {
    if (value < 1000) break;
    value /= 1000;
    unit = larger;
  }
  char text[32];
  std::snprintf(text, sizeof text, value < 10 && bytes >= 1000 ? "%.1f %s" : "%.0f %s", value, unit);
  return text;
}

/// Opens a new hidden file in `folder` and returns its name and descriptor (-1 with errno set on failure).
std::pair<std::filesystem::path, int> open_temporary(const std::filesystem::path& folder,
                                                     mode_t mode = 0666) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    const auto name = temporary_name(folder);
    const int descriptor = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (descriptor >= 0 || errno != EEXIST) return {name, descriptor};
  }
  return {folder, -1};
}

/// A rename is only safe from a power cut once the folder itself is on the disk.
void sync_folder(const std::filesystem::path& folder, const std::filesystem::path& path) {
  const ReadDescriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0) return;  // writable but not readable: nothing more can be done
  if (::fsync(directory.get()) != 0 && errno != EINVAL && errno != ENOTSUP && errno != EROFS) {
    throw FileError(path, "is written, but its folder cannot be flushed to the disk: " + reason(errno));
  }
}

}  // namespace

std::string read_file(const std::filesystem::path& path, std::uintmax_t limit_bytes) {
  // O_NONBLOCK: opening a pipe nobody writes to must not wait forever.
  const ReadDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) throw FileError(path, "cannot be opened for reading: " + reason(errno));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw FileError(path, "cannot be examined: " + reason(errno));
  if (S_ISDIR(status.st_mode)) throw FileError(path, "is a folder, a file was expected");
  if (!S_ISREG(status.st_mode)) throw FileError(path, "is not a regular file");
  const auto size = static_cast<std::uintmax_t>(status.st_size);
  if (size > limit_bytes) {
    throw FileError(path, "has " + std::to_string(size) + " bytes, at most " + std::to_string(limit_bytes) +
                              " were expected");
  }
  std::string bytes(static_cast<std::size_t>(size), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::read(file.get(), bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw FileError(path, "cannot be read: " + reason(errno));
    if (got == 0) {
      throw FileError(path, "ended after " + std::to_string(done) + " of " + std::to_string(size) +
                                " bytes: it changed while it was read");
    }
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

AtomicFile::AtomicFile(const std::filesystem::path& path, unsigned mode) : path_(path) {
  std::error_code ignored;
  if (!path.has_filename() || std::filesystem::is_directory(path, ignored)) {
    throw FileError(path, "is a folder, the name of a file to write was expected");
  }
  std::tie(temporary_, descriptor_) = open_temporary(folder_of(path), mode);
  if (descriptor_ < 0) throw FileError(path, "cannot be written in its folder: " + reason(errno));
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::string_view bytes) {
  if (buffer_.size() + bytes.size() <= kBufferBytes) {
    buffer_.append(bytes);
    return;
  }
  write_through(buffer_);
  buffer_.clear();
  if (bytes.size() <= kBufferBytes) {
    buffer_.append(bytes);
  } else {
    write_through(bytes);
  }
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  write(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

void AtomicFile::write_through(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(descriptor_, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail("cannot be written", errno);
    written_ += static_cast<std::uintmax_t>(put);
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
}

void AtomicFile::commit() {
  write_through(buffer_);
  buffer_.clear();
  if (::fsync(descriptor_) != 0) fail("cannot be flushed to the disk", errno);
  if (::close(std::exchange(descriptor_, -1)) != 0) fail("cannot be closed", errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("cannot be given its final name", errno);
  temporary_.clear();
  sync_folder(folder_of(path_), path_);
}

void AtomicFile::fail(const std::string& problem, int error) {
  std::string sentence = problem + ": " + reason(error);
  if (error == ENOSPC) {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
    ::unlink(temporary_.c_str());  // what it took is free again
    std::error_code unknown;
    const std::filesystem::space_info space = std::filesystem::space(folder_of(path_), unknown);
    if (!unknown)
      sentence += "; " + bytes_text(space.available) + " are free there, which " + bytes_text(written_) +
                  " and more do not fit into";
  }
  throw FileError(path_, sentence);
}

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

void write_private_file(const std::filesystem::path& path, std::string_view bytes) {
  AtomicFile file(path, 0600);
  file.write(bytes);
  file.commit();
}

void link_or_copy(const std::filesystem::path& existing, const std::filesystem::path& name) {
  const auto temporary = temporary_name(folder_of(name));
  if (::link(existing.c_str(), temporary.c_str()) == 0) {
    const int renamed = ::rename(temporary.c_str(), name.c_str()), error = errno;
    ::unlink(temporary.c_str());  // a rename onto the same file leaves both names
    if (renamed != 0) throw FileError(name, "cannot be given its final name: " + reason(error));
    sync_folder(folder_of(name), name);
    return;
  }
  // Other file systems say other things when they have no links; a copy says what is really wrong.
  const ReadDescriptor source(::open(existing.c_str(), O_RDONLY | O_CLOEXEC));
  if (source.get() < 0) throw FileError(existing, "cannot be opened for reading: " + reason(errno));
  AtomicFile copy(name);
  std::string buffer(kBufferBytes, '\0');
  for (;;) {
    const ssize_t got = ::read(source.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw FileError(existing, "cannot be read: " + reason(errno));
    if (got == 0) break;
    copy.write(std::string_view(buffer).substr(0, static_cast<std::size_t>(got)));
  }
  copy.commit();
}

void remove_leftovers(const std::filesystem::path& folder) noexcept {
  try {
    std::error_code error;
    for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
         it.increment(error)) {
      const pid_t process = process_of(it->path().filename().string());
      if (process > 0 && ::kill(process, 0) != 0 && errno == ESRCH) ::unlink(it->path().c_str());
    }
  } catch (const std::exception&) {  // they are in nobody's way
  }
}

void ensure_writable_folder(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored)) {
    throw FileError(path, error ? "cannot be created as a folder: " + error.message() : "is not a folder");
  }
  // Permission bits do not tell (read-only mounts, quotas, the superuser): try it.
  const auto [name, descriptor] = open_temporary(path);
  if (descriptor < 0) throw FileError(path, "is a folder that cannot be written to: " + reason(errno));
  ::close(descriptor);
  ::unlink(name.c_str());
}

}  // namespace uptake::io
