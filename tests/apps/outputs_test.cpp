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
  CHECK(command(to + quoted(folder / "study") + " " + quoted(folder / "study/x.ima")).code == 0);
  CHECK(io::predicted_from(folder / "study/x_predicted_delayed.dcm") ==
        io::identity_of(first).sop_instance_uid);
  fs::create_directories(folder / "study/more");
  fs::copy_file(first, folder / "study/more/x.ima");
  CHECK(command(to + quoted(folder / "study") + " " + quoted(folder / "study/more/x.ima"))
            .says("x.dcm: is there already, and uptake has not written it"));
  CHECK(io::read_file(folder / "study/x.dcm") == original);

  // Several files lie beside their results under another name.
  fs::create_directories(folder / "two");
  fs::copy_file(first, folder / "two/1.dcm");
  fs::copy_file(second, folder / "two/2.dcm");
  REQUIRE(command(to + quoted(folder / "two") + " " + quoted(folder / "two")).code == 0);
  CHECK(io::predicted_from(folder / "two/1_predicted_delayed.dcm") ==
        io::identity_of(first).sop_instance_uid);
  CHECK(io::read_file(folder / "two/1.dcm") == io::read_file(first));

  // A result is replaced by one of the same source only.
  REQUIRE(command(to + quoted(out / "p.dcm") + " " + quoted(first)).code == 0);
  CHECK(command(to + quoted(out / "p.dcm") + " " + quoted(first)).code == 0);
  const Ran other = command(to + quoted(out / "p.dcm") + " " + quoted(second));
  CHECK(other.code == 1);
  CHECK(other.says("p.dcm: is the prediction from another image than"));
  CHECK(io::predicted_from(out / "p.dcm") == io::identity_of(first).sop_instance_uid);
}

namespace {

/// A cohort, a model of it, and how it is asked.
struct Counts {
  TemporaryFolder folder;
  fs::path first, second;
  std::string to;
  Counts() {
    REQUIRE(command("phantom --out " + quoted(folder / "cohort") + " --patients 4 --seed 1 --size 32").code ==
            0);
    REQUIRE(command("train --data " + quoted(folder / "cohort") + " --out " + quoted(folder / "run") +
                    kSmallModel)
                .code == 0);
    first = folder / "cohort/dicom/P001_bloodpool.dcm";
    second = folder / "cohort/dicom/P002_bloodpool.dcm";
    to = "translate --model " + quoted(folder / "run/last.safetensors") + " --out ";
  }
};

bool only_owner_reads(const fs::path& path) {
  return fs::status(path).permissions() == (fs::perms::owner_read | fs::perms::owner_write);
}

}  // namespace

TEST_CASE("results of one series keep their numbers; equal numbers are told apart") {
  const Counts c;
  fs::create_directories(c.folder / "in");
  for (const char* name : {"1.dcm", "2.dcm"}) fs::copy_file(c.first, c.folder / "in" / name);
  REQUIRE(command(c.to + quoted(c.folder / "out") + " " + quoted(c.folder / "in")).code == 0);
  std::set<long> numbers;
  std::set<std::string> series;
  for (const auto& entry : fs::directory_iterator(c.folder / "out")) {
    numbers.insert(io::identity_of(entry.path()).number);
    series.insert(io::read_dicom(entry.path()).series_instance_uid);
  }
  CHECK(numbers.size() == 2);
  CHECK(numbers.contains(io::identity_of(c.first).number));
  CHECK(series.size() == 1);
}

TEST_CASE("SOURCE_DATE_EPOCH makes the bytes of results those of any other day") {
  const Counts c;
  const auto translate = [&](const std::string& epoch, const char* name) {
    return shell("SOURCE_DATE_EPOCH=" + epoch + " '" UPTAKE_BINARY "' " + c.to + quoted(c.folder / name) +
                 " " + quoted(c.first));
  };
  REQUIRE(translate("1700000000", "a.dcm").code == 0);
  REQUIRE(translate("1700000000", "b.dcm").code == 0);
  CHECK(io::read_file(c.folder / "a.dcm") == io::read_file(c.folder / "b.dcm"));
  CHECK(translate("tomorrow", "c.dcm").code == 2);
  CHECK_FALSE(fs::exists(c.folder / "c.dcm"));
}

