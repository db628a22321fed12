#include "gan/networks/unet.h"

#include <algorithm>

namespace uptake::gan {
namespace {

constexpr nn::Act kLeaky{nn::Activation::leaky_relu, 0.2};
constexpr nn::Act kRelu{nn::Activation::relu};
constexpr nn::Act kTanh{nn::Activation::tanh};

std::int64_t channels_of(std::int64_t ngf, int level) {
  return ngf * std::min<std::int64_t>(1ll << (level - 1), 8);
}

}  // namespace

Unet::Unet(const GeneratorOptions& options, int levels) : Network(options.machine), levels_(levels) {
  level_.resize(static_cast<std::size_t>(levels));
  build(options, 1, "model");
}

// Declares the blocks from the outside in, so that names come in the reference's order. Numbers in names are
// places in the reference's sequences, where activations count too.
void Unet::build(const GeneratorOptions& o, int level, const std::string& prefix) {
  const bool outermost = level == 1, innermost = level == levels_;
  const bool bias = o.norm == NormKind::instance;
  const std::int64_t outer = outermost ? o.out : channels_of(o.ngf, level - 1);
  const std::int64_t inner = channels_of(o.ngf, level);
  const auto name = [&](int place) { return prefix + ".model." + std::to_string(place); };
  Level& l = level_[static_cast<std::size_t>(level - 1)];

  l.channels = inner;
  l.dropout = o.dropout && level >= 5 && !innermost ? 0.5 : 0.0;
  const std::int64_t in = outermost ? o.in : outer;
  l.down = &convs_.emplace_back(store_, name(outermost ? 0 : 1),
                                nn::Conv2dOptions{.in = in, .out = inner, .bias = bias});
  const NormKind down_norm = outermost || innermost ? NormKind::none : o.norm;
  l.down_norm = &norms_.emplace_back(store_, name(2), down_norm, inner);
  if (!innermost) build(o, level + 1, name(outermost ? 1 : 3));

  const int place = outermost || innermost ? 3 : 5;
  l.up =
      &ups_.emplace_back(store_, name(place), o.upsample,
                         nn::ConvTranspose2dOptions{
                             .in = innermost ? inner : 2 * inner, .out = outer, .bias = bias || outermost});
  l.up_norm = &norms_.emplace_back(store_, name(place + 1), outermost ? NormKind::none : o.norm, outer);
}

Var Unet::forward(const Var& x, const Mode& mode) {
  const nn::Shape s = x.shape();
  const std::int64_t multiple = size_multiple();
  if (s.h % multiple != 0 || s.w % multiple != 0)
    throw nn::ShapeError("U-Net of " + std::to_string(levels_) + " levels: image " + nn::to_string(s) +
                         " is not a multiple of " + std::to_string(multiple) + " pixels high and wide");
  // For levels 1 .. levels-1: the concatenated tensor, and the skip in its first half.
  std::vector<nn::Tensor> whole;
  std::vector<Var> skip;
  Var h = x;
  for (int level = 1; level <= levels_; ++level) {
    const Level& l = level_[static_cast<std::size_t>(level - 1)];
    h = l.down->forward(h);
    if (level == levels_) {
      h = l.down_norm->forward(h, mode, kRelu);
      break;
    }
    const nn::Shape half = h.shape();
    whole.push_back(nn::Tensor::empty({half.n, half.h, half.w, 2 * half.c}, x.dtype(), x.device()));
    const auto results =
        l.down_norm->forward(h, mode, {{kLeaky, {}}, {kRelu, whole.back().channels(0, half.c)}});
    h = results[0];
    skip.push_back(results[1]);
  }
  for (int level = levels_; level > 1; --level) {
    const Level& l = level_[static_cast<std::size_t>(level - 1)];
    const nn::Tensor& cat = whole[static_cast<std::size_t>(level - 2)];
    const std::int64_t c = cat.shape().c / 2;
    const auto dropout = nn::dropout_of(mode, l.dropout, static_cast<std::uint32_t>(level));
    const Var up = l.up_norm->forward(l.up->forward(h), mode, {{kRelu, cat.channels(c, 2 * c)}}, dropout)[0];
    h = nn::join(skip[static_cast<std::size_t>(level - 2)], up, cat);
  }
  return level_[0].up_norm->forward(level_[0].up->forward(h), mode, kTanh);
}

}  // namespace uptake::gan
