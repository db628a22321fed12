// The networks of pix2pix (Isola et al. 2017), layer by layer as the public reference builds them, with its
// names: a state_dict of one loads into the other.
//
// - unet_N: encoder-decoder with skips; log2 N levels of k4 s2 p1 convolutions (unet_256: 8, unet_128: 7)
// - resnet_Kblocks: 7x7, two stride-2 convolutions, K residual blocks, two transposed convolutions, 7x7
//   (the generators' way up has other forms, see Upsampling)
// - discriminators of patches (basic: 70x70 pixels; n_layers: any depth), or of single pixels
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "nn/layers.h"
#include "nn/network.h"

namespace uptake::gan {

using nn::Mode;
using nn::Network;
using nn::NormKind;
using nn::Var;

/// How a generator doubles height and width on its way up.
///
/// - convtranspose: a transposed convolution, as the reference does (U-Net: k4 s2 p1, residual: k3 s2 p1 and one more
///   row and column). Its four phases have filters of their own, so what is flat comes out with a pattern of period 2,
///   of period 2^k after k of them (docs/results/fixed_pixels.md).
/// - nearest, bilinear: every pixel becomes 2 x 2, copied or interpolated (centres at +0.5), then a convolution k3 s1 over
///   an image enlarged by one reflected pixel to every side (after Odena et al. 2016). What is flat stays flat, up to the
///   border.
///
/// The convolution bears the name that the transposed one has in the reference ("model.model.3"), its weights are
/// [out,in,3,3] instead of [in,out,4,4]; all other names and shapes are the same.
enum class Upsampling { convtranspose, nearest, bilinear };
constexpr auto names(Upsampling) {
  return std::to_array<std::pair<Upsampling, const char*>>({{Upsampling::convtranspose, "convtranspose"},
                                                            {Upsampling::nearest, "nearest"},
                                                            {Upsampling::bilinear, "bilinear"}});
}

struct GeneratorOptions {
  std::string net = "unet_256";
  std::int64_t in = 3, out = 3;  // channels
  std::int64_t ngf = 64;         // filters of the first level
  NormKind norm = NormKind::batch;
  bool dropout = true;  // probability 0.5, where the reference has it
  Upsampling upsample = Upsampling::convtranspose;
  nn::Machine machine = {};  // where and how to compute
};

/// basic: 70x70 PatchGAN, that is n_layers with 3 layers; pixel: 1x1 convolutions.
enum class DiscriminatorKind { basic, n_layers, pixel };
constexpr auto names(DiscriminatorKind) {
  return std::to_array<std::pair<DiscriminatorKind, const char*>>({{DiscriminatorKind::basic, "basic"},
                                                                   {DiscriminatorKind::n_layers, "n_layers"},
                                                                   {DiscriminatorKind::pixel, "pixel"}});
}

struct DiscriminatorOptions {
  DiscriminatorKind net = DiscriminatorKind::basic;
  std::int64_t in = 6;  // channels of input and output image together
  std::int64_t ndf = 64;
  std::int64_t layers = 3;  // n_layers only
  NormKind norm = NormKind::batch;
  nn::Machine machine = {};  // where and how to compute
};

/// Image [n,h,w,in] -> image [n,h,w,out] in (-1,1). Throws std::invalid_argument for an unknown name,
/// ShapeError in forward for a size that is not a multiple of size_multiple(). Parameters are zero until
/// initialised or loaded.
std::unique_ptr<Network> make_generator(const GeneratorOptions& options);

/// Pair [n,h,w,in] -> logits [n,h',w',1], one for each patch (no sigmoid).
std::unique_ptr<Network> make_discriminator(const DiscriminatorOptions& options);

/// The same without memory for the parameters: names, shapes and counts only, until store().allocate() is
/// called.
std::unique_ptr<Network> declare_generator(const GeneratorOptions& options);
std::unique_ptr<Network> declare_discriminator(const DiscriminatorOptions& options);

/// The smallest height and width of an image the networks can compute with: of the generator a multiple of its
/// size_multiple(), of the discriminator what still gives it one patch.
std::int64_t least_generator_size(const std::string& net);
std::int64_t least_discriminator_size(DiscriminatorKind net, std::int64_t layers);

/// Whether make_generator knows the name.
bool is_generator_name(const std::string& net);

}  // namespace uptake::gan
