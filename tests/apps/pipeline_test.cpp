// The main job through the command: make a cohort, train, stop, resume, translate, evaluate.
#include <doctest/doctest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "io/base/file.h"
#include "io/dicom/dicom.h"
#include "io/image/image.h"
#include "tests/apps/command.h"

namespace fs = std::filesystem;
namespace io = uptake::io;

namespace {

const char* const kSmallModel =
    " --net-g unet_16 --ngf 2 --ndf 2 --net-d pixel --epochs 1 --epochs-decay 0 --threads 2 ";

fs::path test_data() {
  if (const char* folder = std::getenv("UPTAKE_TEST_DATA")) return folder;
  return fs::path(UPTAKE_SOURCE_DIR) / "../shared/data";
}

void write_gray(const fs::path& path, std::int64_t h, std::int64_t w, io::SampleKind kind) {
  fs::create_directories(path.parent_path());
  io::Image image(h, w, 1, kind);
  for (std::size_t i = 0; i < image.samples.size(); ++i)
    image.samples[i] =
        static_cast<float>((i * 2654435761u >> 7) % (kind == io::SampleKind::u16 ? 65536 : 256));
  io::write_png(path, image);
}

// Lines "Error ..." of dciodvfy. Debian's version (2022) does not know SyntheticData (0008,001C), which DICOM
// has since 2023: exactly that complaint is not counted.
std::string dicom_errors(const fs::path& path) {
  return shell("dciodvfy " + quoted(path) +
               " 2>&1 | grep '^Error' | grep -v 'recognized standard attribute - (0x0008,0x001c)'")
      .text;
}

bool has_dciodvfy() { return shell("command -v dciodvfy").code == 0; }

}  // namespace

#ifdef UPTAKE_HAS_DICOM
TEST_CASE("a DICOM cohort is made, trained on, translated to valid derived NM and evaluated into a report") {
  const TemporaryFolder folder;
  const fs::path cohort = folder / "cohort", run = folder / "run", out = folder / "out",
                 report = folder / "report";
  REQUIRE(command("phantom --out " + quoted(cohort) + " --patients 8 --seed 3 --size 32").code == 0);
  const Ran trained = command("train --data " + quoted(cohort) + " --out " + quoted(run) + kSmallModel);
  CAPTURE(trained.text);
  REQUIRE(trained.code == 0);
  CHECK(trained.says("load-size=0"));
  CHECK(trained.says("flip=false"));
  CHECK(trained.says("upsample=bilinear"));
  CHECK(trained.says("validation L1"));
  const fs::path model = run / "best.safetensors";
  CHECK(command("inspect " + quoted(model)).says("unet_16"));

  const fs::path input = cohort / "dicom/P001_bloodpool.dcm";
  const Ran translated =
      command("translate --model " + quoted(model) + " --out " + quoted(out) + " " + quoted(input));
  CAPTURE(translated.text);
  REQUIRE(translated.code == 0);
  const fs::path predicted = out / "P001_bloodpool.dcm";
  const io::DicomImage source = io::read_dicom(input), derived = io::read_dicom(predicted);
  CHECK(derived.derived());
  CHECK(derived.synthetic);
  CHECK(derived.study_instance_uid == source.study_instance_uid);
  CHECK(derived.series_instance_uid != source.series_instance_uid);
  CHECK(derived.sop_instance_uid != source.sop_instance_uid);
  CHECK(derived.patient_id == source.patient_id);
  CHECK(derived.frames[0].height == 32);
  if (has_dciodvfy()) {
    CHECK(dicom_errors(input).empty());
    CHECK(dicom_errors(predicted).empty());
  } else {
    MESSAGE("SKIPPED: dciodvfy is not installed");
  }

  CHECK(command("phantom --out " + quoted(cohort) + " --patients 2").says("already holds a cohort"));

  // Files named by UIDs, as archives export them, keep their whole names.
  fs::create_directories(folder / "export");
  for (const char* name : {"1.2.840.5", "1.2.840.6"}) fs::copy_file(input, folder / "export" / name);
  CHECK(command("translate --model " + quoted(model) + " --out " + quoted(out) + " " +
                quoted(folder / "export"))
            .code == 0);
  CHECK(fs::exists(out / "1.2.840.5_predicted_delayed.dcm"));
  CHECK(fs::exists(out / "1.2.840.6_predicted_delayed.dcm"));

  const Ran evaluated =
      command("evaluate --model " + quoted(model) + " --data " + quoted(cohort) + " --out " + quoted(report));
  CAPTURE(evaluated.text);
  REQUIRE(evaluated.code == 0);
  CHECK(evaluated.says("report.html"));
  const auto summary = nlohmann::json::parse(io::read_file(report / "summary.json"));
  CHECK(summary.at("cases").get<int>() >= 1);
  CHECK(summary.at("l1").at("mean").get<double>() > 0);
  const std::string html = io::read_file(report / "report.html");
  CHECK(html.find("data:image/png;base64,") != std::string::npos);
  CHECK(html.find("<svg") != std::string::npos);
  CHECK(html.find("http-equiv=\"refresh\"") == std::string::npos);
  CHECK(io::read_file(report / "metrics.csv")
            .starts_with("case,l1,relative_l1,nrmse,psnr_db,ssim,data_range\n"));
}

