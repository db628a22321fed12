#include "io/base/folder.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "tests/io/test_files.h"

using namespace uptake::io;
using namespace uptake::tests;

TEST_CASE("is_regular: files and links to files; no pipe, device, folder, broken link or missing file") {
  const TestFolder folder;
  const auto file = folder.put("file", "");
  std::filesystem::create_symlink(file, folder / "link");
  std::filesystem::create_symlink(folder / "nowhere", folder / "broken");
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK(is_regular(file));
  CHECK(is_regular(folder / "link"));
  for (const auto& other : {folder / "broken", folder / "pipe", folder / "missing", folder / "",
                            std::filesystem::path("/dev/null"), std::filesystem::path()})
    CHECK_FALSE(is_regular(other));
}

TEST_CASE("is_litter: what systems leave behind, by name") {
  for (const char* name : {"a/._1.png", ".DS_Store", "Thumbs.db", "THUMBS.DB", "desktop.ini", "DICOMDIR",
                           ".hidden", "__MACOSX", "@eaDir"})
    CHECK(is_litter(name));
  for (const char* name : {"1.png", "a.b/x", "DICOMDIR.dcm", "_1.png", "thumbs.png"})
    CHECK_FALSE(is_litter(name));
}
