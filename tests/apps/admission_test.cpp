// Which inputs a trained model is given, through the command.
#include <doctest/doctest.h>

#include "io/base/file.h"
#include "io/dicom/dicom.h"
#include "io/image/image.h"
#include "io/tensors/safetensors.h"
#include "tests/apps/command.h"

namespace fs = std::filesystem;
namespace io = uptake::io;

namespace {

const char* const kSmallModel =
    " --net-g unet_16 --ngf 2 --ndf 2 --net-d pixel --epochs 1 --epochs-decay 0 --threads 1 --device cpu "
    "--load-size 0 --crop-size 0 ";

io::Image patterned(std::int64_t h, std::int64_t w, std::uint32_t seed,
                    io::SampleKind kind = io::SampleKind::u8) {
  io::Image image(h, w, 1, kind);
  for (std::size_t i = 0; i < image.samples.size(); ++i)
    image.samples[i] = static_cast<float>((static_cast<std::uint32_t>(i) + seed) * 2654435761U >> 24);
  return image;
}

void put_png(const fs::path& path, const io::Image& image) {
  fs::create_directories(path.parent_path());
  io::write_png(path, image);
}

/// "translate --model RUN/last.safetensors --out OUT " of a run that has been trained on DATA.
std::string trained(const fs::path& data, const TemporaryFolder& folder) {
  const Ran ran =
      command("train --data " + quoted(data) + " --out " + quoted(folder / "run") + std::string(kSmallModel));
  CAPTURE(ran.text);
  REQUIRE(ran.code == 0);
  return "translate --device cpu --model " + quoted(folder / "run/last.safetensors") + " --out ";
}

}  // namespace

TEST_CASE("a model trained on side-by-side pairs is given the input half of a whole pair") {
  const TemporaryFolder folder;
  for (int i = 0; i < 3; ++i)
    put_png(folder / ("data/train/" + std::to_string(i) + ".png"),
            patterned(16, 40, static_cast<std::uint32_t>(i)));
  const std::string translate = trained(folder / "data", folder);
  const io::Image pair = patterned(32, 80, 7);
  put_png(folder / "in/pair.png", pair);
  put_png(folder / "left/pair.png", io::crop(pair, 0, 0, 32, 40));

  const Ran half = command(translate + quoted(folder / "half") + " " + quoted(folder / "in"));
  CAPTURE(half.text);
  CHECK(half.code == 0);
  CHECK(half.says(
      "pair.png: is a whole pair by its shape (80 x 32 pixels): its left half, the input, is translated"));
  CHECK(command(translate + quoted(folder / "alone") + " " + quoted(folder / "left")).code == 0);
  CHECK(io::read_file(folder / "half/pair.png") == io::read_file(folder / "alone/pair.png"));
  CHECK(io::read_image(folder / "half/pair.png").width == 40);
  const Ran own = command(translate + quoted(folder / "again") + " " + quoted(folder / "half/pair.png"));
  CHECK(own.code == 1);
  CHECK(own.says("pair.png: is not like the images the model was trained on: the origin is a prediction"));

  const Ran whole =
      command(translate + quoted(folder / "whole") + " --side-by-side whole " + quoted(folder / "in"));
  CHECK(whole.code == 0);
  CHECK(io::read_image(folder / "whole/pair.png").width == 80);
  put_png(folder / "odd.png", patterned(32, 81, 1));
  const Ran odd =
      command(translate + quoted(folder / "o") + " --side-by-side half " + quoted(folder / "odd.png"));
  CHECK(odd.code == 1);
  CHECK(odd.says("its width is odd"));
  CHECK(command("inspect " + quoted(folder / "run/last.safetensors"))
            .says("inputs: 3 images, 8-bit gray, 16 x 20 pixels"));
}

TEST_CASE("an empty picture and one of another depth are refused, --force takes what the network can take") {
  const TemporaryFolder folder;
  for (int i = 0; i < 2; ++i)
    for (const char* side : {"A", "B"})
      put_png(folder / ("data/" + std::string(side) + "/" + std::to_string(i) + ".png"),
              patterned(16, 16, 3));
  const std::string translate = trained(folder / "data", folder);
  put_png(folder / "black.png", io::Image(16, 16, 1, io::SampleKind::u8));
  put_png(folder / "deep.png", patterned(16, 16, 1, io::SampleKind::u16));
  const Ran black = command(translate + quoted(folder / "out") + " " + quoted(folder / "black.png"));
  CHECK(black.code == 1);
  CHECK(black.says(
      "black.png: is not like the images the model was trained on: the image is empty: every pixel is 0"));
  CHECK(black.says("--force"));
  CHECK_FALSE(fs::exists(folder / "out/black.png"));
  const Ran forced = command(translate + quoted(folder / "out") + " --force " + quoted(folder / "black.png"));
  CHECK(forced.code == 0);
  CHECK(forced.says("forced, though it is not like the images"));
  CHECK(io::read_file(folder / "out/black.png").find("image empty: every pixel is 0 (trained: ") !=
        std::string::npos);
  const Ran deep = command(translate + quoted(folder / "out") + " --force " + quoted(folder / "deep.png"));
  CHECK(deep.code == 1);
  CHECK(
      deep.says("deep.png: is not like the images the model was trained on: the image is 16-bit gray "
                "(trained: 8-bit gray)"));
  CHECK_FALSE(deep.says("--force takes"));
}

