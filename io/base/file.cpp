#include "io/base/file.h"

#include "io/base/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
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

/// Opens a new hidden file in `folder` and returns its name and descriptor (-1 with errno set on failure).
std::pair<std::filesystem::path, int> open_temporary(const std::filesystem::path& folder,
                                                     mode_t mode = 0666) {
  static std::atomic<unsigned> counter{0};  // two threads must not choose the same name
  for (int attempt = 0; attempt < 100; ++attempt) {
    const auto name =
        folder / (".uptake-" + std::to_string(::getpid()) + "-" + std::to_string(counter++) + ".tmp");
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

void write_all(int descriptor, std::string_view bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(descriptor, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) throw FileError(path, "cannot be written: " + reason(errno));
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
}

/// Closes the descriptor in any case.
void rename_when_on_disk(int descriptor, const std::filesystem::path& temporary,
                         const std::filesystem::path& path) {
  const int flushed = ::fsync(descriptor) == 0 ? 0 : errno;
  const int closed = ::close(descriptor) == 0 ? 0 : errno;
  if (flushed != 0) throw FileError(path, "cannot be flushed to the disk: " + reason(flushed));
  if (closed != 0) throw FileError(path, "cannot be closed: " + reason(closed));
  if (::rename(temporary.c_str(), path.c_str()) != 0)
    throw FileError(path, "cannot be given its final name: " + reason(errno));
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

AtomicFile::AtomicFile(const std::filesystem::path& path) : path_(path) {
  std::error_code ignored;
  if (!path.has_filename() || std::filesystem::is_directory(path, ignored)) {
    throw FileError(path, "is a folder, the name of a file to write was expected");
  }
  std::tie(temporary_, descriptor_) = open_temporary(folder_of(path));
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

void AtomicFile::write_through(std::string_view bytes) { write_all(descriptor_, bytes, path_); }

void AtomicFile::commit() {
  write_through(buffer_);
  buffer_.clear();
  rename_when_on_disk(std::exchange(descriptor_, -1), temporary_, path_);
  temporary_.clear();
  sync_folder(folder_of(path_), path_);
}

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

void write_private_file(const std::filesystem::path& path, std::string_view bytes) {
  const auto [temporary, descriptor] = open_temporary(folder_of(path), 0600);
  if (descriptor < 0) throw FileError(path, "cannot be written in its folder: " + reason(errno));
  try {
    try {
      write_all(descriptor, bytes, path);
    } catch (...) {
      ::close(descriptor);
      throw;
    }
    rename_when_on_disk(descriptor, temporary, path);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  sync_folder(folder_of(path), path);
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