TEST_CASE("a real scan and its compressed twins are translated to the same counts") {
  const fs::path nm = test_data() / "dicom/nm";
  if (!fs::exists(nm / "NM1_UNC.dcm")) {
    MESSAGE("SKIPPED: no real DICOM data; set UPTAKE_TEST_DATA");
    return;
  }
  const TemporaryFolder folder;
  REQUIRE(command("phantom --out " + quoted(folder / "cohort") + " --patients 3 --seed 1 --size 32").code ==
          0);
  REQUIRE(
      command("train --data " + quoted(folder / "cohort") + " --out " + quoted(folder / "run") + kSmallModel)
          .code == 0);
  const std::string model = "translate --model " + quoted(folder / "run/best.safetensors") + " --out ";
  std::vector<io::DicomImage> results;
  for (const char* name : {"NM1_UNC", "NM1_RLE", "NM1_JPLL", "NM1_JLSL"}) {
    CAPTURE(name);
    const fs::path input = nm / (std::string(name) + ".dcm"), output = folder / (std::string(name) + ".dcm");
    CHECK(command("inspect " + quoted(input)).says("1024 rows x 256 columns"));
    const Ran refused = command(model + quoted(output) + " " + quoted(input));
    CHECK(refused.code == 1);  // the model knows hands and feet
    CHECK(refused.says("the body part is WHOLE BODY (trained: HAND)"));
    CHECK_FALSE(fs::exists(output));
    const Ran ran = command(model + quoted(output) + " --force " + quoted(input));
    CAPTURE(ran.text);
    REQUIRE(ran.code == 0);
    if (has_dciodvfy()) CHECK(dicom_errors(output).empty());
    results.push_back(io::read_dicom(output));
    CHECK((results.back().frames[0].samples == results.front().frames[0].samples));
  }
  CHECK(results[0].frames[0].height == 1024);
  const Ran j2k = command(model + quoted(folder / "no.dcm") + " " + quoted(nm / "NM1_J2KR.dcm"));
  CHECK(j2k.code == 1);
  CHECK(j2k.says("JPEG 2000"));
  CHECK_FALSE(fs::exists(folder / "no.dcm"));
  const Ran heart =
      command(model + quoted(folder / "no.dcm") + " " + quoted(nm / "NM-MONO2-16-13x-heart.dcm"));
  CHECK(heart.code == 1);
  CHECK(heart.says("TOMO"));
}
#endif

