// Layers: a declaration of parameters under PyTorch's names, and a forward built from nn/ops.h. Constructors throw
// ShapeError, naming the layer, for a size that is missing or impossible.
#pragma once
#include <string>
#include <vector>

#include "nn/enum_names.h"
#include "nn/ops.h"
#include "nn/parameters.h"

namespace uptake::nn {

/// What a forward pass is for.
struct Mode {
  StatisticsFrom statistics = StatisticsFrom::running;
  bool dropout = false;
  kernels::RandomKey key;                      // of the dropout masks: each layer adds its own stream number
  const std::uint32_t* device_step = nullptr;  // GPU: stands for key.step, see kernels::Dropout

  /// Batch statistics (the running ones follow), dropout on.
  static Mode training(const kernels::RandomKey& key) {
    return {StatisticsFrom::batch_updating, true, key, nullptr};
  }
  /// Running statistics, no dropout.
  static Mode inference() { return {}; }
};

struct Conv2dOptions {
  std::int64_t in = 0, out = 0;
  std::int64_t kernel = 4, stride = 2, pad = 1;
  bool bias = true;
};

/// [n,h,w,in] -> [n, (h + 2 pad - kernel) / stride + 1, ..., out]. Parameters: weight [out,in,k,k], bias
/// [out].
class Conv2d {
 public:
  Conv2d(ParameterStore& store, const std::string& name, const Conv2dOptions& options);
  /// With the activation that follows, fused (see nn::conv2d for which).
  Var forward(const Var& x, const Act& act = {}) const;

 private:
  std::string name_;
  Parameter* weight_;
  Parameter* bias_ = nullptr;
};

struct ConvTranspose2dOptions {
  std::int64_t in = 0, out = 0;
  std::int64_t kernel = 4, stride = 2, pad = 1, output_pad = 0;
  bool bias = true;
};

/// [n,h,w,in] -> [n, (h-1) stride - 2 pad + kernel + output_pad, ..., out]. Parameters: weight [in,out,k,k],
/// bias.
class ConvTranspose2d {
 public:
  ConvTranspose2d(ParameterStore& store, const std::string& name, const ConvTranspose2dOptions& options);
  Var forward(const Var& x) const;

 private:
  std::string name_;
  std::int64_t output_pad_;
  Parameter* weight_;
  Parameter* bias_ = nullptr;
};

struct LinearOptions {
  std::int64_t in = 0, out = 0;
  std::int64_t height = 1, width = 1;
  bool bias = true;
};

/// Every output is a sum of all values of a picture: [n,height,width,in] -> [n,1,1,out]. With height and width 1, of
/// every pixel by itself: [n,h,w,in] -> [n,h,w,out]. Parameters: weight [out, in * height * width], bias [out], as of
/// PyTorch's Linear after Flatten; computed as a convolution whose filters are as large as the picture.
class Linear {
 public:
  Linear(ParameterStore& store, const std::string& name, const LinearOptions& options);
  Var forward(const Var& x) const;

 private:
  std::string name_;
  LinearOptions options_;
  Parameter* weight_;
  Parameter* bias_ = nullptr;
};

/// batch: learned gamma and beta, running statistics (momentum 0.1). instance: neither, statistics of each
/// image always. none: nothing. eps 1e-5.
enum class NormKind { batch, instance, none };
constexpr auto names(NormKind) {
  return std::to_array<std::pair<NormKind, const char*>>(
      {{NormKind::batch, "batch"}, {NormKind::instance, "instance"}, {NormKind::none, "none"}});
}

/// Normalisation, or nothing, with the activation(s) and dropout that follow it, in one pass.
class Norm {
 public:
  Norm(ParameterStore& store, const std::string& name, NormKind kind, std::int64_t channels);

  /// Whether nothing is normalised, so that the activation may as well go into the convolution before.
  bool is_none() const { return kind_ == NormKind::none; }

  std::vector<Var> forward(const Var& x, const Mode& mode, std::vector<ResultSpec> results,
                           const Dropout& dropout = {}) const;
  Var forward(const Var& x, const Mode& mode, const Act& act = {}) const {
    return forward(x, mode, {{act, {}}})[0];
  }

 private:
  std::string name_;
  NormKind kind_;
  Parameter* gamma_ = nullptr;
  Parameter* beta_ = nullptr;
  Buffer* running_mean_ = nullptr;
  Buffer* running_var_ = nullptr;
  Counter* batches_ = nullptr;
};

/// Dropout of probability p for layer number `stream` of a network, as `mode` says.
inline Dropout dropout_of(const Mode& mode, double p, std::uint32_t stream) {
  if (!mode.dropout) return {};
  return {p, {mode.key.seed, mode.key.stream + stream, mode.key.step}, mode.device_step};
}

}  // namespace uptake::nn
