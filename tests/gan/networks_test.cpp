#include <doctest/doctest.h>

#include <stdexcept>

#include "gan/networks/networks.h"
#include "nn/init.h"
#include "tests/gan/unet256_state.h"

namespace {

using namespace uptake;
using gan::GeneratorOptions;

gan::Var image(std::int64_t h, std::int64_t w, std::int64_t c) {
  return gan::Var(nn::Tensor::full({1, h, w, c}, nn::DType::f32, 0.25));
}

std::int64_t parameters(const GeneratorOptions& options) {
  return gan::make_generator(options)->store().parameter_count();
}

}  // namespace

TEST_CASE("unet_256 at full width has the reference's state names and shapes, in its order") {
  const auto expected = unet256_state();
  const auto network = gan::make_generator({});
  const auto& entries = network->store().entries();
  REQUIRE(entries.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK(entries[i].name == expected[i].first);
    CHECK(std::vector<long>(entries[i].shape.begin(), entries[i].shape.end()) == expected[i].second);
  }
}

TEST_CASE("networks have the reference's numbers of parameters") {
  CHECK(parameters({}) == 54413955);
  CHECK(parameters({.in = 1, .out = 1}) == 54407809);
  CHECK(parameters({.net = "unet_128"}) == 41828995);
  CHECK(gan::make_discriminator({})->store().parameter_count() == 2768705);
  CHECK(gan::make_discriminator({.in = 2})->store().parameter_count() == 2764609);
  CHECK(gan::make_discriminator({.net = gan::DiscriminatorKind::n_layers, .layers = 3})
            ->store()
            .parameter_count() == 2768705);
}

TEST_CASE("the basic discriminator judges 30 x 30 patches of a 256 x 256 pair") {
  const nn::NoGrad no_grad;
  const auto d = gan::make_discriminator({.ndf = 2});
  CHECK(d->forward(image(256, 256, 6), gan::Mode::inference()).shape() == nn::Shape{1, 30, 30, 1});
  const auto pixel = gan::make_discriminator({.net = gan::DiscriminatorKind::pixel, .ndf = 2});
  CHECK(pixel->forward(image(17, 5, 6), gan::Mode::inference()).shape() == nn::Shape{1, 17, 5, 1});
}

TEST_CASE("generators keep the size of the image and take any channels") {
  const nn::NoGrad no_grad;
  for (const char* net : {"unet_4", "unet_16", "unet_64", "resnet_1blocks", "resnet_6blocks"}) {
    CAPTURE(net);
    const auto g = gan::make_generator({.net = net, .in = 2, .out = 5, .ngf = 2});
    CHECK(g->forward(image(64, 128, 2), gan::Mode::inference()).shape() == nn::Shape{1, 64, 128, 5});
  }
}

TEST_CASE("a size that does not fit the network is refused with the size and the multiple") {
  const auto g = gan::make_generator({.net = "unet_32", .ngf = 2});
  CHECK_THROWS_WITH_AS(g->forward(image(32, 48, 3), gan::Mode::inference()),
                       "U-Net of 5 levels: image [1,32,48,3] is not a multiple of 32 pixels high and wide",
                       nn::ShapeError);
  CHECK_THROWS_AS(gan::make_generator({.net = "resnet_2blocks", .ngf = 2})->forward(image(8, 6, 3), {}),
                  nn::ShapeError);
}

TEST_CASE("a wrong number of channels is refused with the name of the layer") {
  const auto g = gan::make_generator({.net = "unet_32", .ngf = 2});
  try {
    g->forward(image(32, 32, 4), gan::Mode::inference());
    FAIL("accepted 4 channels");
  } catch (const nn::ShapeError& e) {
    CHECK(std::string(e.what()).starts_with("model.model.0: "));
  }
}

TEST_CASE("unknown networks and impossible sizes are refused") {
  for (const char* net :
       {"", "unet", "unet_", "unet_100", "unet_2", "unet_256x", "resnet_blocks", "resnet_0blocks"}) {
    CAPTURE(net);
    CHECK_FALSE(gan::is_generator_name(net));
    CHECK_THROWS_AS(gan::make_generator({.net = net}), std::invalid_argument);
  }
  CHECK_THROWS_AS(gan::make_generator({.ngf = 0}), std::invalid_argument);
  CHECK_THROWS_AS(gan::make_discriminator({.in = 0}), std::invalid_argument);
}

TEST_CASE("dropout is in the reference's places: it changes unet_128 in training, and never unet_32") {
  const nn::NoGrad no_grad;
  const auto differs = [](const char* net, std::int64_t size) {
    const auto g = gan::make_generator({.net = net, .in = 1, .out = 1, .ngf = 1});
    nn::initialise(g->store(), nn::InitKind::normal, 0.5, 3, 0);
    auto ramp = nn::Tensor::empty({2, size, size, 1}, nn::DType::f32);
    for (std::int64_t i = 0; i < ramp.size(); ++i) ramp.data<float>()[i] = static_cast<float>(i % 7) / 7;
    const auto once = g->forward(gan::Var(ramp), gan::Mode::training({1, 0, 0})).value();
    const auto again = g->forward(gan::Var(ramp), gan::Mode::training({1, 0, 1})).value();
    return !std::equal(once.data<float>(), once.data<float>() + once.size(), again.data<float>());
  };
  CHECK(differs("unet_128", 128));
  CHECK_FALSE(differs("unet_32", 32));
}
