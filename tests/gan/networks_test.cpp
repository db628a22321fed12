#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>

#include "gan/networks/networks.h"
#include "gan/networks/up_conv.h"
#include "nn/init.h"
#include "tests/gan/unet256_state.h"
#include "tests/reference/conv.h"
#include "tests/reference/spatial.h"

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

TEST_CASE(
    "another up-sampling changes the shapes of the transposed convolutions' weights, and nothing else") {
  for (const char* net : {"unet_32", "resnet_1blocks"}) {
    const auto as_reference = gan::make_generator({.net = net, .ngf = 2, .norm = gan::NormKind::instance});
    for (const auto kind : {gan::Upsampling::nearest, gan::Upsampling::bilinear}) {
      const auto other =
          gan::make_generator({.net = net, .ngf = 2, .norm = gan::NormKind::instance, .upsample = kind});
      const auto &a = as_reference->store().entries(), &b = other->store().entries();
      REQUIRE(a.size() == b.size());
      int changed = 0;
      for (std::size_t i = 0; i < a.size(); ++i) {
        CHECK(a[i].name == b[i].name);
        if (a[i].shape == b[i].shape) continue;
        ++changed;
        REQUIRE(a[i].shape.size() == 4);
        CHECK(std::vector<long>(b[i].shape.begin(), b[i].shape.end()) ==
              std::vector<long>{a[i].shape[1], a[i].shape[0], 3, 3});
      }
      CHECK(changed == (std::string(net) == "unet_32" ? 5 : 2));
    }
  }
}

TEST_CASE("generators keep the size of the image with every up-sampling") {
  const nn::NoGrad no_grad;
  for (const auto kind : {gan::Upsampling::nearest, gan::Upsampling::bilinear})
    for (const char* net : {"unet_4", "unet_64", "resnet_1blocks"}) {
      const auto g = gan::make_generator({.net = net, .in = 2, .out = 5, .ngf = 2, .upsample = kind});
      CHECK(g->forward(image(64, 128, 2), gan::Mode::inference()).shape() == nn::Shape{1, 64, 128, 5});
    }
}

TEST_CASE("enlarging and a convolution equal their definitions in double") {
  const kernels::Shape4 x{2, 3, 5, 2};
  for (const auto kind : {gan::Upsampling::nearest, gan::Upsampling::bilinear}) {
    nn::ParameterStore store(nn::DType::f64);
    const gan::UpConv up(store, "up", kind, {.in = 2, .out = 3});
    store.allocate();
    nn::initialise(store, nn::InitKind::normal, 0.5, 7, 0);
    nn::Parameter &weight = store.parameters()[0], &bias = store.parameters()[1];
    REQUIRE(weight.name == "up.weight");
    nn::Tensor in = nn::Tensor::empty({x.n, x.h, x.w, x.c}, nn::DType::f64);
    for (std::int64_t i = 0; i < in.size(); ++i) in.data<double>()[i] = std::sin(static_cast<double>(i * i));
    const auto values = [](const nn::Tensor& t) {
      return std::vector<double>(t.data<double>(), t.data<double>() + t.size());
    };
    const auto links = kind == gan::Upsampling::nearest ? reference::upsample_nearest(x, 2)
                                                        : reference::upsample_bilinear(x, 2);
    const auto padded = reference::reflection_pad(links.to, 1);
    const kernels::ConvGeometry geometry{padded.to, {3, 2, 3, 3, 1, 0}};
    const auto expected = reference::conv_forward(geometry, padded.forward(links.forward(values(in))),
                                                  values(store.to_plain(weight, store.values())),
                                                  values(store.to_plain(bias, store.values())));
    const nn::Tensor y = up.forward(gan::Var(in)).value();
    REQUIRE(y.shape() == nn::Shape{2, 6, 10, 3});
    for (std::size_t i = 0; i < expected.size(); ++i)
      REQUIRE(y.data<double>()[i] == doctest::Approx(expected[i]).epsilon(1e-12));
  }
}

TEST_CASE(
    "what is flat stays flat without transposed convolutions, and becomes a lattice of four values with "
    "them") {
  for (const auto& [kind, different] : {std::pair{gan::Upsampling::convtranspose, 4},
                                        {gan::Upsampling::nearest, 1},
                                        {gan::Upsampling::bilinear, 1}}) {
    nn::ParameterStore store(nn::DType::f32);
    const gan::UpConv up(store, "up", kind, {.in = 3, .out = 1});
    store.allocate();
    nn::initialise(store, nn::InitKind::normal, 0.5, 3, 0);
    const nn::Tensor y = up.forward(image(8, 8, 3)).value();
    std::set<long> inside;
    const std::int64_t border = kind == gan::Upsampling::convtranspose ? 2 : 0;  // zero padding
    for (std::int64_t h = border; h < 16 - border; ++h)
      for (std::int64_t w = border; w < 16 - border; ++w)
        inside.insert(std::lround(1e4 * y.data<float>()[h * 16 + w]));
    CHECK(inside.size() == static_cast<std::size_t>(different));
  }
}