TEST_CASE("a display copy has its words in its pixels, below the image, and leaves the counts alone") {
  const Counts c;
  const std::string plain = c.to + quoted(c.folder / "p.dcm") + " " + quoted(c.first);
  const Ran png = command(plain + " --display-copy png");
  CAPTURE(png.text);
  REQUIRE(png.code == 0);
  const io::DicomImage counts = io::read_dicom(c.folder / "p.dcm");
  const io::Image copy = io::read_image(c.folder / "p_display.png");
  CHECK(copy.kind == io::SampleKind::u8);
  CHECK(copy.height == counts.frames[0].height + 4 * 9 + 2);
  CHECK(io::read_png_texts(c.folder / "p_display.png").size() == 3);
  REQUIRE(command(plain + " --display-copy dicom").code == 0);
  const io::DicomImage capture = io::read_dicom(c.folder / "p_display.dcm");
  CHECK(capture.burned_in);
  CHECK(capture.synthetic);
  CHECK(capture.frames[0].samples == copy.samples);
  CHECK(io::read_dicom(c.folder / "p.dcm").frames[0].samples == counts.frames[0].samples);
  io::write_file_atomically(c.folder / "p_display.png", "mine");
  CHECK(command(plain + " --display-copy png").says("p_display.png: is there already"));
}

TEST_CASE(
    "--anonymous: results, names and messages tell nothing of the patient; the key is for the owner alone") {
  const Counts c;
  const fs::path out = c.folder / "out";
  const std::string ask = c.to + quoted(out) + " --anonymous " + quoted(c.first) + " " + quoted(c.second);
  const Ran ran = command(ask);
  CAPTURE(ran.text);
  REQUIRE(ran.code == 0);
  CHECK_FALSE(ran.says("P001"));
  CHECK(ran.says("case 1 -> "));
  const io::DicomImage source = io::read_dicom(c.first);
  const io::DicomImage one = io::read_dicom(out / "case_1_predicted_delayed.dcm");
  const io::DicomImage two = io::read_dicom(out / "case_2_predicted_delayed.dcm");
  CHECK(one.patient_id.starts_with("ANON-"));
  CHECK(one.patient_id != two.patient_id);
  CHECK(one.study_instance_uid != source.study_instance_uid);
  const std::string bytes = io::read_file(out / "case_1_predicted_delayed.dcm");
  for (const std::string& trace : {source.patient_id, source.study_instance_uid, source.series_instance_uid,
                                   source.sop_instance_uid, source.acquisition_date})
    CHECK(bytes.find(trace) == std::string::npos);
  CHECK(only_owner_reads(out / "key.csv"));
  const std::string key = io::read_file(out / "key.csv");
  CHECK(key.starts_with("case,file,patient,pseudonym,result\n1,"));
  CHECK(key.find(source.patient_id + "," + one.patient_id) != std::string::npos);
  CHECK(command(ask).says("is there already, and anonymous results replace none"));
}

TEST_CASE("sample pictures of a cohort's run mark the prediction, below its pixels") {
  const Counts c;
  const fs::path sample = c.folder / "run/samples/epoch_0001.png";
  const io::PngTexts texts = io::read_png_texts(sample);
  REQUIRE(texts.size() == 2);
  CHECK(texts[1].first == "Synthetic");
  const io::Image picture = io::read_image(sample);
  const std::int64_t row = 32 + 9 + 2;  // an image of 32 pixels and a line of words
  CHECK((picture.height + 4) % (row + 4) == 0);
  CHECK(picture.width == 32 + 4 + 55 + 4 + 32);  // SYNTHETIC is wider than the image
}

TEST_CASE("evaluate: cases of a cohort are numbers, and the key is for the owner alone") {
  const Counts c;
  const fs::path report = c.folder / "report";
  REQUIRE(command("evaluate --model " + quoted(c.folder / "run/last.safetensors") + " --data " +
                  quoted(c.folder / "cohort") + " --split train --out " + quoted(report))
              .code == 0);
  const std::string table = io::read_file(report / "metrics.csv"),
                    html = io::read_file(report / "report.html");
  CHECK(table.find("\n1,") != std::string::npos);
  CHECK(html.find("case 1") != std::string::npos);
  for (const std::string& text : {table, html, io::read_file(report / "summary.json")})
    CHECK(text.find("P00") == std::string::npos);
  CHECK(only_owner_reads(report / "key.csv"));
  CHECK(io::read_file(report / "key.csv").starts_with("case,patient,a,b\n1,P00"));
  const std::string notice = "Synthetic: predicted images were not acquired from a patient.";
  const std::size_t first = html.find(notice), last = html.rfind(notice);
  CHECK(first < html.find("<h1>"));
  CHECK(last > html.find("</table>"));
}
#endif
