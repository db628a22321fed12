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

void write_png(const fs::path& path, const io::Image& image) {
  fs::create_directories(path.parent_path());
  io::write_png(path, image);
}

/// "translate --model RUN/last.safetensors --out OUT " of a run that has been trained on DATA.
std::string trained(const fs::path& data, const fs::path& folder) {
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
    write_png(folder / ("data/train/" + std::to_string(i) + ".png"),
              patterned(16, 40, static_cast<std::uint32_t>(i)));
  const std::string translate = trained(folder / "data", folder.path());
  const io::Image pair = patterned(32, 80, 7);
  write_png(folder / "in/pair.png", pair);
  write_png(folder / "left/pair.png", io::crop(pair, 0, 0, 32, 40));

  const Ran half = command(translate + quoted(folder / "half") + " " + quoted(folder / "in"));
  CAPTURE(half.text);
  CHECK(half.code == 0);
  CHECK(half.says(
      "pair.png: is a whole pair by its shape (80 x 32 pixels): its left half, the input, is translated"));
  CHECK(command(translate + quoted(folder / "alone") + " " + quoted(folder / "left")).code == 0);
  CHECK(io::read_file(folder / "half/pair.png") == io::read_file(folder / "alone/pair.png"));
  CHECK(io::read_image(folder / "half/pair.png").width == 40);

  const Ran whole =
      command(translate + quoted(folder / "whole") + " --side-by-side whole " + quoted(folder / "in"));
  CHECK(whole.code == 0);
  CHECK(io::read_image(folder / "whole/pair.png").width == 80);
  write_png(folder / "odd.png", patterned(32, 81, 1));
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
      write_png(folder / ("data/" + std::string(side) + "/" + std::to_string(i) + ".png"),
                patterned(16, 16, 3));
  const std::string translate = trained(folder / "data", folder.path());
  write_png(folder / "black.png", io::Image(16, 16, 1, io::SampleKind::u8));
  write_png(folder / "deep.png", patterned(16, 16, 1, io::SampleKind::u16));
  const Ran black = command(translate + quoted(folder / "out") + " " + quoted(folder / "black.png"));
  CHECK(black.code == 1);
  CHECK(black.says(
      "black.png: is not like the images the model was trained on: the image is empty: every pixel is 0"));
  CHECK(black.says("--force"));
  CHECK_FALSE(fs::exists(folder / "out/black.png"));
  const Ran forced = command(translate + quoted(folder / "out") + " --force " + quoted(folder / "black.png"));
  CHECK(forced.code == 0);
  CHECK(forced.says("forced, though it is not like the images"));
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
    write_png(folder / ("data/train/" + std::to_string(i) + ".png"), patterned(16, 32, 3));
  const std::string translate = trained(folder / "data", folder.path());
  const fs::path checkpoint = folder / "run/last.safetensors";
  io::Safetensors file = io::read_safetensors(checkpoint);
  REQUIRE(file.metadata.erase("trained_on") == 1);
  io::write_safetensors(checkpoint, file);
  write_png(folder / "in/black.png", io::Image(16, 16, 1, io::SampleKind::u8));
  write_png(folder / "in/gray.png", patterned(16, 16, 1));
  const Ran ran = command(translate + quoted(folder / "out") + " " + quoted(folder / "in"));
  CHECK(ran.code == 0);
  CHECK(ran.says("last.safetensors does not say what it was trained on"));
  CHECK(ran.text.find("does not say") == ran.text.rfind("does not say"));
  CHECK(command("inspect " + quoted(checkpoint)).says("trained on     unknown"));
}
