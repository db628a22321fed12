// Attributes stored as UN or OB: converted wherever they are, or the file is refused.
#ifdef UPTAKE_HAS_DICOM
#include <doctest/doctest.h>

#include "dicom_bytes.h"
#include "io/base/file.h"
#include "io/dicom/dicom_derived.h"
#include "test_files.h"

namespace uptake::tests {
namespace {

using io::DicomImage;
using io::FileError;
using io::read_dicom;
using io::View;

DicomImage read(const TestFolder& folder, const DicomBytes& bytes) {
  return read_dicom(folder.put("image.dcm", bytes.file()));
}

std::string refusal(const TestFolder& folder, const DicomBytes& bytes) {
  const auto path = folder.put("image.dcm", bytes.file());
  return message_of<FileError>([&] { read_dicom(path); });
}

/// One attribute in implicit little endian: tag, 32-bit length, value.
std::string implicit(std::uint32_t tag, std::string value) {
  if (value.size() % 2 != 0) value += ' ';
  return u16(tag >> 16) + u16(tag & 0xffff) + u32(static_cast<std::uint32_t>(value.size())) + value;
}

}  // namespace

TEST_CASE("read_dicom: text and numbers stored as UN or OB are what the standard says they are") {
  const TestFolder folder;
  const DicomImage plain = read(folder, camera_file(4, 3, 2));
  for (const char* vr : {"UN", "OB"}) {
    CAPTURE(vr);
    const DicomImage image = read(folder, camera_file(4, 3, 2)
                                              .set(0x00080008, vr, "ORIGINAL\\PRIMARY\\STATIC\\EMISSION ")
                                              .set(0x00100020, vr, "ID7 ")
                                              .set(0x0020000d, vr, std::string("1.2.3.1\0", 8))
                                              .set(0x00181242, vr, "300000")
                                              .set(0x00280008, vr, "2 ")
                                              .set(0x00280010, vr, u16(4))
                                              .set(0x00280011, vr, u16(3))
                                              .set(0x00280030, vr, "2.4\\2.5 ")
                                              .set(0x00280100, vr, u16(16))
                                              .set(0x00280103, vr, u16(0))
                                              .set(0x00281052, vr, "1 ")
                                              .set(0x00281053, vr, "0.5 ")
                                              .set(0x00540020, vr, u16(1) + u16(2)));
    CHECK(image.patient_id == "ID7");
    CHECK(image.study_instance_uid == plain.study_instance_uid);
    CHECK(image.acquisition_kind() == "STATIC");
    CHECK(image.frame_duration_ms == 300000);
    CHECK(image.column_spacing_mm == 2.5);
    REQUIRE(image.frames.size() == 2);
    CHECK(image.frames[0].height == 4);
    CHECK(image.frames[1].at(3, 2, 0) == 23 * 0.5 + 1);
    CHECK(image.views == plain.views);
  }
}

TEST_CASE("read_dicom: words stored as OW, and pixel data stored as UN") {
  const TestFolder folder;
  CHECK(read(folder, camera_file(4, 3, 1).set(0x00280010, "OW", u16(4))).frames[0].height == 4);
  CHECK(read(folder, camera_file(1, 2, 1).set(0x7fe00010, "UN", u16(500) + u16(7))).frames[0].samples ==
        std::vector<float>{500, 7});
}

TEST_CASE("read_dicom: sequences stored as UN hold implicit little endian, whatever the file has") {
  const TestFolder folder;
  const std::string code = implicit(0x00080100, "G-5216") + implicit(0x00080102, "SRT");
  const auto item = [](const std::string& content) {
    return u16(0xfffe) + u16(0xe000) + u32(static_cast<std::uint32_t>(content.size())) + content;
  };
  const std::string detector = item(implicit(0x00540220, item(code)));
  const DicomImage image = read(folder, camera_file(1, 1, 1).set(0x00540022, "UN", detector));
  CHECK(image.views == std::vector<View>{View::posterior});
  CHECK_FALSE(image.views_assumed);
  // Within a sequence of the right representation, too.
  DicomBytes view;
  view.set(0x00080100, "UN", "G-5216").set(0x00080102, "UN", "SRT ");
  CHECK(read(folder, camera_file(1, 1, 1).sequence(0x00540022, DicomBytes().sequence(0x00540220, view)))
            .views == std::vector<View>{View::posterior});
}

TEST_CASE("read_dicom: bytes that cannot be the value are refused with the attribute's name") {
  const TestFolder folder;
  const auto refused = [&](const DicomBytes& bytes, const char* name) {
    const std::string message = refusal(folder, bytes);
    CAPTURE(message);
    CHECK(message.find(name) != std::string::npos);
    CHECK(message.find("is stored as") != std::string::npos);
    CHECK(message.find('\\') == std::string::npos);
  };
  refused(camera_file().set(0x00280009, "UN", u16(4) + "abcd"), "FrameIncrementPointer");  // a tag and a half
  refused(camera_file().set(0x00100020, "UN", std::string("\x01\x02\x03\x04", 4)), "PatientID");
  refused(camera_file().set(0x00540022, "UN", "no sequence "), "DetectorInformationSequence");
}

TEST_CASE("read_dicom: an attribute stored as UN without a value is an empty one") {
  const TestFolder folder;
  CHECK(read(folder, camera_file().set(0x00100020, "UN", "")).patient_id == "");
  CHECK(refusal(folder, camera_file().set(0x00280010, "UN", "")).find("Rows is missing") !=
        std::string::npos);
}

TEST_CASE("write_derived_nm: what the source stores as UN reaches the derived image as it was meant") {
  const TestFolder folder;
  const auto source = folder.put("source.dcm", camera_file(3, 2, 1)
                                                   .set(0x00080020, "UN", "20240102")
                                                   .set(0x00100010, "UN", "Doe^Jane")
                                                   .set(0x00100020, "UN", "ID7 ")
                                                   .set(0x0020000d, "UN", std::string("1.2.3.1\0", 8))
                                                   .file());
  const DicomImage image = read_dicom(source);
  write_derived_nm(folder / "derived.dcm", source, image.frames, io::DerivedDescription{});
  const DicomImage derived = read_dicom(folder / "derived.dcm");
  CHECK(derived.patient_id == "ID7");
  CHECK(derived.patient_name == "Doe^Jane");
  CHECK(derived.study_instance_uid == "1.2.3.1");
  CHECK(derived.study_date == "20240102");
}

TEST_CASE("read_dicom: any of the marks makes an image synthetic") {
  const TestFolder folder;
  const auto synthetic = [&](const DicomBytes& bytes) { return read(folder, bytes).synthetic; };
  CHECK_FALSE(synthetic(camera_file()));
  CHECK_FALSE(synthetic(camera_file().text(0x00080008, "CS", "DERIVED\\PRIMARY\\STATIC\\EMISSION")));
  CHECK_FALSE(synthetic(camera_file().text(0x0008103e, "LO", "BLOOD POOL")));
  CHECK(synthetic(camera_file().set(0x0008001c, "UN", "YES ")));
  CHECK(synthetic(camera_file().text(0x0008103e, "LO", "SYNTHETIC predicted from BLOOD POOL")));
  CHECK(synthetic(camera_file().text(0x00204000, "LT", "SYNTHETIC IMAGE: predicted, not measured")));
  CHECK(synthetic(camera_file().text(0x00540400, "SH", "SYNTHETIC")));
  CHECK(synthetic(camera_file().text(0x00082111, "ST", "Predicted by a pix2pix network")));
  CHECK(synthetic(camera_file().text(0x00080008, "CS", "DERIVED\\PRIMARY\\STATIC\\EMISSION\\SYNTHETIC")));
  DicomBytes purpose;
  purpose.text(0x00080100, "SH", "109100").text(0x00080102, "SH", "DCM");
  CHECK(synthetic(camera_file().sequence(0x0018a001, DicomBytes().sequence(0x0040a170, purpose))));
}

}  // namespace uptake::tests
#endif
