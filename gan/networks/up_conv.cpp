#include "gan/networks/up_conv.h"

namespace uptake::gan {

UpConv::UpConv(nn::ParameterStore& store, const std::string& name, Upsampling kind,
               const nn::ConvTranspose2dOptions& o)
    : kind_(kind) {
  if (kind == Upsampling::convtranspose)
    transposed_.emplace(store, name, o);
  else
    conv_.emplace(
        store, name,
        nn::Conv2dOptions{.in = o.in, .out = o.out, .kernel = 3, .stride = 1, .pad = 0, .bias = o.bias});
}

Var UpConv::forward(const Var& x) const {
  if (transposed_) return transposed_->forward(x);
  const auto interpolation =
      kind_ == Upsampling::nearest ? nn::Interpolation::nearest : nn::Interpolation::bilinear;
  return conv_->forward(nn::reflection_pad(nn::upsample(x, 2, interpolation), 1));
}

}  // namespace uptake::gan
