// Reading DICOM: real files, and files built byte by byte for every rule of io/dicom/dicom.h.
#ifdef UPTAKE_HAS_DICOM
#include "io/dicom/dicom.h"

#include <doctest/doctest.h>

#include <numeric>
#include <thread>

#include "dicom_bytes.h"
#include "io/base/file.h"
#include "test_files.h"

namespace uptake::tests {
namespace {

using io::DicomImage;
using io::FileError;
using io::read_dicom;
using io::View;

double sum(const io::Image& frame) {
  return std::accumulate(frame.samples.begin(), frame.samples.end(), 0.0);
}

bool have_data() {
  if (std::filesystem::exists(test_data() / "dicom" / "nm")) return true;
  MESSAGE("SKIPPED: no real DICOM files in " << test_data().string());
  return false;
}

DicomImage read(const TestFolder& folder, const DicomBytes& bytes) {
  return read_dicom(folder.put("image.dcm", bytes.file()));
}

std::string refusal(const TestFolder& folder, const DicomBytes& bytes) {
  const auto path = folder.put("image.dcm", bytes.file());
  const std::string message = message_of<FileError>([&] { read_dicom(path); });
  if (message.empty()) return "(was read)";
  CHECK(message.rfind(path.string() + ": ", 0) == 0);
  return message.substr(path.string().size() + 2);
}

}  // namespace

TEST_CASE("read_dicom: the pixels of a real bone scan add up to the counts its camera declares") {
  if (!have_data()) return;
  const DicomImage image = read_dicom(test_data() / "dicom/nm/NM1_UNC.dcm");
  REQUIRE(image.frames.size() == 1);
  CHECK(image.frames[0].height == 1024);
  CHECK(image.frames[0].width == 256);
  CHECK(image.frames[0].channels == 1);
  CHECK(image.frames[0].kind == io::SampleKind::counts);
  CHECK(image.counts_accumulated.value() == 3596452);
  CHECK(sum(image.frames[0]) == 3596452);
  CHECK(*std::max_element(image.frames[0].samples.begin(), image.frames[0].samples.end()) == 278);
  CHECK(image.bits_allocated == 16);
  CHECK(image.is_signed);
  CHECK(image.modality == "NM");
  CHECK(image.patient_id == "8NM1");
  CHECK(image.row_spacing_mm == 2.26);
  CHECK(image.frame_duration_ms == 1210434);
  CHECK(image.acquisition_kind() == "WHOLE BODY");
  CHECK(image.views == std::vector<View>{View::anterior});  // its labels end in _E
  CHECK_FALSE(image.views_assumed);
  CHECK_FALSE(image.synthetic);
  CHECK(image.warnings.empty());
  CHECK_NOTHROW(io::require_planar("x", image));  // modality NM, though the class is Secondary Capture
}

TEST_CASE("read_dicom: RLE, JPEG lossless and JPEG-LS give the pixels of the uncompressed twin") {
  if (!have_data()) return;
  const auto folder = test_data() / "dicom/nm";
  const DicomImage plain = read_dicom(folder / "NM1_UNC.dcm");
  for (const char* twin : {"NM1_RLE.dcm", "NM1_JPLL.dcm", "NM1_JLSL.dcm"}) {
    CAPTURE(twin);
    const DicomImage image = read_dicom(folder / twin);
    REQUIRE(image.frames.size() == 1);
    CHECK(image.transfer_syntax != plain.transfer_syntax);
    CHECK(image.frames[0].samples == plain.frames[0].samples);
  }
}

TEST_CASE("read_dicom: big-endian and RLE copies of one image agree") {
  if (!have_data()) return;
  const auto folder = test_data() / "dicom/odd";
  const DicomImage big = read_dicom(folder / "MR_small_bigendian.dcm"),
                   rle = read_dicom(folder / "MR_small_RLE.dcm");
  CHECK(big.frames[0].samples == rle.frames[0].samples);
  CHECK(big.frames[0].at(0, 0, 0) == 905);  // 0389 in the dump of the file
}

TEST_CASE("read_dicom: a transfer syntax without a decoder is named") {
  if (!have_data()) return;
  const std::string message =
      message_of<FileError>([] { read_dicom(test_data() / "dicom/nm/NM1_J2KR.dcm"); });
  CHECK(message.find("JPEG 2000") != std::string::npos);
  CHECK(message.find("no decoder") != std::string::npos);
}

TEST_CASE("require_planar: a reconstructed heart is readable and not planar") {
  if (!have_data()) return;
  const auto path = test_data() / "dicom/nm/NM-MONO2-16-13x-heart.dcm";
  const DicomImage image = read_dicom(path);
  CHECK(image.frames.size() == 13);
  CHECK(image.views == std::vector<View>(13, View::unknown));
  const std::string message = message_of<FileError>([&] { io::require_planar(path, image); });
  CHECK(message.find("RECON TOMO") != std::string::npos);
}

TEST_CASE("read_dicom: odd and broken files are read or refused with the reason") {
  if (!have_data()) return;
  struct Case {
    const char* name;
    const char* expected;  // part of the refusal, or "" for a file that is read
  };
  const Case cases[] = {{"20-wrong-transfer-syntax.dcm", "explicit length"},
                        {"CT_small.dcm", ""},
                        {"DICOMDIR", "DICOMDIR"},
                        {"ExplVR_BigEndNoMeta.dcm", "no pixel data"},
                        {"MR_small_RLE.dcm", ""},
                        {"MR_small_bigendian.dcm", ""},
                        {"MR_truncated.dcm", "premature end"},
                        {"PET_GH184.dcm", ""},
                        {"SC_rgb_rle_16bit_2frame.dcm", "RGB"},
                        {"badVR.dcm", "BitsAllocated is 32"},
                        {"empty_charset_LEI.dcm", "no pixel data"},
                        {"image_dfl.dcm", ""},
                        {"meta_missing_tsyntax.dcm", "PhotometricInterpretation is missing"},
                        {"no_meta.dcm", "premature end"},
                        {"rtdose.dcm", "BitsAllocated is 32"},
                        {"rtplan_truncated.dcm", "Invalid stream"}};
  for (const Case& odd : cases) {
    CAPTURE(odd.name);
    const auto path = test_data() / "dicom/odd" / odd.name;
    const std::string message = message_of<FileError>([&] { read_dicom(path); });
    CHECK(message.empty() == std::string(odd.expected).empty());
    CHECK(message.find(odd.expected) != std::string::npos);
  }
  CHECK(message_of<FileError>([] {
          const auto path = test_data() / "dicom/odd/CT_small.dcm";
          io::require_planar(path, read_dicom(path));
        }).find("modality is CT") != std::string::npos);
}

TEST_CASE("read_dicom: two frames keep their order, rows and columns") {
  const TestFolder folder;
  const DicomImage image = read(folder, camera_file(4, 3, 2, 65520));  // counts up past 2^16 and wraps to 0
  REQUIRE(image.frames.size() == 2);
  CHECK(image.frames[0].height == 4);
  CHECK(image.frames[0].width == 3);
  CHECK(image.frames[0].at(0, 0, 0) == 65520);
  CHECK(image.frames[0].at(1, 2, 0) == 65525);
  CHECK(image.frames[1].at(0, 0, 0) == 65532);
  CHECK(image.frames[1].at(3, 2, 0) == 7);
  CHECK(image.row_spacing_mm == 2.4);
  CHECK(image.column_spacing_mm == 2.5);
  CHECK(image.acquisition_date == "20240102");
  CHECK(image.sop_class_name == "NuclearMedicineImageStorage");
}

TEST_CASE("read_dicom: signed, 8-bit and partly used words are exact") {
  const TestFolder folder;
  SUBCASE("16 bits signed") {
    const DicomImage image =
        read(folder, camera_file(1, 3, 1)
                         .number(0x00280103, 1)
                         .set(0x7fe00010, "OW", u16(0x8000) + u16(0xffff) + u16(0x7fff)));
    CHECK(image.frames[0].samples == std::vector<float>{-32768, -1, 32767});
  }
  SUBCASE("12 bits signed, overlay bits above") {
    const DicomImage image =
        read(folder, camera_file(1, 3, 1)
                         .number(0x00280101, 12)
                         .number(0x00280102, 11)
                         .number(0x00280103, 1)
                         .set(0x7fe00010, "OW", u16(0xf7ff) + u16(0x1800) + u16(0x2fff)));
    CHECK(image.frames[0].samples == std::vector<float>{2047, -2048, -1});
  }
  SUBCASE("12 bits in the upper part of the word") {
    const DicomImage image = read(
        folder, camera_file(1, 2, 1).number(0x00280101, 12).set(0x7fe00010, "OW", u16(0xabcf) + u16(0x0011)));
    CHECK(image.frames[0].samples == std::vector<float>{0xabc, 0x001});
  }
  SUBCASE("8 bits, an odd number of pixels") {
    auto bytes = camera_file(1, 3, 1).number(0x00280100, 8).number(0x00280101, 8).number(0x00280102, 7);
    const std::vector<float> expected = {1, 254, 255};
    CHECK(read(folder, bytes.set(0x7fe00010, "OB", "\x01\xfe\xff")).frames[0].samples == expected);
    CHECK(read(folder, bytes.set(0x7fe00010, "OW", "\x01\xfe\xff")).frames[0].samples == expected);
    CHECK(read(folder, bytes.number(0x00280103, 1)).frames[0].samples == std::vector<float>{1, -2, -1});
  }
}

TEST_CASE("read_dicom: rescaling is applied and said") {
  const TestFolder folder;
  auto bytes = camera_file(1, 2, 1, 10).text(0x00281052, "DS", "-3").text(0x00281053, "DS", "0.5");
  const DicomImage image = read(folder, bytes);
  CHECK(image.frames[0].samples == std::vector<float>{2, 2.5F});
  bool said = false;
  for (const auto& warning : image.warnings)
    said = said || warning.find("RescaleSlope 0.5") != std::string::npos;
  CHECK(said);
  CHECK(read(folder, bytes.text(0x00281052, "DS", "0").text(0x00281053, "DS", "1.0")).frames[0].samples ==
        std::vector<float>{10, 11});
  CHECK(refusal(folder, bytes.text(0x00281053, "DS", "0")).find("RescaleSlope is 0") != std::string::npos);
}

TEST_CASE("read_dicom: what is not counts is refused by name") {
  const TestFolder folder;
  const auto refused = [&](const DicomBytes& bytes, const char* why) {
    const std::string message = refusal(folder, bytes);
    CAPTURE(message);
    CHECK(message.find(why) != std::string::npos);
  };
  refused(camera_file().text(0x00280004, "CS", "MONOCHROME1"), "MONOCHROME1");
  refused(camera_file().text(0x00280004, "CS", "PALETTE COLOR"), "PALETTE COLOR");
  refused(camera_file().number(0x00280002, 3), "SamplesPerPixel is 3");
  refused(camera_file().number(0x00280100, 32), "BitsAllocated is 32");
  refused(camera_file().number(0x00280100, 1), "BitsAllocated is 1");
  refused(camera_file().number(0x00280101, 17), "BitsStored is 17");
  refused(camera_file().number(0x00280101, 0), "BitsStored is 0");
  refused(camera_file().number(0x00280102, 16), "HighBit is 16");
  refused(camera_file().number(0x00280103, 2), "PixelRepresentation is 2");
  refused(camera_file().without(0x7fe00010), "no pixel data");
  refused(camera_file().without(0x7fe00010).set(0x7fe00008, "OF", std::string(96, '\0')), "floating-point");
}

TEST_CASE("read_dicom: sizes are checked against the pixel data before anything is allocated") {
  const TestFolder folder;
  const auto refused = [&](const DicomBytes& bytes, const char* why) {
    const std::string message = refusal(folder, bytes);
    CAPTURE(message);
    CHECK(message.find(why) != std::string::npos);
  };
  refused(camera_file().number(0x00280010, 0), "Rows is 0");
  refused(camera_file().without(0x00280011), "Columns is missing");
  refused(camera_file().text(0x00280008, "IS", "0"), "NumberOfFrames is 0");
  refused(camera_file().text(0x00280008, "IS", "-1"), "NumberOfFrames is -1");
  refused(camera_file().text(0x00280008, "IS", "two"), "NumberOfFrames is missing or no integer");
  refused(camera_file().text(0x00280008, "IS", "3"), "48 bytes of pixel data");
  refused(camera_file().number(0x00280010, 65535).number(0x00280011, 65535), "2^28");
  refused(camera_file().text(0x00280008, "IS", "268435456"), "2^28");
  refused(camera_file().number(0x00280010, 60000).number(0x00280011, 2000), "need 480000000");
}

TEST_CASE("read_dicom: the view comes from the code, then labels, then the angle, then the detector") {
  const TestFolder folder;
  auto bytes = camera_file(1, 1, 2);
  SUBCASE("detector numbers alone are an assumption and say so") {
    const DicomImage image = read(folder, bytes);
    CHECK(image.views == std::vector<View>{View::anterior, View::posterior});
    CHECK(image.views_assumed);
    REQUIRE(image.warnings.size() == 1);
    CHECK(image.warnings[0].find("detector 1 was taken as anterior") != std::string::npos);
  }
  SUBCASE("codes win over labels") {
    bytes.sequence(0x00540022, detector_with_view("G-5216"), detector_with_view("G-5215"));
    const DicomImage image = read(folder, bytes.text(0x00540400, "SH", "ANT\\POST"));
    CHECK(image.views == std::vector<View>{View::posterior, View::anterior});
    CHECK_FALSE(image.views_assumed);
    CHECK(image.warnings.empty());
  }
  SUBCASE("one label per frame, over the angle") {
    bytes.sequence(0x00540022, DicomBytes().text(0x00540200, "DS", "180"),
                   DicomBytes().text(0x00540200, "DS", "0"));
    CHECK(read(folder, bytes).views == std::vector<View>{View::anterior, View::posterior});
    CHECK(read(folder, bytes.text(0x00540400, "SH", "POST\\ANT")).views ==
          std::vector<View>{View::posterior, View::anterior});
  }
  SUBCASE("zero degrees is behind the patient, oblique is neither") {
    bytes.sequence(0x00540022, DicomBytes().text(0x00540200, "DS", "355"),
                   DicomBytes().text(0x00540200, "DS", "-180"));
    const DicomImage image = read(folder, bytes);
    CHECK(image.views == std::vector<View>{View::posterior, View::anterior});
    CHECK_FALSE(image.views_assumed);
  }
  SUBCASE("a single frame takes a single label") {
    auto single = camera_file(1, 1, 1);
    const auto view = [&](const char* label) { return read(folder, single.text(0x00540400, "SH", label)); };
    CHECK(view("WHOLE BODY_F").views[0] == View::posterior);
    CHECK(view("feet ant 3h").views[0] == View::anterior);
    CHECK(view("Posterior").views[0] == View::posterior);
    for (const char* silent : {"HANDS", "POST INJ ANT", "TOT_EM", "POSITION", "E"}) {
      CAPTURE(silent);
      CHECK(view(silent).views_assumed);
    }
  }
  SUBCASE("other modalities have no view and no warning") {
    const DicomImage image = read(folder, bytes.text(0x00080060, "CS", "CT"));
    CHECK(image.views == std::vector<View>{View::unknown, View::unknown});
    CHECK(image.warnings.empty());
  }
}

TEST_CASE("require_planar: static and whole body pass, everything that moves does not") {
  const TestFolder folder;
  const auto passes = [&](const char* type) {
    const DicomImage image = read(folder, camera_file().text(0x00080008, "CS", type));
    return message_of<FileError>([&] { io::require_planar("x", image); });
  };
  CHECK(passes("ORIGINAL\\PRIMARY\\STATIC\\EMISSION").empty());
  CHECK(passes("ORIGINAL\\PRIMARY\\WHOLE BODY\\EMISSION").empty());
  CHECK(passes("ORIGINAL\\PRIMARY").empty());
  for (const char* kind : {"TOMO", "GATED TOMO", "RECON GATED TOMO", "DYNAMIC", "GATED"}) {
    CAPTURE(kind);
    CHECK(passes(("ORIGINAL\\PRIMARY\\" + std::string(kind) + "\\EMISSION").c_str()).find(kind) !=
          std::string::npos);
  }
}

TEST_CASE("describe_dicom: says what matters, and prints no control characters of the file") {
  const TestFolder folder;
  const auto path = folder.put("image.dcm", camera_file().text(0x00100020, "LO", "a\x1b[31mb").file());
  const std::string text = io::describe_dicom(path);
  for (const char* part :
       {"NuclearMedicineImageStorage", "2 frames of 4 rows x 3 columns", "2.4 x 2.5 mm", "300 s", "a?[31mb",
        "anterior", "posterior", "counts 0 to 11, sum 66", "as acquired", "warning"}) {
    CAPTURE(part);
    CHECK(text.find(part) != std::string::npos);
  }
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find("SYNTHETIC") == std::string::npos);
}

