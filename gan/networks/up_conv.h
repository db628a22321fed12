// The layer that doubles a generator's height and width. Internal to gan/.
#pragma once
#include <optional>
#include <string>

#include "gan/networks/networks.h"

namespace uptake::gan {

/// [n,h,w,in] -> [n,2h,2w,out], by a transposed convolution or by enlarging and a convolution (see Upsampling).
class UpConv {
 public:
  /// The options are those of the transposed convolution, which must double the size; of the others they give channels
  /// and whether there is a bias.
  UpConv(nn::ParameterStore& store, const std::string& name, Upsampling kind,
         const nn::ConvTranspose2dOptions& transposed);
  Var forward(const Var& x) const;

 private:
  Upsampling kind_;
  std::optional<nn::ConvTranspose2d> transposed_;
  std::optional<nn::Conv2d> conv_;
};

}  // namespace uptake::gan
