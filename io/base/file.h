// Errors about files, and writing that leaves nothing partial behind.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace uptake::io {

/// A file that cannot be read, written or believed. what() is one sentence: "PATH: what was found, what was
/// expected".
class FileError : public std::runtime_error {
 public:
  FileError(const std::filesystem::path& path, const std::string& problem)
      : std::runtime_error(path.string() + ": " + problem),
        parts_(std::make_shared<const Parts>(Parts{path, problem})) {}

  /// The file, as the caller named it.
  const std::filesystem::path& path() const noexcept { return parts_->path; }
  /// The sentence without the path in front of it.
  const std::string& problem() const noexcept { return parts_->problem; }

 private:
  struct Parts {
    std::filesystem::path path;
    std::string problem;
  };
  std::shared_ptr<const Parts> parts_;  // shared, since copying an exception must not throw
};

/// The whole file as bytes. Throws FileError (missing, a directory, unreadable, larger than `limit_bytes`).
std::string read_file(const std::filesystem::path& path,
                      std::uintmax_t limit_bytes = std::uintmax_t{1} << 34);

/// Writes to a temporary name in the same folder, fsyncs, renames over `path`: afterwards either the old file
/// or the whole new one is there. Throws FileError and removes the temporary file when anything fails (disk
/// full, unwritable folder).
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// The same in pieces, for files too large to be built in memory: write() as often as needed, then commit().
/// A destructor without commit() removes the temporary file and leaves the old file under `path` untouched.
/// Replaces a symbolic link by a file. Every member throws FileError; after an error only destruction is
/// allowed. A full disk is told with the space that is left on it.
class AtomicFile {
 public:
  /// `mode`: permissions of a new file, less the umask.
  explicit AtomicFile(const std::filesystem::path& path, unsigned mode = 0666);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view bytes);
  void write(std::span<const std::byte> bytes);
  /// Flushes to the disk and renames over `path`.
  void commit();

 private:
  void write_through(std::string_view bytes);
  [[noreturn]] void fail(const std::string& problem, int error);

  std::filesystem::path path_, temporary_;
  std::string buffer_;  // gathers small writes
  std::uintmax_t written_ = 0;
  int descriptor_ = -1;
};

/// Afterwards `name` has the bytes of `existing`, without taking a byte of the disk where the file system has hard links:
/// as a second name of the same file, else as a copy. An old file called `name` is replaced atomically. Throws FileError.
void link_or_copy(const std::filesystem::path& existing, const std::filesystem::path& name);

/// Removes the temporary files that processes which are no more have left in the folder, as a kill does while a file is
/// written. Whoever calls it must be the only one to write there.
void remove_leftovers(const std::filesystem::path& folder) noexcept;

/// Creates the folder and its parents; throws FileError if it cannot, or if it exists and cannot be written
/// to.
void ensure_writable_folder(const std::filesystem::path& path);

}  // namespace uptake::io