TEST_CASE("read_dicom: SyntheticData is seen in implicit files too") {
  const TestFolder folder;
  CHECK(read(folder, camera_file().text(0x0008001c, "CS", "YES")).synthetic);
  CHECK_FALSE(read(folder, camera_file().text(0x0008001c, "CS", "NO")).synthetic);
  // Implicit little endian, without preamble: tag, 32-bit length, value.
  const auto implicit = [](std::uint32_t tag, const std::string& value) {
    return u16(tag >> 16) + u16(tag & 0xffff) + u32(static_cast<std::uint32_t>(value.size())) + value;
  };
  const std::string bytes =
      implicit(0x00080016, "1.2.840.10008.5.1.4.1.1.20") + implicit(0x0008001c, "YES ") +
      implicit(0x00280002, u16(1)) + implicit(0x00280004, "MONOCHROME2 ") + implicit(0x00280010, u16(1)) +
      implicit(0x00280011, u16(2)) + implicit(0x00280100, u16(16)) + implicit(0x00280101, u16(16)) +
      implicit(0x00280102, u16(15)) + implicit(0x00280103, u16(0)) + implicit(0x7fe00010, u16(5) + u16(6));
  const auto path = folder.put("implicit.dcm", bytes);
  CHECK(io::is_dicom(path));
  const DicomImage image = read_dicom(path);
  CHECK(image.synthetic);
  CHECK(image.frames[0].samples == std::vector<float>{5, 6});
}

