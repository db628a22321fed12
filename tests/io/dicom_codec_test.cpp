// Transfer syntaxes of several frames, encoded by DCMTK's own command line tools from a file built byte by
// byte.
#ifdef UPTAKE_HAS_DICOM
#include <doctest/doctest.h>

#include "dicom_bytes.h"
#include "io/base/file.h"
#include "io/dicom/dicom.h"
#include "test_files.h"

namespace uptake::tests {
namespace {

// Runs "TOOL OPTIONS from to"; false, with a visible skip, where the tool is not installed.
bool encode(const std::string& tool, const std::string& options, const std::filesystem::path& from,
            const std::filesystem::path& to) {
  if (std::system(("command -v " + tool + " >/dev/null 2>&1").c_str()) != 0) {
    MESSAGE("SKIPPED: " << tool << " is not installed");
    return false;
  }
  const std::string command =
      tool + " " + options + " '" + from.string() + "' '" + to.string() + "' 2>/dev/null";
  REQUIRE(std::system(command.c_str()) == 0);
  return true;
}

}  // namespace

TEST_CASE("read_dicom: three frames survive every transfer syntax that loses nothing") {
  const TestFolder folder;
  const auto plain = folder.put("plain.dcm", camera_file(9, 7, 3, 60000).file());
  const io::DicomImage expected = io::read_dicom(plain);
  struct Encoding {
    const char *tool, *options, *name;
  };
  const Encoding encodings[] = {{"dcmcrle", "", "RLE Lossless"},
                                {"dcmcjpeg", "+e1", "JPEG Lossless, Non-hierarchical, 1st Order Prediction"},
                                {"dcmcjpls", "", "JPEG-LS Lossless"},
                                {"dcmconv", "+td", "Deflated Explicit VR Little Endian"},
                                {"dcmconv", "+tb", "Big Endian Explicit"},
                                {"dcmconv", "+ti", "Little Endian Implicit"}};
  for (const auto& [tool, options, name] : encodings) {
    const auto& shown = name;  // a structured binding cannot be captured
    CAPTURE(shown);
    if (!encode(tool, options, plain, folder / "encoded.dcm")) continue;
    const io::DicomImage image = io::read_dicom(folder / "encoded.dcm");
    CHECK(image.transfer_syntax == name);
    REQUIRE(image.frames.size() == 3);
    for (std::size_t f = 0; f < 3; ++f) CHECK(image.frames[f].samples == expected.frames[f].samples);
    CHECK(image.warnings == expected.warnings);
  }
}

TEST_CASE("read_dicom: lossy compression is read, near, and said") {
  const TestFolder folder;
  const auto plain = folder.put("plain.dcm", camera_file(16, 16, 1, 100).file());
  if (!encode("dcmcjpls", "+en +md 2", plain, folder / "lossy.dcm")) return;
  const io::DicomImage image = io::read_dicom(folder / "lossy.dcm");
  bool said = false;
  for (const auto& warning : image.warnings) said = said || warning.find("with loss") != std::string::npos;
  CHECK(said);
  for (std::size_t i = 0; i < 256; ++i)  // the encoder was allowed 2
    CHECK(std::abs(image.frames[0].samples[i] - (100 + static_cast<float>(i))) <= 2);
}

TEST_CASE("read_dicom: an 8-bit stream under a 16-bit header is refused, not read as noise") {
  const TestFolder folder;
  std::string pixels;
  for (int i = 0; i < 256; ++i) pixels += static_cast<char>(i);
  const auto plain = folder.put("plain.dcm", camera_file(16, 16, 1)
                                                 .number(0x00280100, 8)
                                                 .number(0x00280101, 8)
                                                 .number(0x00280102, 7)
                                                 .set(0x7fe00010, "OB", pixels)
                                                 .file());
  if (!encode("dcmcjpeg", "+e1", plain, folder / "encoded.dcm")) return;
  CHECK(io::read_dicom(folder / "encoded.dcm").frames[0].at(15, 15, 0) == 255);
  std::string bytes = contents(folder / "encoded.dcm");
  const auto retell = [&](const std::string& element, unsigned from, unsigned to) {
    const std::size_t at = bytes.find(element + "US" + u16(2) + u16(from));
    REQUIRE(at != std::string::npos);
    bytes.replace(at + element.size() + 4, 2, u16(to));
  };
  retell(u16(0x0028) + u16(0x0100), 8, 16);
  retell(u16(0x0028) + u16(0x0101), 8, 16);
  retell(u16(0x0028) + u16(0x0102), 7, 15);
  const auto path = folder.put("retold.dcm", bytes);
  const std::string message = message_of<io::FileError>([&] { io::read_dicom(path); });
  CHECK(message.find("fewer bits") != std::string::npos);
}

TEST_CASE("read_dicom: fewer compressed frames than declared are refused") {
  const TestFolder folder;
  const auto plain = folder.put("plain.dcm", camera_file(9, 7, 3).file());
  if (!encode("dcmcrle", "", plain, folder / "encoded.dcm")) return;
  std::string bytes = contents(folder / "encoded.dcm");
  const std::string frames = u16(0x0028) + u16(0x0008) + "IS" + u16(2);
  const std::size_t at = bytes.find(frames + "3 ");
  REQUIRE(at != std::string::npos);
  bytes.replace(at + frames.size(), 2, "9 ");
  const auto path = folder.put("retold.dcm", bytes);
  const std::string message = message_of<io::FileError>([&] { io::read_dicom(path); });
  CHECK(message.find("3 compressed fragments for 9 frames") != std::string::npos);
}

}  // namespace uptake::tests
#endif
