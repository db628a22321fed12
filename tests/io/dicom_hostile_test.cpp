// Damaged DICOM files: cut anywhere, or with bytes changed. Every one is a FileError or a well-formed image;
// the rest is for the sanitizers to see.
#ifdef UPTAKE_HAS_DICOM
#include <doctest/doctest.h>

#include <random>

#include "dicom_bytes.h"
#include "io/base/file.h"
#include "io/dicom/dicom.h"
#include "test_files.h"

namespace uptake::tests {
namespace {

struct Outcome {
  int read = 0, refused = 0;
};

// Anything but a FileError escapes and fails the test case.
void try_read(const TestFolder& folder, const std::string& bytes, Outcome& outcome) {
  const auto path = folder.put("damaged.dcm", bytes);
  try {
    const io::DicomImage image = io::read_dicom(path);
    REQUIRE(!image.frames.empty());
    REQUIRE(image.views.size() == image.frames.size());
    for (const io::Image& frame : image.frames)
      REQUIRE(static_cast<std::int64_t>(frame.samples.size()) == frame.height * frame.width);
    ++outcome.read;
  } catch (const io::FileError& error) {
    REQUIRE(std::string(error.what()).rfind(path.string() + ": ", 0) == 0);
    ++outcome.refused;
  }
}

Outcome corrupt(const TestFolder& folder, const std::string& original, int times, std::size_t from,
                unsigned seed) {
  std::mt19937 random(seed);
  Outcome outcome;
  for (int t = 0; t < times; ++t) {
    std::string bytes = original;
    for (int changes = 1 + static_cast<int>(random() % 3); changes > 0; --changes)
      bytes[from + random() % (bytes.size() - from)] = static_cast<char>(random());
    CAPTURE(seed);
    CAPTURE(t);
    try_read(folder, bytes, outcome);
  }
  return outcome;
}

}  // namespace

TEST_CASE("read_dicom: a file cut anywhere before its end is refused") {
  for (const char* name : {"NM1_RLE.dcm", "NM1_UNC.dcm", "NM1_JLSL.dcm"}) {
    const auto path = test_data() / "dicom/nm" / name;
    if (!std::filesystem::exists(path)) {
      MESSAGE("SKIPPED: no " << path.string());
      continue;
    }
    CAPTURE(name);
    const TestFolder folder;
    const std::string bytes = contents(path);
    Outcome outcome;
    for (std::size_t k = 0; k < 50; ++k) try_read(folder, bytes.substr(0, bytes.size() * k / 50), outcome);
    CHECK(outcome.refused == 50);
  }
}

TEST_CASE("read_dicom: a small file cut at every third byte is refused") {
  const TestFolder folder;
  const std::string bytes = camera_file().file();
  Outcome outcome;
  for (std::size_t length = 0; length < bytes.size(); length += 3)
    try_read(folder, bytes.substr(0, length), outcome);
  CHECK(outcome.read == 0);
  try_read(folder, bytes, outcome);
  CHECK(outcome.read == 1);
}

TEST_CASE("read_dicom: changed bytes never crash it") {
  const TestFolder folder;
  // The preamble means nothing, so damage begins behind it; some damage lands in pixels and must still be
  // read.
  const Outcome plain = corrupt(folder, camera_file(8, 8, 2).file(), 400, 128, 11);
  CHECK(plain.read > 0);
  CHECK(plain.refused > 0);
}

TEST_CASE("read_dicom: changed bytes in compressed files never crash it") {
  struct Case {
    const char* name;
    int times;
  };
  for (const auto& [name, times] : {Case{"odd/MR_small_RLE.dcm", 200}, Case{"odd/PET_GH184.dcm", 60},
                                    Case{"odd/image_dfl.dcm", 40}, Case{"nm/NM1_JLSL.dcm", 20}}) {
    const auto path = test_data() / "dicom" / name;
    if (!std::filesystem::exists(path)) {
      MESSAGE("SKIPPED: no " << path.string());
      continue;
    }
    const auto& shown = name;  // a structured binding cannot be captured
    CAPTURE(shown);
    const TestFolder folder;
    const Outcome outcome = corrupt(folder, contents(path), times, 128, 12);
    CHECK(outcome.read + outcome.refused == times);
    CHECK(outcome.refused > 0);
  }
}

}  // namespace uptake::tests
#endif
