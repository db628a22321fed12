// What may be done on several threads at once, done: results have the bits of the same work on one thread. Built twice:
// as users have it, with oneDNN, and from the sources of the CPU operations with ThreadSanitizer, which sees every
// access that is not in order (see tests/CMakeLists.txt).
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "gan/checkpoint.h"
#include "gan/config.h"
#include "gan/translator.h"
#include "kernels/base/host.h"
#include "nn/init.h"
#include "nn/layers.h"
#include "nn/losses.h"
#include "tests/support/temporary_folder.h"

using namespace uptake;

namespace {

constexpr std::size_t kThreads = 4;
constexpr int kRounds = 3;
using Numbers = std::vector<float>;

int failures = 0;

void check(bool right, const std::string& what) {
  std::printf("%-60s %s\n", what.c_str(), right ? "ok" : "FAILED");
  failures += right ? 0 : 1;
}

// Calls work(0) .. work(kThreads - 1), each on a thread of its own, all at once.
template <class T>
std::vector<T> together(const std::function<T(std::size_t)>& work) {
  std::vector<T> results(kThreads);
  std::latch start(kThreads);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      start.arrive_and_wait();
      results[t] = work(t);
    });
  for (std::thread& thread : threads) thread.join();
  return results;
}

template <class T>
std::vector<T> one_by_one(const std::function<T(std::size_t)>& work) {
  std::vector<T> results;
  for (std::size_t t = 0; t < kThreads; ++t) results.push_back(work(t));
  return results;
}

Numbers numbers(const nn::Tensor& t) { return {t.data<float>(), t.data<float>() + t.size()}; }

// Another picture for each thread.
nn::Tensor picture(std::size_t which) {
  const nn::Tensor t = nn::Tensor::empty({1, 16, 16, 1}, nn::DType::f32);
  for (std::int64_t i = 0; i < t.size(); ++i)
    t.data<float>()[i] = static_cast<float>((static_cast<std::size_t>(i) * (which + 3) * 7) % 31) / 15 - 1;
  return t;
}

gan::TrainConfig config() {
  gan::TrainConfig c;
  c.net_g = "unet_8";
  c.net_d = gan::DiscriminatorKind::pixel;
  c.ngf = c.ndf = 4;
  c.input_channels = c.output_channels = 1;
  c.load_size = c.crop_size = 0;
  return c;
}

// A small network of one's own.
struct Classifier {
  nn::ParameterStore store{nn::DType::f32};
  nn::Conv2d conv{store, "conv", {.in = 1, .out = 4}};
  nn::Norm norm{store, "norm", nn::NormKind::batch, 4};
  nn::Conv2d head{store, "head", {.in = 4, .out = 1, .kernel = 8, .stride = 1, .pad = 0}};
  nn::Var forward(const nn::Var& x, const nn::Mode& mode) const {
    return head.forward(norm.forward(conv.forward(x), mode, nn::Act{nn::Activation::relu}));
  }
};

Numbers train_classifier(std::size_t which) {
  Classifier net;
  nn::initialise(net.store, nn::InitKind::normal, 0.1, which, 0);
  nn::Adam adam(net.store, {});
  const nn::Tensor label = nn::Tensor::full({1, 1, 1, 1}, nn::DType::f32, static_cast<double>(which % 2));
  for (int step = 0; step < kRounds; ++step) {
    const nn::Var y = net.forward(nn::Var(picture(which)), nn::Mode::training({}));
    nn::bce_with_logits_loss(y, label);
    nn::backward(y);
    adam.step(1e-2);
  }
  return numbers(net.store.values());
}

gan::Pix2Pix pix2pix(std::size_t which) {
  gan::TrainConfig c = config();
  c.seed = which;
  return {gan::make_generator(c), gan::make_discriminator(c), gan::pix2pix_options(c)};
}

Numbers train_pix2pix(std::size_t which) {
  gan::Pix2Pix model = pix2pix(which);
  for (std::uint32_t step = 0; step < 2; ++step)
    model.step(picture(which), picture(which + 9), 1e-3, {which, 0, step});
  return numbers(model.generator().store().values());
}

void training() {
  check(together<Numbers>(train_classifier) == one_by_one<Numbers>(train_classifier),
        "networks of one's own train");
  check(together<Numbers>(train_pix2pix) == one_by_one<Numbers>(train_pix2pix),
        "pix2pix trains on every thread");
}

void inference() {
  const auto use = [](const Classifier& net, std::size_t which) {
    const nn::NoGrad no_grad;
    Numbers all;
    for (int round = 0; round < kRounds; ++round)
      for (const float y : numbers(net.forward(nn::Var(picture(which)), nn::Mode::inference()).value()))
        all.push_back(y);
    return all;
  };
  const std::function<Numbers(std::size_t)> own = [&](std::size_t which) {
    Classifier net;
    nn::initialise(net.store, nn::InitKind::normal, 0.1, 5, 0);
    return use(net, which);
  };
  const auto truth = one_by_one<Numbers>(own);
  check(truth[0] != truth[1], "another picture has another result");
  check(together<Numbers>(own) == truth, "networks of one's own are used");
  Classifier shared;
  nn::initialise(shared.store, nn::InitKind::normal, 0.1, 5, 0);
  const std::function<Numbers(std::size_t)> of_shared = [&](std::size_t which) { return use(shared, which); };
  check(together<Numbers>(of_shared) == truth, "one network is used by all");
  const Classifier fresh;  // nobody has used it before
  const std::function<Numbers(std::size_t)> of_fresh = [&](std::size_t which) { return use(fresh, which); };
  check(together<Numbers>(of_fresh) == one_by_one<Numbers>(of_fresh),
        "one network is used by all for the first time");
}

void translation() {
  const TemporaryFolder folder;
  const auto path = folder / "model.safetensors";
  gan::CheckpointInfo info;
  info.config = config();
  info.input = info.output = gan::Intensity::of(io::SampleKind::counts, 100);
  info.progress.data_fingerprint = "none";
  info.version = "test";
  gan::Pix2Pix model = pix2pix(1);
  gan::save_checkpoint(path, info, model);

  const auto use = [](const gan::Translator& translator, std::size_t which) {
    Numbers all;
    for (int round = 0; round < kRounds; ++round) {
      // Sizes that differ between threads and rounds.
      const auto size = static_cast<int>(8 + 3 * which + static_cast<std::size_t>(round));
      io::Image image(size, size, 1, io::SampleKind::counts);
      for (std::size_t i = 0; i < image.samples.size(); ++i)
        image.samples[i] = static_cast<float>((i * 7 + which * 131) % 97);
      const io::Image output = translator(image);
      all.insert(all.end(), output.samples.begin(), output.samples.end());
    }
    return all;
  };
  const gan::Translator shared(path);
  const std::function<Numbers(std::size_t)> of_shared = [&](std::size_t which) { return use(shared, which); };
  const auto truth = one_by_one<Numbers>(of_shared);
  check(together<Numbers>(of_shared) == truth, "one translator is used by all");
  const std::function<Numbers(std::size_t)> own = [&](std::size_t which) {
    return use(gan::Translator(path), which);
  };
  check(together<Numbers>(own) == truth, "translators of one's own are made and used");
}

}  // namespace

// The argument is the number of threads that one operation uses: 1 where OpenMP itself is not instrumented.
int main(int, char** argv) {
  kernels::set_threads(std::atoi(argv[1]));
  training();
  inference();
  translation();
  return failures;
}
