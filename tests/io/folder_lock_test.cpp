#include "io/base/folder_lock.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <memory>

#include "tests/io/test_files.h"

using namespace uptake::io;
using namespace uptake::tests;
using Names = std::vector<std::string>;

TEST_CASE("FolderLock: the second is told who holds the folder; when that ends, nothing is left") {
  const TestFolder folder;
  auto first = std::make_unique<FolderLock>(folder / "");
  CHECK(first->problem().empty());
  const std::string refusal = message_of<FolderInUse>([&] { FolderLock second(folder / ""); });
  CHECK(refusal.find("is being written into by process " + std::to_string(::getpid()) + " on ") !=
        std::string::npos);
  CHECK(refusal.find(" since 2") != std::string::npos);
  first.reset();
  CHECK(folder.names().empty());
  CHECK_NOTHROW(FolderLock(folder / ""));
}

TEST_CASE("FolderLock: a killed holder's file is in nobody's way") {
  const TestFolder folder;
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const FolderLock lock(folder / "");
    const bool told = ::write(ready[1], "x", 1) == 1;
    while (told) ::pause();
    ::_exit(1);
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  CHECK(message_of<FolderInUse>([&] {
          FolderLock second(folder / "");
        }).find("process " + std::to_string(child)) != std::string::npos);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  CHECK(folder.names() == Names{".uptake.lock"});
  { CHECK_NOTHROW(FolderLock(folder / "")); }
  CHECK(folder.names().empty());
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("FolderLock: a folder that is not there, and a link in the place of the file, are refused") {
  const TestFolder folder;
  CHECK_THROWS_AS(FolderLock(folder / "absent"), FileError);
  folder.put("precious", "text");
  std::filesystem::create_symlink(folder / "precious", folder / ".uptake.lock");
  CHECK_THROWS_AS(FolderLock(folder / ""), FileError);
  CHECK(contents(folder / "precious") == "text");
}
