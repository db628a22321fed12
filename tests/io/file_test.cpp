#include "io/base/file.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "io/base/private_file.h"
#include "tests/io/test_files.h"

using namespace uptake::io;
using namespace uptake::tests;
using Names = std::vector<std::string>;

namespace {

/// Writing beyond `bytes` fails as it does on a full disk, for as long as this lives.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  void (*handler_)(int);
  rlimit before_{};
};

}  // namespace

TEST_CASE("FileError: keeps path and problem apart, whatever colons they hold, also when copied and caught") {
  const FileError made("a: b/c.png", "is damaged: 3 of 4");
  try {
    const FileError copy = made;
    throw copy;
  } catch (const std::runtime_error& caught) {
    CHECK(caught.what() == std::string("a: b/c.png: is damaged: 3 of 4"));
    const auto& error = dynamic_cast<const FileError&>(caught);
    CHECK(error.path() == "a: b/c.png");
    CHECK(error.problem() == "is damaged: 3 of 4");
  }
  static_assert(std::is_nothrow_copy_constructible_v<FileError>);
}

TEST_CASE("write_file_atomically: what is written is read back, and nothing else is left in the folder") {
  const TestFolder folder;
  const std::string bytes("a\0b\r\n\xff", 6);
  write_file_atomically(folder / "x", bytes);
  CHECK(read_file(folder / "x") == bytes);
  write_file_atomically(folder / "x", "");
  CHECK(read_file(folder / "x").empty());
  CHECK(folder.names() == Names{"x"});
}

TEST_CASE("write_file_atomically: a path without a folder goes into the current one") {
  const TestFolder folder;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder / "");
  write_file_atomically("plain", "1");
  std::filesystem::current_path(before);
  CHECK(contents(folder / "plain") == "1");
}

TEST_CASE("write_file_atomically: a folder that cannot be written to is one sentence") {
  const TestFolder folder;
  folder.put("file", "");
  for (const auto& path :
       {folder / "file" / "x", std::filesystem::path("/proc/uptake_x"), folder / "absent" / "x"}) {
    CAPTURE(path);
    const std::string text = message_of<FileError>([&] { write_file_atomically(path, "1"); });
    CHECK(text.starts_with(path.string() + ": cannot be written in its folder: "));
    CHECK(text.find('\n') == std::string::npos);
  }
}

TEST_CASE("write_file_atomically: a folder in place of the file is refused") {
  const TestFolder folder;
  std::filesystem::create_directory(folder / "taken");
  CHECK_THROWS_AS(write_file_atomically(folder / "taken", "1"), FileError);
  CHECK_THROWS_AS(write_file_atomically(folder / "", "1"), FileError);
  CHECK_THROWS_AS(write_file_atomically("", "1"), FileError);
  CHECK(folder.names() == Names{"taken"});
}

