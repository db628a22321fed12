#include "gan/data_checks.h"

#include <doctest/doctest.h>

#include <sstream>

#include "gan/data.h"
#include "gan/networks/networks.h"
#include "tests/io/dataset_fixture.h"

using namespace uptake;
using namespace uptake::tests;
using gan::TrainConfig;

namespace {

/// Pairs of the given sizes, native, side by side.
struct Sized {
  DatasetFolder folder;
  explicit Sized(const std::vector<std::pair<int, int>>& sizes) {
    int number = 0;
    for (const auto& [h, w] : sizes) {
      folder.add("train/" + std::to_string(number) + ".png", patterned(h, 2 * w, 1, number));
      ++number;
    }
  }
  io::PairDataset data() const { return {folder.path(), "train"}; }
};

TrainConfig native(const std::string& net, std::int64_t batch = 1) {
  TrainConfig c;
  c.load_size = c.crop_size = 0;
  c.net_g = net;
  c.ngf = c.ndf = 2;
  c.input_channels = c.output_channels = 1;
  c.batch_size = batch;
  return c;
}

std::string refusal(const Sized& sized, const TrainConfig& c) {
  const std::int64_t multiple = declare_generator(c)->size_multiple();
  return sentence_of([&] { check_sizes(sized.data(), nullptr, c, multiple); });
}

}  // namespace

TEST_CASE("check_sizes: what cannot be one batch names two files, their sizes and what helps") {
  const Sized sized({{32, 32}, {32, 31}, {40, 64}});
  CHECK(refusal(sized, native("unet_32")).empty());
  const std::string sentence = refusal(sized, native("unet_32", 2));
  CAPTURE(sentence);
  CHECK(contains(sentence, "train/0.png is 32x32 pixels"));  // 32x31 is padded to 32x32, so it goes with it
  CHECK(contains(sentence, "train/2.png is 40x64 pixels, so they cannot be in one batch"));
  for (const char* option : {"batch_size", "load_size", "crop_size"}) CHECK(contains(sentence, option));
  TrainConfig cropped = native("unet_32", 2);
  cropped.crop_size = 30;
  CHECK(refusal(sized, cropped).empty());
  cropped.crop_size = 32;
  CHECK(contains(refusal(sized, cropped), "train/1.png is 32x31 pixels, smaller than crop_size 32"));
}

TEST_CASE("check_sizes: images too small are refused with the least size, which the networks can compute") {
  struct Case {
    std::string net;
    gan::DiscriminatorKind net_d;
    std::int64_t layers, least;
  };
  using Kind = gan::DiscriminatorKind;
  for (const auto& [net, net_d, layers, least] : {Case{"unet_4", Kind::basic, 3, 21},
                                                  {"unet_4", Kind::n_layers, 1, 5},
                                                  {"unet_4", Kind::n_layers, 4, 45},
                                                  {"resnet_1blocks", Kind::pixel, 3, 5},
                                                  {"resnet_1blocks", Kind::basic, 3, 21}}) {
    TrainConfig c = native(net);
    c.net_d = net_d;
    c.n_layers_d = layers;
    CAPTURE(net);
    CAPTURE(least);
    const int small = static_cast<int>(least) - 1, enough = static_cast<int>(least);
    const std::string sentence = refusal(Sized({{64, 64}, {64, small}}), c);
    CAPTURE(sentence);
    CHECK(contains(sentence,
                   "train/1.png gives the networks 64x" + std::to_string(small) + " pixels, too small"));
    CHECK(contains(sentence, "the least size is " + std::to_string(least) + "x" + std::to_string(least)));
    CHECK(refusal(Sized({{enough, enough}}), c).empty());

    // The truth: the networks themselves, at the padded size and one multiple below it.
    const auto generator = make_generator(c), discriminator = make_discriminator(c);
    const std::int64_t multiple = generator->size_multiple(),
                       padded = (least + multiple - 1) / multiple * multiple;
    const auto compute = [&](std::int64_t size) {
      const nn::NoGrad no_grad;
      generator->forward(nn::Var(nn::Tensor::zeros({1, size, size, 1}, nn::DType::f32)),
                         gan::Mode::inference());
      discriminator->forward(nn::Var(nn::Tensor::zeros({1, size, size, 2}, nn::DType::f32)),
                             gan::Mode::inference());
    };
    CHECK_NOTHROW(compute(padded));
    CHECK_THROWS(compute(padded - multiple));
  }
  TrainConfig sized = native("unet_4");
  sized.load_size = sized.crop_size = 8;
  CHECK(contains(refusal(Sized({{64, 64}}), sized), "gives the networks 8x8 pixels, too small"));
}

TEST_CASE("padding_warning: images that are mostly padding are said") {
  const Sized sized({{16, 32}});
  const io::PairDataset data = sized.data();
  CHECK(padding_warning(data, native("unet_16"), 16).empty());
  CHECK(contains(padding_warning(data, native("unet_32"), 32),
                 "gives unet_32 16x32 pixels, which it pads to 32x32"));
}

TEST_CASE("check_training_data: a picture of the test split in the train split is told once") {
  const DatasetFolder folder;
  for (const char* name : {"train/1.png", "test/9.png"}) folder.add(name, patterned(32, 64, 1, 7));
  folder.add("train/sub/2.png", patterned(32, 64, 1, 8));
  const TrainConfig c = native("unet_32");
  std::ostringstream out;
  const gan::TrainingData data = gan::open_training_data(folder.path(), gan::dataset_options(c), out);
  check_training_data(data, folder.path(), c, gan::dataset_options(c), out);
  const std::string told = out.str();
  CAPTURE(told);
  CHECK(contains(told, "test/9.png (test) is the same image as train/1.png (train), pixel for pixel"));
  CHECK(told.find("train/sub/") == told.rfind("train/sub/"));
  CHECK(contains(told, "the folder train/sub/ holds 1 picture"));
}

TEST_CASE("out_of_memory: the sentence says which networks, size and batch were wanted") {
  const Sized sized({{8, 8}, {16, 9}});
  const io::PairDataset data = sized.data();
  const std::string sentence = gan::out_of_memory(native("unet_8", 3), &data).what();
  CHECK(sentence ==
        "there is not enough memory for net_g unet_8, ngf 2, ndf 2 with images of up to 16x9 pixels and "
        "batch_size 3; "
        "smaller ones need less, and so does a crop_size");
  CHECK(contains(gan::out_of_memory(native("unet_8"), nullptr).what(), "ndf 2; smaller ones need less"));
}
