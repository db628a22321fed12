// Trains from given weights on given pairs in a given order, without dropout, and writes the losses of each
// step: the counterpart of bench/peer/loss_curve_torch.py, whose --save-init, --save-order and --save-pairs
// files it reads.
//
//   loss_curve INIT.safetensors PAIRS_DIR ORDER.txt OUT.csv STEPS NET_G NGF NDF      (A is the right half:
//   BtoA)
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "gan/intensity.h"
#include "gan/pix2pix.h"
#include "io/image/image.h"
#include "nn/state.h"

namespace {

using namespace uptake;

int run(const std::vector<std::string>& args) {
  const std::int64_t steps = std::stoll(args[4]), ngf = std::stoll(args[6]), ndf = std::stoll(args[7]);
  gan::Pix2Pix model(gan::make_generator({.net = args[5], .ngf = ngf, .dropout = false}),
                     gan::make_discriminator({.ndf = ndf}), {});
  const io::Safetensors init = io::read_safetensors(args[0]);
  nn::get_state(init, "g.", model.generator().store());
  nn::get_state(init, "d.", model.discriminator().store());

  std::vector<std::string> order;
  std::ifstream names(args[2]);
  for (std::string name; std::getline(names, name);)
    order.push_back(std::filesystem::path(name).stem().string());
  std::ofstream out(args[3]);
  out.precision(9);
  out << "step,G_GAN,G_L1,D_real,D_fake\n";
  const auto intensity = gan::Intensity::of(io::SampleKind::u8, 0);
  for (std::int64_t step = 0; step < steps; ++step) {
    const std::string& name = order.at(static_cast<std::size_t>(step) % order.size());
    const io::Image pair = io::read_image(std::filesystem::path(args[1]) / (name + ".png"));
    const std::int64_t half = pair.width / 2;
    const auto left = gan::to_network(io::crop(pair, 0, 0, pair.height, half), intensity);
    const auto right = gan::to_network(io::crop(pair, 0, half, pair.height, half), intensity);
    const gan::Losses l = model.step(right, left, 2e-4, {});
    out << step + 1 << "," << l.g_gan << "," << l.g_l1 << "," << l.d_real << "," << l.d_fake << "\n";
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 9) {
    std::cerr << "usage: loss_curve INIT.safetensors PAIRS_DIR ORDER.txt OUT.csv STEPS NET_G NGF NDF\n";
    return 2;
  }
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& e) {
    std::cerr << "loss_curve: " << e.what() << "\n";
    return 1;
  }
}
