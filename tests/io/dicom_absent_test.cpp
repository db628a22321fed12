// A build without DCMTK keeps the functions and says what is missing.
#ifndef UPTAKE_HAS_DICOM
#include <doctest/doctest.h>

#include "io/base/file.h"
#include "io/dicom/dicom_derived.h"
#include "io/scan/phantom_cohort.h"
#include "test_files.h"

namespace uptake::tests {

TEST_CASE("a build without DICOM says so in one sentence") {
  const TestFolder folder;
  const auto path = folder.put("x.dcm", std::string(128, '\0') + "DICM and the rest");
  const std::string expected = path.string() + ": this build has no DICOM support";
  CHECK(io::is_dicom(path));
  CHECK(message_of<io::FileError>([&] { io::read_dicom(path); }) == expected);
  CHECK(message_of<io::FileError>([&] { io::describe_dicom(path); }) == expected);
  CHECK(message_of<io::FileError>([&] { io::require_planar(path, {}); }) == expected);
  CHECK(message_of<io::FileError>([&] { io::write_planar_nm(path, {}); }) == expected);
  CHECK(message_of<io::FileError>([&] { io::write_derived_nm(path, path, {}, {}); }) == expected);
  CHECK_THROWS_AS(io::make_phantom_cohort(folder / "out", {.patients = 1, .size = 32}), io::FileError);
}

}  // namespace uptake::tests
#endif
