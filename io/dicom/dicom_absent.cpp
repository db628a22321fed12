// What io/dicom/dicom.h does in a build without DCMTK.
#ifndef UPTAKE_HAS_DICOM
#include <cstring>
#include <fstream>

#include "io/base/file.h"
#include "io/dicom/dicom_derived.h"

namespace uptake::io {
namespace {

[[noreturn]] void refuse(const std::filesystem::path& path) {
  throw FileError(path, "this build has no DICOM support");
}

}  // namespace

bool is_dicom(const std::filesystem::path& path) noexcept {
  try {
    std::ifstream stream(path, std::ios::binary);
    char head[132] = {};
    return stream.read(head, sizeof head) && std::memcmp(head + 128, "DICM", 4) == 0;
  } catch (...) {
    return false;
  }
}

DicomImage read_dicom(const std::filesystem::path& path) { refuse(path); }
DicomImage read_summed_dicom(const std::filesystem::path& path) { refuse(path); }
void require_planar(const std::filesystem::path& path, const DicomImage&) { refuse(path); }
std::string describe_dicom(const std::filesystem::path& path) { refuse(path); }
WrittenDicom write_derived_nm(const std::filesystem::path& path, const std::filesystem::path&,
                              const std::vector<Image>&, const DerivedDescription&) {
  refuse(path);
}
WrittenDicom write_display_copy(const std::filesystem::path& path, const std::filesystem::path&, const Image&,
                                const DerivedDescription&) {
  refuse(path);
}
std::optional<std::string> predicted_from(const std::filesystem::path&) noexcept { return std::nullopt; }
InstanceIdentity identity_of(const std::filesystem::path&) noexcept { return {}; }
void write_planar_nm(const std::filesystem::path& path, const PlanarNm&) { refuse(path); }

}  // namespace uptake::io
#endif
