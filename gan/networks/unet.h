// The U-Net generator (Ronneberger et al. 2015, as used by Isola et al. 2017). Internal to gan/: made by
// make_generator.
#pragma once
#include <deque>
#include <vector>

#include "gan/networks/networks.h"
#include "gan/networks/up_conv.h"

namespace uptake::gan {

/// Level k = 1..levels halves the image k times; c_k = ngf min(2^(k-1), 8) channels.
///
///   down  conv k4 s2 p1, norm (not in the first and last level), LeakyReLU 0.2 before the next convolution
///   up    ReLU, transposed conv k4 s2 p1 (or another UpConv), norm; dropout 0.5 in levels 5 .. levels-1;
///         concat [skip, up]
///   top   ReLU, transposed conv (with bias), tanh
///
/// A skip leaves the encoder twice from one pass: as LeakyReLU downwards, and as ReLU written straight into
/// its half of the concatenated tensor, where the decoder's half is written beside it.
class Unet : public Network {
 public:
  Unet(const GeneratorOptions& options, int levels);
  Var forward(const Var& x, const Mode& mode) override;
  std::int64_t size_multiple() const override { return std::int64_t{1} << levels_; }

 private:
  struct Level {
    std::int64_t channels;  // c_k
    nn::Conv2d* down;
    nn::Norm* down_norm;
    UpConv* up;
    nn::Norm* up_norm;
    double dropout;
  };
  void build(const GeneratorOptions& options, int level, const std::string& prefix);

  int levels_;
  std::vector<Level> level_;  // [0] is level 1
  std::deque<nn::Conv2d> convs_;
  std::deque<UpConv> ups_;
  std::deque<nn::Norm> norms_;
};

}  // namespace uptake::gan
