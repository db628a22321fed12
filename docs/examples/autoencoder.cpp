// An autoencoder of 32x32 colour pictures with a loss of its own, saved and read back.
// Usage: autoencoder [FOLDER]     (up to 16 pictures of a folder; without one, discs drawn here)
#include <uptake/gan/intensity.h>
#include <uptake/io/image/image.h>
#include <uptake/nn/adam.h>
#include <uptake/nn/init.h>
#include <uptake/nn/network.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <random>
#include <vector>

using namespace uptake;

struct Autoencoder : nn::Network {
  nn::Conv2d down1{store_, "down1", {.in = 3, .out = 16}};   // [n,32,32,3] -> [n,16,16,16]
  nn::Conv2d down2{store_, "down2", {.in = 16, .out = 32}};  // -> [n,8,8,32], the code
  nn::ConvTranspose2d up1{store_, "up1", {.in = 32, .out = 16}};
  nn::ConvTranspose2d up2{store_, "up2", {.in = 16, .out = 3}};

  nn::Var forward(const nn::Var& x, const nn::Mode&) override {
    const nn::Var code = nn::leaky_relu(down2.forward(nn::leaky_relu(down1.forward(x))));
    return nn::tanh(up2.forward(nn::relu(up1.forward(code))));
  }
};

// The mean of sqrt(d^2 + e^2), which is |d| with a round corner (Charbonnier et al. 1994).
nn::Var charbonnier(const nn::Var& y, const nn::Var& target) {
  return nn::mean(nn::sqrt(nn::square(y - target) + 1e-6));
}

// Up to 16 pictures of a folder, or as many discs on a ground, each of a colour of its own.
nn::Tensor pictures_of(const char* folder) {
  std::vector<nn::Tensor> pictures;
  if (folder != nullptr)
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
      const io::Image image = io::resize_bicubic(io::read_image(file.path()), 32, 32);
      if (image.channels == 3 && pictures.size() < 16) pictures.push_back(gan::to_network(image, {}));
    }
  std::mt19937 random(1);
  const auto between = [&](int low, int high) { return low + static_cast<int>(random() % (high - low)); };
  while (folder == nullptr && pictures.size() < 16) {
    float* pixel = pictures.emplace_back(nn::Tensor::empty({1, 32, 32, 3}, nn::DType::f32)).data<float>();
    const int row = between(8, 24), column = between(8, 24), radius = between(4, 9);
    float colours[2][3];
    for (auto& colour : colours)
      for (float& channel : colour) channel = 0.1f * static_cast<float>(between(-8, 9));
    for (int y = 0; y < 32; ++y)
      for (int x = 0; x < 32; ++x)
        for (int c = 0; c < 3; ++c) *pixel++ = colours[std::hypot(y - row, x - column) < radius][c];
  }
  return gan::stack(pictures);
}

int main(int argc, char** argv) {
  const nn::Var pictures(pictures_of(argc > 1 ? argv[1] : nullptr));
  Autoencoder network;
  nn::initialise(network.store(), nn::InitKind::kaiming, 1, 7, 0);
  nn::Adam adam(network.store(), {.beta1 = 0.9});
  for (int step = 0; step <= 200; ++step) {
    const nn::Var loss = charbonnier(network.forward(pictures, nn::Mode::training({})), pictures);
    nn::backward(loss);
    adam.step(4e-3);
    if (step % 50 == 0) std::printf("step %d loss %.4f\n", step, loss.value().item());
  }

  network.save("autoencoder.safetensors");
  Autoencoder again;
  again.load("autoencoder.safetensors");
  const nn::NoGrad no_grad;
  const nn::Var one = network.forward(pictures, nn::Mode::inference());
  const nn::Var other = again.forward(pictures, nn::Mode::inference());
  std::printf("read back: %s\n",
              nn::sum(nn::abs(one - other)).value().item() == 0 ? "the same" : "different");
  io::write_png("autoencoder.png", gan::from_network(one.value(), 0, {}));
}
