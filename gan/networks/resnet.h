// The residual generator (Johnson et al. 2016, as in the pix2pix reference). Internal to gan/: made by
// make_generator.
#pragma once
#include <deque>

#include "gan/networks/networks.h"
#include "gan/networks/up_conv.h"

namespace uptake::gan {

/// reflect 3, conv 7x7 -> ngf; two conv 3x3 s2 -> 4 ngf; `blocks` residual blocks of
/// [reflect 1, conv 3x3, norm, ReLU, dropout 0.5, reflect 1, conv 3x3, norm] + x; two transposed conv 3x3 s2 (or other
/// UpConvs) -> ngf; reflect 3, conv 7x7 -> out, tanh. Every convolution but the last is followed by norm and ReLU.
class Resnet : public Network {
 public:
  Resnet(const GeneratorOptions& options, int blocks);
  Var forward(const Var& x, const Mode& mode) override;
  std::int64_t size_multiple() const override { return 4; }

 private:
  int blocks_;
  bool dropout_;
  std::deque<nn::Conv2d> convs_;  // in the order of use
  std::deque<UpConv> ups_;
  std::deque<nn::Norm> norms_;  // in the order of use
};

}  // namespace uptake::gan
