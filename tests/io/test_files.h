// What the tests of files share: a folder that vanishes, where the real data is, and reading what a test
// wrote.
#pragma once
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace uptake::tests {

/// A folder for the files of one test, removed at its end.
class TestFolder {
 public:
  TestFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "uptake_io_XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot create a temporary folder");
    path_ = name;
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  std::filesystem::path put(const std::string& name, std::string_view bytes) const {
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return path_ / name;
  }
  /// Names of everything in the folder, sorted: a test that expects a file alone also sees forgotten
  /// temporaries.
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& entry : std::filesystem::directory_iterator(path_))
      all.push_back(entry.path().filename());
    std::sort(all.begin(), all.end());
    return all;
  }

 private:
  std::filesystem::path path_;
};

inline std::string contents(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The folder of real data, which may be absent: check before use and skip visibly.
inline std::filesystem::path test_data() {
  const char* chosen = std::getenv("UPTAKE_TEST_DATA");
  return chosen != nullptr ? std::filesystem::path(chosen)
                           : std::filesystem::path(UPTAKE_SOURCE_DIR) / ".." / "shared" / "data";
}

inline std::filesystem::path golden(const std::string& name) {
  return std::filesystem::path(UPTAKE_SOURCE_DIR) / "tests" / "golden" / name;
}

/// The text of the exception of type Error that `act` throws; empty when it throws nothing.
template <class Error, class Act>
std::string message_of(const Act& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace uptake::tests