TEST_CASE("write_file_atomically: when the disk is full the old file stays and the temporary one goes") {
  const TestFolder folder;
  folder.put("x", "old");
  const std::string large(300'000, 'n');
  {
    const FileSizeLimit limit(100'000);
    CHECK_THROWS_AS(write_file_atomically(folder / "x", large), FileError);
  }
  CHECK(contents(folder / "x") == "old");
  CHECK(folder.names() == Names{"x"});
}

TEST_CASE("write_private_file: for its owner alone, also where an open file was") {
  const TestFolder folder;
  const auto path = folder.put("key.csv", "open");
  const mode_t before = ::umask(0);
  write_private_file(path, "secret");
  ::umask(before);
  CHECK(contents(path) == "secret");
  CHECK(std::filesystem::status(path).permissions() ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  CHECK(folder.names() == std::vector<std::string>{"key.csv"});
  CHECK_THROWS_AS(write_private_file(folder / "none/key.csv", "x"), FileError);
  std::filesystem::create_directory(folder / "folder");
  CHECK_THROWS_AS(write_private_file(folder / "folder", "x"), FileError);
  CHECK(folder.names() == std::vector<std::string>{"folder", "key.csv"});
}

TEST_CASE("write_file_atomically: of two writers at once one wins whole") {
  const TestFolder folder;
  const std::string a(200'000, 'a'), b(200'000, 'b');
  const auto repeat = [&](const std::string& bytes) {
    for (int i = 0; i < 20; ++i) write_file_atomically(folder / "x", bytes);
  };
  std::thread other([&] { repeat(b); });
  repeat(a);
  other.join();
  const std::string result = contents(folder / "x");
  CHECK((result == a || result == b));
  CHECK(folder.names() == Names{"x"});
}

TEST_CASE("AtomicFile: pieces of every size arrive in order") {
  const TestFolder folder;
  std::string expected;
  AtomicFile out(folder / "x");
  for (const std::size_t size : {0u, 1u, 5000u, 262'144u, 262'145u, 7u, 600'000u, 3u}) {
    const std::string piece(size, static_cast<char>('a' + expected.size() % 26));
    out.write(piece);
    expected += piece;
  }
  out.commit();
  CHECK((contents(folder / "x") == expected));
}

TEST_CASE("AtomicFile: without commit the old file stays and nothing is left behind") {
  const TestFolder folder;
  folder.put("x", "old");
  {
    AtomicFile out(folder / "x");
    out.write(std::string(1'000'000, 'n'));
  }
  CHECK(contents(folder / "x") == "old");
  CHECK(folder.names() == Names{"x"});
}

TEST_CASE("read_file: what is not a readable file is refused by name") {
  const TestFolder folder;
  CHECK(message_of<FileError>([&] { read_file(folder / "absent"); }).find("absent: cannot be opened") !=
        std::string::npos);
  CHECK(message_of<FileError>([&] { read_file(folder / ""); }).find("is a folder") != std::string::npos);
  CHECK(message_of<FileError>([&] { read_file("/dev/zero"); }).find("not a regular file") !=
        std::string::npos);
}

TEST_CASE("read_file: the limit counts in whole bytes") {
  const TestFolder folder;
  folder.put("x", "12345");
  CHECK(read_file(folder / "x", 5) == "12345");
  CHECK(message_of<FileError>([&] { read_file(folder / "x", 4); }).find("has 5 bytes, at most 4") !=
        std::string::npos);
}

TEST_CASE("ensure_writable_folder: creates parents and leaves nothing in the folder") {
  const TestFolder folder;
  ensure_writable_folder(folder / "a" / "b");
  CHECK(std::filesystem::is_empty(folder / "a" / "b"));
  ensure_writable_folder(folder / "a");
  CHECK(folder.names() == Names{"a"});
}

TEST_CASE("ensure_writable_folder: refuses a file in its place and a folder it cannot write to") {
  const TestFolder folder;
  folder.put("file", "");
  CHECK_THROWS_AS(ensure_writable_folder(folder / "file"), FileError);
  CHECK_THROWS_AS(ensure_writable_folder(folder / "file" / "below"), FileError);
  CHECK(message_of<FileError>([] { ensure_writable_folder("/proc"); }).find("cannot be written to") !=
        std::string::npos);
}

TEST_CASE("link_or_copy: a second name of the same file, which a new first one leaves alone") {
  const TestFolder folder;
  write_file_atomically(folder / "last", "one");
  folder.put("best", "old");
  link_or_copy(folder / "last", folder / "best");
  CHECK(std::filesystem::equivalent(folder / "last", folder / "best"));
  link_or_copy(folder / "last", folder / "best");  // a rename onto the same file would leave a third name
  CHECK(folder.names() == Names{"best", "last"});
  write_file_atomically(folder / "last", "two");
  CHECK(contents(folder / "best") == "one");
  CHECK_THROWS_AS(link_or_copy(folder / "absent", folder / "best"), FileError);
  CHECK(contents(folder / "best") == "one");
  CHECK(folder.names() == Names{"best", "last"});
}

TEST_CASE("link_or_copy: where there can be no link, all bytes are copied") {
  const std::filesystem::path other = "/dev/shm";  // another file system, in general
  struct stat here {
  }, there{};
  const TestFolder folder;
  if (stat((folder / "").c_str(), &here) != 0 || stat(other.c_str(), &there) != 0 ||
      here.st_dev == there.st_dev) {
    MESSAGE("SKIPPED: no second file system");
    return;
  }
  std::string bytes(1000003, 'x');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31 >> 3);
  const auto source = other / ("uptake_link_test_" + std::to_string(::getpid()));
  write_file_atomically(source, bytes);
  link_or_copy(source, folder / "copy");
  std::filesystem::remove(source);
  CHECK((contents(folder / "copy") == bytes));
  CHECK(folder.names() == Names{"copy"});
}

TEST_CASE("remove_leftovers: temporary files of dead processes go, everything else stays") {
  const TestFolder folder;
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  const std::string dead = ".uptake-" + std::to_string(child) + "-7.tmp",
                    alive = ".uptake-" + std::to_string(::getpid()) + "-7.tmp";
  for (const std::string& name : {dead, alive, std::string(".uptake-x-7.tmp"), std::string("a.tmp")})
    folder.put(name, "x");
  remove_leftovers(folder / "");
  CHECK(folder.names() == Names{alive, ".uptake-x-7.tmp", "a.tmp"});
  remove_leftovers(folder / "absent");
}