TEST_CASE("16-bit gray pictures in two folders stay 16-bit gray") {
  const TemporaryFolder folder;
  for (int i = 0; i < 3; ++i) {
    write_gray(folder / ("data/A/" + std::to_string(i) + ".png"), 20, 24, io::SampleKind::u16);
    write_gray(folder / ("data/B/" + std::to_string(i) + ".png"), 20, 24, io::SampleKind::u16);
  }
  const Ran trained = command("train --data " + quoted(folder / "data") + " --out " + quoted(folder / "run") +
                              " --load-size 0 --crop-size 0" + kSmallModel);
  CAPTURE(trained.text);
  REQUIRE(trained.code == 0);
  const Ran translated = command("translate --model " + quoted(folder / "run/last.safetensors") + " --out " +
                                 quoted(folder / "out") + " " + quoted(folder / "data/A"));
  CAPTURE(translated.text);
  REQUIRE(translated.code == 0);
  const io::Image image = io::read_image(folder / "out/1.png");
  CHECK(image.kind == io::SampleKind::u16);
  CHECK(image.channels == 1);
  CHECK(image.height == 20);
  CHECK(image.width == 24);
}

TEST_CASE("evaluate names what it leaves out, and refuses data of another kind before writing anything") {
  const TemporaryFolder folder;
  for (const char* split : {"train", "test"})
    for (int i = 0; i < 2; ++i)
      write_gray(folder / ("data/" + std::string(split) + "/" + std::to_string(i) + ".png"), 16, 32,
                 io::SampleKind::u8);
  write_gray(folder / "deep/test/0.png", 16, 32, io::SampleKind::u16);
  REQUIRE(command("train --data " + quoted(folder / "data") + " --out " + quoted(folder / "run") +
                  " --load-size 0 --crop-size 0" + kSmallModel)
              .code == 0);
  const std::string evaluate = "evaluate --model " + quoted(folder / "run/best.safetensors") + " --out ";
  const Ran deep = command(evaluate + quoted(folder / "no") + " --data " + quoted(folder / "deep"));
  CHECK(deep.code == 1);
  CHECK(deep.says("of the input the image is 16-bit gray (trained: 8-bit gray)"));
  CHECK_FALSE(fs::exists(folder / "no"));
  io::write_file_atomically(folder / "data/test/bad.png", "no image");
  CHECK(command(evaluate + quoted(folder / "no") + " --data " + quoted(folder / "data"))
            .says("1 files of split 'test' cannot be used; repair or remove them, or leave them out with "
                  "--skip-bad:\n  test/bad.png "));
  const Ran skipping =
      command(evaluate + quoted(folder / "report") + " --skip-bad --data " + quoted(folder / "data"));
  CHECK(skipping.code == 0);
  CHECK(skipping.says("left out: test/bad.png"));
  CHECK(nlohmann::json::parse(io::read_file(folder / "report/summary.json")).at("left_out") == 1);
}

TEST_CASE("one bad file among good ones is named, the good ones are done, the exit code is 1") {
  const TemporaryFolder folder;
  for (int i = 0; i < 2; ++i)
    write_gray(folder / ("data/train/" + std::to_string(i) + ".png"), 16, 32, io::SampleKind::u8);
  REQUIRE(command("train --data " + quoted(folder / "data") + " --out " + quoted(folder / "run") +
                  " --load-size 0 --crop-size 0" + kSmallModel)
              .code == 0);
  write_gray(folder / "in/good.png", 9, 9, io::SampleKind::u8);
  write_gray(folder / "in/deep.png", 9, 9, io::SampleKind::u16);
  const std::string whole = io::read_file(folder / "in/good.png");
  io::write_file_atomically(folder / "in/cut.png", whole.substr(0, whole.size() / 2));
  const std::string model = "translate --model " + quoted(folder / "run/last.safetensors") + " --out ";
  const Ran ran = command(model + quoted(folder / "out") + " " + quoted(folder / "in"));
  CHECK(ran.code == 1);
  CHECK(ran.says("cut.png: "));
  CHECK(ran.says("the image is 16-bit gray (trained: 8-bit gray)"));
  CHECK(ran.says("2 of 3 files could not be translated"));
  CHECK(fs::exists(folder / "out/good.png"));
  CHECK_FALSE(fs::exists(folder / "out/cut.png"));
  CHECK(command(model + quoted(folder / "in") + " " + quoted(folder / "in/good.png"))
            .says("is the input itself"));
  CHECK(io::read_file(folder / "in/good.png") == whole);
}

