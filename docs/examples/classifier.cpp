// A classifier of three kinds of 16x16 pictures (a bar that lies, a bar that stands, a cross), at random places and in
// noise: a network with batch normalisation and a linear layer, softmax cross-entropy, Adam.
#include <uptake/nn/adam.h>
#include <uptake/nn/init.h>
#include <uptake/nn/losses.h>
#include <uptake/nn/network.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <vector>

using namespace uptake;

constexpr int kPictures = 64, kSize = 16, kClasses = 3;

struct Classifier : nn::Network {
  nn::Conv2d first{store_, "first", {.in = 1, .out = 8}};  // kernel 4, stride 2: [n,16,16,1] -> [n,8,8,8]
  nn::Norm norm{store_, "norm", nn::NormKind::batch, 8};
  nn::Conv2d second{store_, "second", {.in = 8, .out = 16}};                              // -> [n,4,4,16]
  nn::Linear head{store_, "head", {.in = 16, .out = kClasses, .height = 4, .width = 4}};  // -> [n,1,1,3]

  nn::Var forward(const nn::Var& x, const nn::Mode& mode) override {
    const nn::Var features = nn::relu(second.forward(nn::relu(norm.forward(first.forward(x), mode))));
    return head.forward(features);
  }
};

struct Batch {
  nn::Tensor pictures = nn::Tensor::empty({kPictures, kSize, kSize, 1}, nn::DType::f32);
  std::vector<int> labels = std::vector<int>(kPictures);
};

Batch draw(std::mt19937& random) {
  Batch batch;
  std::normal_distribution<float> noise(0, 0.3f);
  float* pixel = batch.pictures.data<float>();
  for (int& label : batch.labels) {
    label = static_cast<int>(random() % kClasses);
    const int row = static_cast<int>(random() % kSize), column = static_cast<int>(random() % kSize);
    for (int y = 0; y < kSize; ++y)
      for (int x = 0; x < kSize; ++x) {
        const bool lit = (label != 1 && y == row) || (label != 0 && x == column);
        *pixel++ = noise(random) + (lit ? 1.0f : 0.0f);
      }
  }
  return batch;
}

int main() {
  std::mt19937 random(1);
  Classifier network;
  nn::initialise(network.store(), nn::InitKind::kaiming, 1, 7, 0);
  nn::Adam adam(network.store(), {.beta1 = 0.9});
  for (int step = 0; step <= 300; ++step) {
    const Batch batch = draw(random);
    const nn::Var logits = network.forward(nn::Var(batch.pictures), nn::Mode::training({}));
    const nn::Var loss = nn::softmax_cross_entropy(logits, batch.labels);
    nn::backward(loss);
    adam.step(5e-3);
    if (step % 100 == 0) std::printf("step %d loss %.4f\n", step, loss.value().item());
  }

  const nn::NoGrad no_grad;
  const Batch unseen = draw(random);
  const nn::Tensor logits = network.forward(nn::Var(unseen.pictures), nn::Mode::inference()).value();
  int right = 0;
  for (int n = 0; n < kPictures; ++n) {
    const float* of_picture = logits.data<float>() + n * kClasses;
    right += std::max_element(of_picture, of_picture + kClasses) - of_picture == unseen.labels[n];
  }
  std::printf("right %d of %d\n", right, kPictures);
}
