// The convolutions of the networks this project trains, at the image size they are trained at: geometry and
// epilogue of every layer, by the arithmetic of the architectures.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/conv/conv.h"

namespace uptake::tests {

using kernels::Act;
using kernels::Activation;
using kernels::ConvGeometry;
using kernels::Shape4;

struct Layer {
  std::string name;
  ConvGeometry geometry;
  bool transposed = false;  // its result is the data gradient
  bool bias = false;
  Act act;  // fused into the convolution
};

struct NetworkLayers {
  std::string name;
  std::vector<Layer> layers;
  std::int64_t filter_elements() const {
    std::int64_t sum = 0;
    for (const Layer& layer : layers) sum += layer.geometry.filters.size();
    return sum;
  }
};

namespace detail {
constexpr Act kLeaky{Activation::leaky_relu, 0.2};

/// Runs an image through layers one after the other.
class Chain {
 public:
  Chain(std::string name, const Shape4& image) : network_{std::move(name), {}}, at_(image) {}
  void conv(std::int64_t out, std::int64_t kernel, std::int64_t stride, std::int64_t pad, bool bias = false,
            Act act = {}) {
    const ConvGeometry g{at_, {out, at_.c, kernel, kernel, stride, pad}};
    add(g, false, bias, act);
    at_ = g.y();
  }
  void conv_transpose(std::int64_t out, std::int64_t kernel, std::int64_t pad, std::int64_t output_pad,
                      bool bias = false) {
    const auto g = ConvGeometry::transposed(at_, {at_.c, out, kernel, kernel, 2, pad}, output_pad);
    add(g, true, bias, {});
    at_ = g.x;
  }
  void pad(std::int64_t by) {
    at_.h += 2 * by;
    at_.w += 2 * by;
  }
  /// Concatenation with a tensor of as many channels.
  void double_channels() { at_.c *= 2; }
  NetworkLayers finish() const { return network_; }

 private:
  void add(const ConvGeometry& g, bool transposed, bool bias, const Act& act) {
    network_.layers.push_back({std::to_string(network_.layers.size() + 1), g, transposed, bias, act});
  }
  NetworkLayers network_;
  Shape4 at_;
};
}  // namespace detail

/// A U-Net of `levels` on square images of 2^levels pixels, 64 filters at the first level.
inline NetworkLayers unet(std::int64_t n, int levels, std::int64_t channels) {
  const std::int64_t side = std::int64_t{1} << levels;
  detail::Chain chain("unet_" + std::to_string(side), {n, side, side, channels});
  const auto width = [](int level) { return level > 4 ? std::int64_t{512} : std::int64_t{32} << level; };
  for (int level = 1; level <= levels; ++level)
    chain.conv(width(level), 4, 2, 1, false, level == 1 ? detail::kLeaky : Act{});
  for (int level = levels; level > 1; --level) {
    chain.conv_transpose(width(level - 1), 4, 1, 0);
    chain.double_channels();
  }
  chain.conv_transpose(channels, 4, 1, 0, true);
  return chain.finish();
}

/// The residual generator on 256x256, 64 filters.
inline NetworkLayers resnet(std::int64_t n, int blocks, std::int64_t channels) {
  detail::Chain chain("resnet_" + std::to_string(blocks) + "blocks", {n, 256, 256, channels});
  chain.pad(3);
  chain.conv(64, 7, 1, 0);
  chain.conv(128, 3, 2, 1);
  chain.conv(256, 3, 2, 1);
  for (int i = 0; i < 2 * blocks; ++i) {
    chain.pad(1);
    chain.conv(256, 3, 1, 0);
  }
  chain.conv_transpose(128, 3, 1, 1);
  chain.conv_transpose(64, 3, 1, 1);
  chain.pad(3);
  chain.conv(channels, 7, 1, 0, true);
  return chain.finish();
}

/// The 70x70 PatchGAN on pairs of 256x256 images, 64 filters.
inline NetworkLayers patch_discriminator(std::int64_t n, std::int64_t channels) {
  detail::Chain chain("basic", {n, 256, 256, 2 * channels});
  chain.conv(64, 4, 2, 1, true, detail::kLeaky);
  chain.conv(128, 4, 2, 1);
  chain.conv(256, 4, 2, 1);
  chain.conv(512, 4, 1, 1);
  chain.conv(1, 4, 1, 1, true);
  return chain.finish();
}

/// The 1x1 discriminator on pairs of 256x256 images, 64 filters.
inline NetworkLayers pixel_discriminator(std::int64_t n, std::int64_t channels) {
  detail::Chain chain("pixel", {n, 256, 256, 2 * channels});
  chain.conv(64, 1, 1, 0, true, detail::kLeaky);
  chain.conv(128, 1, 1, 0);
  chain.conv(1, 1, 1, 0);
  return chain.finish();
}

inline std::vector<NetworkLayers> all_networks(std::int64_t n, std::int64_t channels) {
  return {unet(n, 8, channels), unet(n, 7, channels), resnet(n, 9, channels),
          patch_discriminator(n, channels), pixel_discriminator(n, channels)};
}

}  // namespace uptake::tests