TEST_CASE(
    "a checkpoint from before says nothing of its training images: one line of warning, and it translates") {
  const TemporaryFolder folder;
  for (int i = 0; i < 2; ++i)
    put_png(folder / ("data/train/" + std::to_string(i) + ".png"), patterned(16, 32, 3));
  const std::string translate = trained(folder / "data", folder);
  const fs::path checkpoint = folder / "run/last.safetensors";
  io::Safetensors file = io::read_safetensors(checkpoint);
  REQUIRE(file.metadata.erase("trained_on") == 1);
  io::write_safetensors(checkpoint, file);
  put_png(folder / "in/black.png", io::Image(16, 16, 1, io::SampleKind::u8));
  put_png(folder / "in/gray.png", patterned(16, 16, 1));
  const Ran ran = command(translate + quoted(folder / "out") + " " + quoted(folder / "in"));
  CHECK(ran.code == 0);
  CHECK(ran.says("last.safetensors does not say what it was trained on"));
  CHECK(ran.text.find("does not say") == ran.text.rfind("does not say"));
  CHECK(command("inspect " + quoted(checkpoint)).says("trained on     unknown"));
}

#ifdef UPTAKE_HAS_DICOM
TEST_CASE(
    "a blood-pool model refuses other scans, and says which quantity, its value and the trained range") {
  const TemporaryFolder folder;
  const fs::path cohort = folder / "cohort";
  REQUIRE(command("phantom --out " + quoted(cohort) + " --patients 6 --seed 1 --size 32").code == 0);
  const std::string translate = trained(cohort, folder);
  const fs::path model = folder / "run/last.safetensors", own = cohort / "dicom/P001_bloodpool.dcm";
  const Ran taken = command(translate + quoted(folder / "own.dcm") + " " + quoted(own));
  CAPTURE(taken.text);
  REQUIRE(taken.code == 0);
  CHECK_FALSE(taken.says("unusual"));
  CHECK_FALSE(taken.says("does not state"));
  const Ran about = command("inspect " + quoted(model));
  CHECK(about.says("32 x 32 pixels, spacing 8 mm"));
  CHECK(about.says("10 min after injection, 300 s a frame, FOOT, HAND, anterior, STATIC, Tc-99m HDP"));
  CHECK(about.says("180 min after injection, 600 s a frame"));
  CHECK(about.says("all synthetic"));

  const io::DicomImage source = io::read_dicom(own);
  const auto write = [&](const std::string& name, const auto& change) {
    io::PlanarNm planar;
    planar.frames = source.frames;
    planar.views = source.views;
    planar.patient_id = planar.patient_name = "X";
    planar.body_part = "HAND";
    planar.study_time = planar.injection_time = "090000";
    planar.acquisition_time = "091000";
    planar.pixel_spacing_mm = 8;
    for (auto* uid : {&planar.study_instance_uid, &planar.series_instance_uid, &planar.sop_instance_uid,
                      &planar.frame_of_reference_uid})
      *uid = io::uid_from_name(name + std::to_string(reinterpret_cast<std::uintptr_t>(uid)));
    change(planar);
    fs::create_directories(folder / "in");
    io::write_planar_nm(folder / "in" / (name + ".dcm"), planar);
  };
  const auto times = [](io::PlanarNm& p, float factor) {
    for (io::Image& frame : p.frames)
      for (float& sample : frame.samples) sample *= factor;
  };
  write("same", [](auto&) {});
  write("skull", [](auto& p) { p.body_part = "SKULL"; });
  write("late", [](auto& p) { p.acquisition_time = "120000"; });
  write("timeless", [](auto& p) { p.acquisition_time = p.injection_time = ""; });
  write("bright", [&](auto& p) { times(p, 43); });
  write("empty", [&](auto& p) { times(p, 0); });
  write("coarse", [](auto& p) { p.pixel_spacing_mm = 16; });
  write("back", [](auto& p) { p.views = {io::View::posterior}; });
  write("syringe", [&](auto& p) {
    times(p, 0);
    for (std::int64_t y = 14; y < 18; ++y) p.frames[0].at(y, 15, 0) = 100;
  });
  const Ran ran = command(translate + quoted(folder / "out") + " " + quoted(folder / "in"));
  CAPTURE(ran.text);
  CHECK(ran.code == 1);
  CHECK(
      ran.says("skull.dcm: is not like the images the model was trained on: the body part is SKULL (trained: "
               "FOOT, HAND)"));
  CHECK(
      ran.says("late.dcm: is not like the images the model was trained on: the time after injection is 180 "
               "min (trained: 10 min)"));
  CHECK(ran.says("timeless.dcm: does not state, so that it cannot be compared: time after injection"));
  CHECK(ran.says(
      "bright.dcm: is not like the images the model was trained on: the 99 % quantile of its pixels is"));
  CHECK(ran.says("empty.dcm: is not like the images the model was trained on: the image is empty"));
  CHECK(
      ran.says("coarse.dcm: is not like the images the model was trained on: the pixel spacing is 16 mm "
               "(trained: 8 mm)"));
  CHECK(ran.says("; --match-spacing resamples it"));
  CHECK(
      ran.says("back.dcm: is not like the images the model was trained on: the view is posterior (trained: "
               "anterior)"));
  CHECK(ran.says("syringe.dcm: is not like the images the model was trained on: "));
  CHECK(ran.says("nine tenths of its counts"));
  CHECK(ran.says("7 of 9 files could not be translated"));

  const Ran again = command(translate + quoted(folder / "again.dcm") + " " + quoted(folder / "own.dcm"));
  CHECK(again.code == 1);
  CHECK(again.says("own.dcm: is not like the images the model was trained on: the origin is a prediction"));

  const Ran forced =
      command(translate + quoted(folder / "forced.dcm") + " --force " + quoted(folder / "in/late.dcm"));
  CAPTURE(forced.text);
  CHECK(forced.code == 0);
  CHECK(forced.says("forced, though"));
  CHECK(io::read_file(folder / "forced.dcm").find("time after injection 180 min (trained: 10 min)") !=
        std::string::npos);

  // Of the same field of view, twice as coarse: matched, and written on its own pixels.
  const fs::path matched_file = folder / "matched.dcm";
  write("half", [&](auto& p) {
    p.pixel_spacing_mm = 16;
    io::Image coarse(16, 16, 1, io::SampleKind::counts);
    for (std::int64_t y = 0; y < 32; ++y)
      for (std::int64_t x = 0; x < 32; ++x) coarse.at(y / 2, x / 2, 0) += p.frames[0].at(y, x, 0);
    p.frames = {coarse};
  });
  CHECK(command(translate + quoted(matched_file) + " " + quoted(folder / "in/half.dcm")).code == 1);
  const Ran matched =
      command(translate + quoted(matched_file) + " --match-spacing " + quoted(folder / "in/half.dcm"));
  CAPTURE(matched.text);
  REQUIRE(matched.code == 0);
  const io::DicomImage prediction = io::read_dicom(matched_file), direct = io::read_dicom(folder / "own.dcm");
  CHECK(prediction.frames[0].width == 16);
  const auto sum = [](const io::Image& image) {
    double total = 0;
    for (const float sample : image.samples) total += sample;
    return total;
  };
  CHECK(sum(prediction.frames[0]) == doctest::Approx(sum(direct.frames[0])).epsilon(0.1));

  // A data set is compared pair by pair, inputs and targets.
  const Ran good = command("evaluate --device cpu --model " + quoted(model) + " --data " + quoted(cohort) +
                           " --out " + quoted(folder / "report"));
  CAPTURE(good.text);
  CHECK(good.code == 0);
  CHECK(io::read_file(folder / "report/summary.json").find("\"outside_training\": 0") != std::string::npos);
  CHECK_FALSE(good.says("unusual"));
  REQUIRE(command("phantom --out " + quoted(folder / "fine") + " --patients 6 --seed 1 --size 64").code == 0);
  const std::string evaluate = "evaluate --device cpu --model " + quoted(model) + " --data " +
                               quoted(folder / "fine") + " --out " + quoted(folder / "no");
  const Ran other = command(evaluate);
  CAPTURE(other.text);
  CHECK(other.code == 1);
  CHECK(other.says(
      "1 of 1 pairs are not like those the model was trained on; --force judges them all the same:\n"));
  CHECK(other.says("\n  case 1: of the input the 99 % quantile"));
  CHECK(other.says("of the input the pixel spacing is 4 mm (trained: 8 mm)"));
  CHECK(other.says("of the target the pixel spacing is 4 mm (trained: 8 mm)"));
  CHECK_FALSE(fs::exists(folder / "no"));
  const Ran judged = command(evaluate + " --force");
  CHECK(judged.code == 0);
  CHECK(judged.says("forced, though 1 of 1 pairs"));
  CHECK(io::read_file(folder / "no/summary.json").find("\"outside_training\": 1") != std::string::npos);
}
#endif
