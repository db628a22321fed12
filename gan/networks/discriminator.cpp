#include "gan/networks/discriminator.h"

#include <algorithm>

namespace uptake::gan {
namespace {

constexpr nn::Act kLeaky{nn::Activation::leaky_relu, 0.2};

// conv, norm + LeakyReLU, ... , conv: one convolution more than normalisations.
Var run(const std::deque<nn::Conv2d>& convs, const std::deque<nn::Norm>& norms, Var x, const Mode& mode) {
  for (std::size_t i = 0; i < norms.size(); ++i)
    x = norms[i].is_none() ? convs[i].forward(x, kLeaky)
                           : norms[i].forward(convs[i].forward(x), mode, kLeaky);
  return convs.back().forward(x);
}

}  // namespace

PatchDiscriminator::PatchDiscriminator(const DiscriminatorOptions& o) : Network(o.machine) {
  const bool bias = o.norm == NormKind::instance;
  const std::int64_t layers = o.net == DiscriminatorKind::basic ? 3 : o.layers;
  std::int64_t in = o.in;
  int place = 0;
  for (std::int64_t layer = 0; layer <= layers; ++layer) {
    const bool first = layer == 0;
    const std::int64_t out =
        o.ndf * std::min<std::int64_t>(std::int64_t{1} << std::min<std::int64_t>(layer, 3), 8);
    convs_.emplace_back(
        store_, "model." + std::to_string(place),
        nn::Conv2dOptions{.in = in, .out = out, .stride = layer < layers ? 2 : 1, .bias = bias || first});
    norms_.emplace_back(store_, "model." + std::to_string(place + 1), first ? NormKind::none : o.norm, out);
    place += first ? 2 : 3;
    in = out;
  }
  convs_.emplace_back(store_, "model." + std::to_string(place),
                      nn::Conv2dOptions{.in = in, .out = 1, .stride = 1, .bias = true});
}

Var PatchDiscriminator::forward(const Var& x, const Mode& mode) { return run(convs_, norms_, x, mode); }

PixelDiscriminator::PixelDiscriminator(const DiscriminatorOptions& o) : Network(o.machine) {
  const bool bias = o.norm == NormKind::instance;
  const auto conv = [&](const char* name, std::int64_t in, std::int64_t out, bool with_bias) {
    convs_.emplace_back(
        store_, name,
        nn::Conv2dOptions{.in = in, .out = out, .kernel = 1, .stride = 1, .pad = 0, .bias = with_bias});
  };
  conv("net.0", o.in, o.ndf, true);
  norms_.emplace_back(store_, "net.1", NormKind::none, o.ndf);
  conv("net.2", o.ndf, 2 * o.ndf, bias);
  norms_.emplace_back(store_, "net.3", o.norm, 2 * o.ndf);
  conv("net.5", 2 * o.ndf, 1, bias);
}

Var PixelDiscriminator::forward(const Var& x, const Mode& mode) { return run(convs_, norms_, x, mode); }

}  // namespace uptake::gan
