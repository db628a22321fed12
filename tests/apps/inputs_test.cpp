// Which files `uptake translate` takes: by content, whatever they are called and however deep they lie.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include "io/base/file.h"
#include "io/dicom/dicom.h"
#include "io/image/image.h"
#include "tests/apps/command.h"

namespace fs = std::filesystem;
namespace io = uptake::io;

namespace {

const char* const kSmallModel =
    " --net-g unet_16 --ngf 2 --ndf 2 --net-d pixel --epochs 1 --epochs-decay 0 --threads 2 --device cpu ";

std::string picture(std::int64_t h, std::int64_t w) {
  io::Image image(h, w, 1, io::SampleKind::u8);
  for (std::size_t i = 0; i < image.samples.size(); ++i) image.samples[i] = static_cast<float>(i * 37 % 256);
  return io::encode_png(image);
}

void put(const fs::path& path, const std::string& bytes) {
  fs::create_directories(path.parent_path());
  io::write_file_atomically(path, bytes);
}

/// A model for gray pictures of 8 bit; returns "translate ... --out ".
std::string translate_with_new_model(const TemporaryFolder& folder) {
  for (const char* name : {"1.png", "2.png"}) put(folder / "data/train" / name, picture(16, 32));
  REQUIRE(command("train --data " + quoted(folder / "data") + " --out " + quoted(folder / "run") +
                  " --load-size 0 --crop-size 0" + kSmallModel)
              .code == 0);
  return "translate --device cpu --model " + quoted(folder / "run/last.safetensors") + " --out ";
}

}  // namespace

TEST_CASE(
    "translate: a folder's pictures are told by content, and what else lies there is left out by name") {
  const TemporaryFolder folder;
  const std::string translate = translate_with_new_model(folder);
  put(folder / "in/a.png", picture(9, 9));
  put(folder / "in/noext", picture(9, 9));
  put(folder / "in/wrong.dcm", picture(9, 9));
  put(folder / "in/._a.png", std::string("\0\x05\x16\x07 AppleDouble", 16));
  put(folder / "in/Thumbs.db", "thumbs");
  put(folder / "in/.DS_Store", "finder");
  put(folder / "in/DICOMDIR", "index");
  put(folder / "in/notes.txt", "a note");
  put(folder / "in/empty.png", "");
  put(folder / "in/sub/b.png", picture(9, 9));
  REQUIRE(::mkfifo((folder / "in/pipe.png").c_str(), 0600) == 0);
  const Ran ran = command(translate + quoted(folder / "out") + " " + quoted(folder / "in"));
  CAPTURE(ran.text);
  CHECK(ran.code == 0);
  CHECK(ran.says("left out 8 entries of the folders: "));
  for (const char* name : {"._a.png", ".DS_Store", "Thumbs.db", "DICOMDIR", "notes.txt", "empty.png (empty)",
                           "pipe.png (no regular file)", "sub (a folder)"})
    CHECK(ran.says(name));
  for (const char* name : {"a.png", "noext.png"}) CHECK(fs::exists(folder / "out" / name));
  CHECK_FALSE(fs::exists(folder / "out/sub"));
}

TEST_CASE("translate: --recursive keeps the folders, so equal names in them do not meet") {
  const TemporaryFolder folder;
  const std::string translate = translate_with_new_model(folder);
  for (const char* name : {"PAT1/STU1/IM000001", "PAT1/STU2/IM000001", "PAT2/IM000001"})
    put(folder / "export" / name, picture(9, 9));
  const Ran flat = command(translate + quoted(folder / "out") + " " + quoted(folder / "export"));
  CHECK(flat.code == 1);
  CHECK(flat.says("--recursive"));
  const Ran ran = command(translate + quoted(folder / "out") + " --recursive " + quoted(folder / "export"));
  CAPTURE(ran.text);
  CHECK(ran.code == 0);
  for (const char* name : {"PAT1/STU1/IM000001.png", "PAT1/STU2/IM000001.png", "PAT2/IM000001.png"})
    CHECK(fs::exists(folder / "out" / name));
}

TEST_CASE("translate: a file named as a picture that is none is refused with what is read, not skipped") {
  const TemporaryFolder folder;
  const std::string translate = translate_with_new_model(folder);
  put(folder / "in/good.png", picture(9, 9));
  put(folder / "in/page.png", "<html>");
  put(folder / "x.bmp", "BM and so on");
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  const Ran ran = command(translate + quoted(folder / "out") + " " + quoted(folder / "in"));
  CHECK(ran.code == 1);
  CHECK(ran.says("page.png: is neither PNG, JPEG nor DICOM"));
  CHECK(fs::exists(folder / "out/good.png"));
  const Ran bitmap = command(translate + quoted(folder / "out") + " " + quoted(folder / "x.bmp"));
  CHECK(bitmap.code == 1);
  CHECK(bitmap.says("x.bmp: is neither PNG, JPEG nor DICOM"));
  const Ran pipe = command(translate + quoted(folder / "out") + " " + quoted(folder / "pipe"));
  CHECK(pipe.code == 1);
  CHECK(pipe.says("pipe: is a pipe or a device"));
  CHECK(command("inspect " + quoted(folder / "pipe")).says("not a regular file"));
  CHECK(
      command("inspect " + quoted(folder / "x.bmp")).says("is neither a checkpoint, nor PNG, JPEG or DICOM"));
}

#ifdef UPTAKE_HAS_DICOM
TEST_CASE("translate: DICOM files without any extension in nested folders") {
  const TemporaryFolder folder;
  REQUIRE(command("phantom --out " + quoted(folder / "cohort") + " --patients 3 --seed 1 --size 32").code ==
          0);
  REQUIRE(
      command("train --data " + quoted(folder / "cohort") + " --out " + quoted(folder / "run") + kSmallModel)
          .code == 0);
  for (const char* name : {"P001", "P002"}) {
    fs::create_directories(folder / "export" / name);
    fs::copy_file(folder / "cohort/dicom" / (std::string(name) + "_bloodpool.dcm"),
                  folder / "export" / name / "IM000001");
  }
  const Ran ran =
      command("translate --device cpu --recursive --model " + quoted(folder / "run/best.safetensors") +
              " --out " + quoted(folder / "out") + " " + quoted(folder / "export"));
  CAPTURE(ran.text);
  REQUIRE(ran.code == 0);
  std::size_t written = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder / "out"))
    if (entry.is_regular_file()) written += io::read_dicom(entry.path()).synthetic ? 1 : 0;
  CHECK(written == 2);
}
#endif
