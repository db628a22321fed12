#include "gan/networks/resnet.h"

namespace uptake::gan {
namespace {
constexpr nn::Act kRelu{nn::Activation::relu};
constexpr nn::Act kNone{nn::Activation::none};
constexpr nn::Act kTanh{nn::Activation::tanh};
}  // namespace

// Numbers in names are places in the reference's sequences, where paddings, activations and dropout count
// too.
Resnet::Resnet(const GeneratorOptions& o, int blocks)
    : Network(o.machine), blocks_(blocks), dropout_(o.dropout) {
  const bool bias = o.norm == NormKind::instance;
  const std::int64_t ngf = o.ngf, wide = 4 * o.ngf;
  const auto conv = [&](const std::string& name, std::int64_t in, std::int64_t out, std::int64_t kernel,
                        std::int64_t stride, std::int64_t pad) {
    convs_.emplace_back(
        store_, name,
        nn::Conv2dOptions{
            .in = in, .out = out, .kernel = kernel, .stride = stride, .pad = pad, .bias = bias});
  };
  const auto norm = [&](const std::string& name, std::int64_t c) {
    norms_.emplace_back(store_, name, o.norm, c);
  };

  conv("model.1", o.in, ngf, 7, 1, 0);
  norm("model.2", ngf);
  conv("model.4", ngf, 2 * ngf, 3, 2, 1);
  norm("model.5", 2 * ngf);
  conv("model.7", 2 * ngf, wide, 3, 2, 1);
  norm("model.8", wide);
  for (int b = 0; b < blocks; ++b) {
    const std::string block = "model." + std::to_string(10 + b) + ".conv_block.";
    const int second = dropout_ ? 6 : 5;
    conv(block + "1", wide, wide, 3, 1, 0);
    norm(block + "2", wide);
    conv(block + std::to_string(second), wide, wide, 3, 1, 0);
    norm(block + std::to_string(second + 1), wide);
  }
  int place = 10 + blocks;
  for (std::int64_t c = wide; c > ngf; c /= 2, place += 3) {
    ups_.emplace_back(
        store_, "model." + std::to_string(place), o.upsample,
        nn::ConvTranspose2dOptions{
            .in = c, .out = c / 2, .kernel = 3, .stride = 2, .pad = 1, .output_pad = 1, .bias = bias});
    norm("model." + std::to_string(place + 1), c / 2);
  }
  convs_.emplace_back(
      store_, "model." + std::to_string(place + 1),
      nn::Conv2dOptions{.in = ngf, .out = o.out, .kernel = 7, .stride = 1, .pad = 0, .bias = true});
}

Var Resnet::forward(const Var& x, const Mode& mode) {
  const nn::Shape s = x.shape();
  if (s.h % 4 != 0 || s.w % 4 != 0)
    throw nn::ShapeError("residual generator: image " + nn::to_string(s) +
                         " is not a multiple of 4 pixels high and wide");
  auto conv = convs_.begin();
  auto norm = norms_.begin();
  Var h = norm++->forward(conv++->forward(nn::reflection_pad(x, 3)), mode, kRelu);
  for (int i = 0; i < 2; ++i) h = norm++->forward(conv++->forward(h), mode, kRelu);
  for (int b = 0; b < blocks_; ++b) {
    const auto dropout = nn::dropout_of(mode, dropout_ ? 0.5 : 0.0, static_cast<std::uint32_t>(b + 1));
    const Var inner =
        norm++->forward(conv++->forward(nn::reflection_pad(h, 1)), mode, {{kRelu, {}}}, dropout)[0];
    h = nn::add(h, norm++->forward(conv++->forward(nn::reflection_pad(inner, 1)), mode, kNone));
  }
  for (auto& up : ups_) h = norm++->forward(up.forward(h), mode, kRelu);
  return nn::pointwise(conv->forward(nn::reflection_pad(h, 3)), {{kTanh, {}}})[0];
}

}  // namespace uptake::gan
