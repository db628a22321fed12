// A network: layers, and the state that they declare, saved to and loaded from a file.
//
//   struct Classifier : nn::Network {
//     nn::Conv2d conv{store_, "conv", {.in = 1, .out = 8}};
//     nn::Linear head{store_, "head", {.in = 8, .out = 2}};
//     nn::Var forward(const nn::Var& x, const nn::Mode&) override {
//       return head.forward(nn::relu(conv.forward(x)));
//     }
//   };
//
// A layer's name in the store is its name in PyTorch's state_dict, so that the files of one are read by the other.
//
// Threads: any number may use one network at the same time for inference, each under its own NoGrad and in a mode that
// does not update statistics. Training, loading and initialising want the network for themselves; different networks
// never get into each other's way. Work on the GPU is for one thread at a time.
#pragma once
#include <filesystem>

#include "nn/layers.h"

namespace uptake::nn {

/// The base class of a network. Not copyable: its parameters have an address.
class Network {
 public:
  virtual ~Network() = default;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  virtual Var forward(const Var& x, const Mode& mode) = 0;
  /// Heights and widths must be multiples of this.
  virtual std::int64_t size_multiple() const { return 1; }

  /// Parameters, running statistics and counters.
  ParameterStore& store() { return store_; }
  const ParameterStore& store() const { return store_; }

  /// Writes the state as safetensors under PyTorch's state_dict names, float32 and int64, atomically: the whole
  /// new file or the old one. Throws io::FileError when it cannot be written.
  void save(const std::filesystem::path& path) const;

  /// Reads it back, from a file of Uptake or one that PyTorch's state_dict was written to. Throws io::FileError
  /// naming the file, and the tensor if one is missing, has another shape, holds numbers that are not finite or is
  /// none of the network's; the network is then as it was.
  void load(const std::filesystem::path& path);

 protected:
  explicit Network(const Machine& machine = {}) : store_(machine) {}
  /// dtype: of the images, see ParameterStore.
  explicit Network(DType dtype, Device device = Device::cpu) : store_(dtype, device) {}
  ParameterStore store_;
};

}  // namespace uptake::nn