TEST_CASE("a run that was started with the convolutions of another machine is resumed with this one's") {
  const TemporaryFolder folder;
  for (const char* name : {"1.png", "2.png"})
    write_gray(folder / "data/train" / name, 16, 32, io::SampleKind::u8);
  const std::string train = "train --data " + quoted(folder / "data") + " --out " + quoted(folder / "run") +
                            kSmallModel + "--load-size 0 --crop-size 0 --device cpu";
  const Ran first = command(train);
  CAPTURE(first.text);
  REQUIRE(first.code == 0);
  const fs::path file = folder / "run/last.safetensors";
  std::string bytes = io::read_file(file);
  const std::string here = R"(\"conv\":\"auto\")", there = R"(\"conv\":\"own\" )";
  const std::size_t at = bytes.find(here);
  REQUIRE(at != std::string::npos);
  io::write_file_atomically(file, bytes.replace(at, here.size(), there));
  const Ran resumed = command(train + " --resume --epochs 2");
  CAPTURE(resumed.text);
  CHECK(resumed.code == 0);
  CHECK(resumed.says("convolutions: the run used own, which is not for this machine; auto from here on"));
  CHECK(command("train --data " + quoted(folder / "data") + " --out " + quoted(folder / "other") +
                " --device cpu --conv own")
            .code == 2);
}

TEST_CASE("Ctrl-C finishes the step, saves, says how to resume; the resumed run ends with the same bits") {
  const TemporaryFolder folder;
  for (int i = 0; i < 6; ++i)
    write_gray(folder / ("data/train/" + std::to_string(i) + ".png"), 32, 64, io::SampleKind::u8);
  const std::string data = " --data " + quoted(folder / "data");
  const std::string options =
      " --load-size 0 --crop-size 0 --net-g unet_32 --ngf 4 --ndf 8 --epochs 12 --epochs-decay 12 "
      "--threads 1 ";
  const Ran whole = command("train --out " + quoted(folder / "whole") + data + options);
  REQUIRE(whole.code == 0);
  const std::string part = "train --out " + quoted(folder / "part") + data;
  // Interrupt once some steps are in the log.
  const Ran stopped =
      shell("'" UPTAKE_BINARY "' " + part + options + " & pid=$!; for i in $(seq 600); do [ $(cat " +
            quoted(folder / "part/losses.csv") +
            " 2>/dev/null | wc -l) -gt 4 ] && break; sleep 0.02; done; kill -INT $pid; wait $pid");
  CAPTURE(stopped.text);
  if (stopped.code == 0) {  // so fast a machine that it was over before
    MESSAGE("SKIPPED: the run ended before it could be interrupted");
    return;
  }
  CHECK(stopped.code == 130);
  CHECK(stopped.says("go on with: uptake train"));
  CHECK(command(part + " --resume --ngf 8").says("--ngf is 8, but the run being resumed has 4"));
  CHECK(command(part + options).says("already holds a training run"));
  const Ran resumed = command(part + " --resume");
  CAPTURE(resumed.text);
  REQUIRE(resumed.code == 0);
  CHECK(
      (io::read_file(folder / "part/last.safetensors") == io::read_file(folder / "whole/last.safetensors")));
  CHECK((io::read_file(folder / "part/losses.csv") == io::read_file(folder / "whole/losses.csv")));
}
