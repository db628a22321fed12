// The state of a network: parameters in one flat buffer, running statistics, counters, all under PyTorch's
// state_dict names and in PyTorch's order.
//
// Layers declare what they own while they are built. At first use all parameters are laid out in one
// contiguous buffer, and their gradients in another, so that zeroing, Adam, clipping and checkpointing are
// one call each. Values, gradients and running statistics are float32 also where images are bfloat16; a third
// buffer then holds the values rounded to bfloat16, which convolutions read.
//
// Threads: any number may read a store (inference) as long as none changes it; a first use by several at once is safe.
// Training, loading and initialising want the store for themselves.
#pragma once
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "kernels/conv/conv.h"
#include "nn/autograd.h"
#include "nn/machine.h"

namespace uptake::nn {

/// What initialisation a parameter gets.
enum class Role { filters, bias, norm_weight, norm_bias };

class ParameterStore;

struct Parameter {
  const ParameterStore* store = nullptr;  // that it belongs to
  std::string name;
  /// PyTorch's: filters [k,c,r,s], which is [in,out,r,s] for a transposed convolution; [k, c r s] for a linear layer.
  std::vector<std::int64_t> shape;
  Role role = Role::bias;
  std::int64_t offset = 0;            // into the flat buffers, elements
  kernels::FilterShape filter_shape;  // Role::filters only
  /// The stored values, [1,1,1,elements], filters as [k,r,s,c]. The store's memory is allocated when one is asked for first.
  Var& var();
  const Var& var() const;
  /// The same as convolutions read them: of the type of images.
  const Tensor& compute() const;

  std::int64_t elements() const;  // product of shape

 private:
  friend class ParameterStore;
  mutable Var var_;
  mutable Tensor compute_;
};

/// Running statistics: saved with the weights, not trained.
struct Buffer {
  std::string name;
  Tensor values;  // [1,1,1,c]
};

/// num_batches_tracked: a whole number saved with the weights.
struct Counter {
  std::string name;
  std::int64_t value = 0;
};

class ParameterStore {
 public:
  /// machine: with the type of the images; float64 on the CPU and bfloat16 on the GPU only. Convolutions with filters of
  /// this store are computed as it says.
  explicit ParameterStore(const Machine& machine) : machine_(machine) {}
  explicit ParameterStore(DType dtype, Device device = Device::cpu)
      : ParameterStore(Machine{device, dtype, {}}) {}
  ~ParameterStore();
  ParameterStore(const ParameterStore&) = delete;
  ParameterStore& operator=(const ParameterStore&) = delete;

  const Machine& machine() const { return machine_; }
  DType dtype() const { return machine_.dtype; }
  /// Of values, gradients and running statistics.
  DType master_dtype() const { return accum(dtype()); }
  Device device() const { return machine_.device; }

  /// Parameters start at multiples of so many elements; what lies between them is zero.
  static constexpr std::int64_t kAlign = 64;  // 256 bytes of float32

  /// Declarations; references stay valid. Throws std::logic_error for a name declared before, and once the parameters
  /// have memory.
  Parameter& add_filters(const std::string& name, const kernels::FilterShape& shape);
  /// Filters that PyTorch knows as a matrix [k, c r s].
  Parameter& add_matrix(const std::string& name, const kernels::FilterShape& shape);
  Parameter& add_vector(const std::string& name, std::int64_t count, Role role);
  Buffer& add_buffer(const std::string& name, std::int64_t count, double initial);
  Counter& add_counter(const std::string& name);
  /// Gives the parameters memory, all zeros; what is used before does it by itself. A second time does nothing.
  void allocate() const;

  /// Every parameter's stored values or gradients as one vector.
  const Tensor& values() const { return allocate(), values_; }
  const Tensor& gradients() const { return allocate(), gradients_; }
  /// values() rounded to bfloat16; undefined where images are not.
  const Tensor& rounded_values() const { return allocate(), rounded_; }

  std::deque<Parameter>& parameters() { return parameters_; }
  const std::deque<Parameter>& parameters() const { return parameters_; }
  std::deque<Buffer>& buffers() { return buffers_; }
  std::deque<Counter>& counters() { return counters_; }
  /// Trainable numbers, padding not counted.
  std::int64_t parameter_count() const;

  void forget_gradients();
  /// Gradients of parameters that took no part in the last backward are zero, not stale.
  void finish_gradients();
  void set_requires_grad(bool wanted);
  /// To be called after writing values(): repacked filters are stale, rounded ones are made anew.
  void changed();
  /// The same for who has written the rounded ones too, as Adam on the GPU has.
  void values_written();
  /// Which values these are: a number that no other state of any store of this process has, or has had.
  std::uint64_t version() const { return *version_; }

  /// A parameter's part of a flat buffer (values, gradients, Adam moments) in PyTorch's element order, on the
  /// CPU, and back. (Values: then changed().)
  Tensor to_plain(const Parameter& parameter, const Tensor& flat) const;
  void from_plain(const Parameter& parameter, Tensor into_flat, const Tensor& plain) const;

  /// One line of a state_dict listing: name and PyTorch shape, in PyTorch's order.
  struct Entry {
    std::string name;
    std::vector<std::int64_t> shape;
    std::variant<Parameter*, Buffer*, Counter*> what;
  };
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  void declare(const std::string& name) const;
  Parameter& add_parameter(const std::string& name, std::vector<std::int64_t> shape, Role role);
  void new_version() const;

  Machine machine_;
  std::shared_ptr<std::atomic<std::uint64_t>> version_ = std::make_shared<std::atomic<std::uint64_t>>(0);
  std::deque<Parameter> parameters_;
  std::deque<Buffer> buffers_;
  std::deque<Counter> counters_;
  std::vector<Entry> entries_;
  std::int64_t size_ = 0;  // of the flat buffers, elements

  // What allocate() makes, once.
  mutable std::mutex allocating_;
  mutable std::atomic<bool> allocated_ = false;
  mutable Tensor values_, gradients_, rounded_;
};

}  // namespace uptake::nn
