// What uptake translate writes, under which names, and what it never replaces.
#include <doctest/doctest.h>

#include <set>

#include "io/base/file.h"
#include "io/dicom/dicom_derived.h"
#include "io/image/image.h"
#include "tests/apps/command.h"

namespace fs = std::filesystem;
namespace io = uptake::io;

namespace {

const char* const kSmallModel =
    " --net-g unet_16 --ngf 2 --ndf 2 --net-d pixel --epochs 1 --epochs-decay 0 --threads 2 --load-size 0 "
    "--crop-size 0 --device cpu";

void write_gray(const fs::path& path, std::int64_t h, std::int64_t w) {
  fs::create_directories(path.parent_path());
  io::Image image(h, w, 1, io::SampleKind::u8);
  for (std::size_t i = 0; i < image.samples.size(); ++i) image.samples[i] = static_cast<float>(i * 37 % 256);
  io::write_png(path, image);
}

/// A model of pictures, and what is translated with it.
struct Pictures {
  TemporaryFolder folder;
  std::string translate;
  Pictures() {
    for (const char* name : {"1.png", "2.png"}) write_gray(folder / "data/train" / name, 16, 32);
    REQUIRE(
        command("train --data " + quoted(folder / "data") + " --out " + quoted(folder / "run") + kSmallModel)
            .code == 0);
    translate = "translate --model " + quoted(folder / "run/last.safetensors") + " --out ";
  }
};

}  // namespace

TEST_CASE("a translated picture says in its text chunks that it is synthetic, and by which model") {
  const Pictures p;
  write_gray(p.folder / "in/a.png", 9, 9);
  REQUIRE(command(p.translate + quoted(p.folder / "out") + " " + quoted(p.folder / "in")).code == 0);
  const io::PngTexts texts = io::read_png_texts(p.folder / "out/a.png");
  REQUIRE(texts.size() == 3);
  CHECK(texts[0].first == "Software");
  CHECK(texts[0].second.starts_with("uptake "));
  CHECK((texts[1] == std::pair<std::string, std::string>("Synthetic", "yes")));
  CHECK(texts[2].first == "Model fingerprint");
  CHECK(texts[2].second.size() == std::string("SHA-256 ").size() + 64);
  CHECK(io::read_png_texts(p.folder / "in/a.png").empty());
  CHECK(io::read_png_texts(p.folder / "none.png").empty());
  CHECK(io::read_png_texts(p.folder.path).empty());
}

TEST_CASE("only earlier results are replaced: every other file, link or folder in their place is refused") {
  const Pictures p;
  const fs::path in = p.folder / "in", out = p.folder / "out";
  write_gray(in / "a.png", 9, 9);
  write_gray(in / "b.png", 8, 8);
  const std::string all = p.translate + quoted(out) + " " + quoted(in);
  REQUIRE(command(all).code == 0);
  CHECK(command(all).code == 0);  // an own result is

  write_gray(out / "b.png", 5, 5);  // the user's
  const std::string theirs = io::read_file(out / "b.png");
  fs::remove(out / "a.png");
  const Ran refused = command(all);
  CHECK(refused.code == 1);
  CHECK(refused.says("b.png: is there already, and uptake has not written it; choose another --out"));
  CHECK(io::read_file(out / "b.png") == theirs);
  CHECK_FALSE(fs::exists(out / "a.png"));  // nothing partial

  fs::remove(out / "b.png");
  fs::create_symlink(in / "b.png", out / "b.png");
  CHECK(command(all).says("b.png: is a link, which uptake has not made"));
  fs::remove(out / "b.png");
  fs::create_symlink("nowhere", out / "b.png");
  CHECK(command(all).says("b.png: is a link"));
  fs::remove(out / "b.png");
  fs::create_hard_link(in / "a.png", out / "b.png");
  CHECK(command(all).says("b.png: is an input itself"));
  fs::remove(out / "b.png");
  fs::create_directory(out / "b.png");
  CHECK(command(all).says("b.png: is a folder"));
  const std::string input = io::read_file(in / "a.png");
  CHECK(command(p.translate + quoted(in) + " " + quoted(in / "a.png")).says("is the input itself"));
  CHECK(io::read_file(in / "a.png") == input);
}

TEST_CASE("inputs whose results would have one name are refused before anything is written") {
  const Pictures p;
  write_gray(p.folder / "in/a.png", 9, 9);
  write_gray(p.folder / "in/A.png", 9, 9);
  write_gray(p.folder / "other/a.png", 9, 9);
  const std::string to = p.translate + quoted(p.folder / "out") + " ";
  const std::string a = quoted(p.folder / "in/a.png");
  CHECK(command(to + a + " " + quoted(p.folder / "in/A.png"))
            .says("capitals make no difference on some disks"));
  CHECK(command(to + a + " " + quoted(p.folder / "other/a.png")).says("in/a.png already is"));
  CHECK_FALSE(fs::exists(p.folder / "out"));
  CHECK(command(to + a + " " + a).code == 0);  // one input, named twice
}

#ifdef UPTAKE_HAS_DICOM
TEST_CASE("DICOM results never take the place of an original or of another patient's prediction") {
  const TemporaryFolder folder;
  const fs::path dicom = folder / "cohort/dicom", out = folder / "out";
  REQUIRE(command("phantom --out " + quoted(folder / "cohort") + " --patients 3 --seed 1 --size 32").code ==
          0);
  REQUIRE(
      command("train --data " + quoted(folder / "cohort") + " --out " + quoted(folder / "run") + kSmallModel)
          .code == 0);
  const std::string to = "translate --model " + quoted(folder / "run/last.safetensors") + " --out ";
  const fs::path first = dicom / "P001_bloodpool.dcm", second = dicom / "P002_bloodpool.dcm";

  // The same name with another extension: the other file is another patient's original.
  fs::create_directories(folder / "study");
  fs::copy_file(first, folder / "study/x.ima");
  fs::copy_file(second, folder / "study/x.dcm");
  const std::string original = io::read_file(folder / "study/x.dcm");
  CHECK(command(to + quoted(folder / "study") + " " + quoted(folder / "study/x.ima"))
            .says("x.dcm: is there already, and uptake has not written it"));
  CHECK(io::read_file(folder / "study/x.dcm") == original);

  // Several files lie beside their results under another name.
  fs::create_directories(folder / "two");
  fs::copy_file(first, folder / "two/1.dcm");
  fs::copy_file(second, folder / "two/2.dcm");
  REQUIRE(command(to + quoted(folder / "two") + " " + quoted(folder / "two")).code == 0);
  CHECK(io::predicted_from(folder / "two/1_predicted_delayed.dcm") == io::instance_uid(first));
  CHECK(io::read_file(folder / "two/1.dcm") == io::read_file(first));

  // A result is replaced by one of the same source only.
  REQUIRE(command(to + quoted(out / "p.dcm") + " " + quoted(first)).code == 0);
  CHECK(command(to + quoted(out / "p.dcm") + " " + quoted(first)).code == 0);
  const Ran other = command(to + quoted(out / "p.dcm") + " " + quoted(second));
  CHECK(other.code == 1);
  CHECK(other.says("p.dcm: is the prediction from another image than"));
  CHECK(io::predicted_from(out / "p.dcm") == io::instance_uid(first));
}
#endif