TEST_CASE("is_dicom: by the mark or, without it, by content, whatever the name") {
  const TestFolder folder;
  CHECK(io::is_dicom(folder.put("noname", camera_file().file())));
  CHECK(io::is_dicom(folder.put("bare.DCM", camera_file().data_set())));
  CHECK(io::is_dicom(folder.put("IM000001", camera_file().data_set())));
  CHECK_FALSE(io::is_dicom(folder.put("begins", camera_file().data_set().substr(0, 40))));
  CHECK_FALSE(io::is_dicom(folder.put("text.dcm", "not an image at all")));
  CHECK_FALSE(io::is_dicom(folder.put("empty.dcm", "")));
  CHECK_FALSE(io::is_dicom(folder / "missing.dcm"));
  CHECK_FALSE(io::is_dicom(std::filesystem::temp_directory_path()));
}

TEST_CASE("read_dicom: missing files, folders and other formats are one sentence") {
  const TestFolder folder;
  CHECK(message_of<FileError>([&] { read_dicom(folder / "no.dcm"); }).find("no such file") !=
        std::string::npos);
  CHECK(message_of<FileError>([&] { read_dicom(folder / "."); }).find("not a regular file") !=
        std::string::npos);
  const auto png = folder.put("x.png", "\x89PNG\r\n\x1a\nrest of a picture that is no data set");
  CHECK(message_of<FileError>([&] { read_dicom(png); }).find("cannot be read as DICOM") != std::string::npos);
}

TEST_CASE("read_dicom: four threads reading at once agree") {
  const TestFolder folder;
  const auto path = folder.put("image.dcm", camera_file(31, 17, 2).file());
  const std::vector<float> expected = read_dicom(path).frames[1].samples;
  std::vector<int> agreed(4, 0);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < agreed.size(); ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) agreed[t] += read_dicom(path).frames[1].samples == expected ? 1 : 0;
    });
  for (auto& thread : threads) thread.join();
  CHECK(agreed == std::vector<int>(4, 10));
}

}  // namespace uptake::tests
#endif
