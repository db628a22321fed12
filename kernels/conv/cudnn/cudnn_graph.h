// cuDNN's backend graph API in C++: owners for its handle and its descriptors, setters and getters that know the
// attribute type of a C++ type, and calls that throw. Internal to kernels/; only for files that are compiled in
// builds with cuDNN.
#pragma once
#include <cudnn.h>

#include <cstdint>
#include <initializer_list>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/base/device.h"

namespace uptake::kernels::cuda::cudnn {

/// "set attribute 401: CUDNN_STATUS_BAD_PARAM: what cuDNN adds": the call, the status and cuDNN's last words.
std::string describe(const std::string& call, cudnnStatus_t status);
/// Throws CudaError with that text unless the call succeeded.
void check(cudnnStatus_t status, std::string_view call);

/// The attribute type that goes with a C++ type.
template <class V>
inline constexpr cudnnBackendAttributeType_t kAttributeType = V::no_attribute_type;
template <>
inline constexpr auto kAttributeType<std::int64_t> = CUDNN_TYPE_INT64;
template <>
inline constexpr auto kAttributeType<float> = CUDNN_TYPE_FLOAT;
template <>
inline constexpr auto kAttributeType<double> = CUDNN_TYPE_DOUBLE;
template <>
inline constexpr auto kAttributeType<bool> = CUDNN_TYPE_BOOLEAN;
template <>
inline constexpr auto kAttributeType<char> = CUDNN_TYPE_CHAR;
template <>
inline constexpr auto kAttributeType<std::int32_t> = CUDNN_TYPE_INT32;
template <>
inline constexpr auto kAttributeType<void*> =
    CUDNN_TYPE_VOID_PTR;  // data; descriptors have their own setters
template <>
inline constexpr auto kAttributeType<cudnnHandle_t> = CUDNN_TYPE_HANDLE;
template <>
inline constexpr auto kAttributeType<cudnnDataType_t> = CUDNN_TYPE_DATA_TYPE;
template <>
inline constexpr auto kAttributeType<cudnnConvolutionMode_t> = CUDNN_TYPE_CONVOLUTION_MODE;
template <>
inline constexpr auto kAttributeType<cudnnPointwiseMode_t> = CUDNN_TYPE_POINTWISE_MODE;
template <>
inline constexpr auto kAttributeType<cudnnBackendHeurMode_t> = CUDNN_TYPE_HEUR_MODE;
template <>
inline constexpr auto kAttributeType<cudnnBackendKnobType_t> = CUDNN_TYPE_KNOB_TYPE;
template <>
inline constexpr auto kAttributeType<cudnnBackendNumericalNote_t> = CUDNN_TYPE_NUMERICAL_NOTE;
template <>
inline constexpr auto kAttributeType<cudnnBackendBehaviorNote_t> = CUDNN_TYPE_BEHAVIOR_NOTE;

using Attribute = cudnnBackendAttributeName_t;

/// Owner of a backend descriptor. Setting copies what is set, other descriptors too. All members throw CudaError.
class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type);
  ~Descriptor() {
    if (handle_ != nullptr) cudnnBackendDestroyDescriptor(handle_);
  }
  Descriptor(Descriptor&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  cudnnBackendDescriptor_t get() const { return handle_; }

  template <class V>
  Descriptor& set(Attribute name, const V& value) {
    return set_raw(name, kAttributeType<V>, 1, &value);
  }
  template <class V>
  Descriptor& set_all(Attribute name, std::span<const V> values) {
    return set_raw(name, kAttributeType<V>, values.size(), values.data());
  }
  Descriptor& set(Attribute name, const Descriptor& value) {
    return set_raw(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value.handle_);
  }
  Descriptor& set_all(Attribute name, std::span<const Descriptor> values);

  /// The descriptor is complete.
  Descriptor& finalize();
  /// The same for one that cuDNN may find it does not support: false then, and the reason in why_not.
  bool try_finalize(std::string* why_not = nullptr);

  /// All values of an attribute, or its only one.
  template <class V>
  std::vector<V> list(Attribute name) const {
    std::vector<V> values(count(name, kAttributeType<V>));
    if (!values.empty()) values.resize(get_raw(name, kAttributeType<V>, values.size(), values.data()));
    return values;
  }
  template <class V>
  V value(Attribute name) const {
    V result{};
    get_raw(name, kAttributeType<V>, 1, &result);
    return result;
  }
  /// The same for descriptors of the given type, `most` of them or as many as cuDNN counts.
  static constexpr std::size_t kAll = SIZE_MAX;
  std::vector<Descriptor> descriptors(Attribute name, cudnnBackendDescriptorType_t type,
                                      std::size_t most = kAll) const;

 private:
  Descriptor& set_raw(Attribute name, cudnnBackendAttributeType_t type, std::size_t count,
                      const void* values);
  std::size_t get_raw(Attribute name, cudnnBackendAttributeType_t type, std::size_t capacity,
                      void* values) const;
  std::size_t count(Attribute name, cudnnBackendAttributeType_t type) const;

  cudnnBackendDescriptor_t handle_ = nullptr;
};

/// The process's cuDNN handle, locked while in use: it serves one stream at a time.
class Handle {
 public:
  explicit Handle(StreamHandle stream);
  operator cudnnHandle_t() const { return handle_; }

 private:
  std::unique_lock<std::mutex> lock_;
  cudnnHandle_t handle_;
};

/// For which device plans are made: the GPU of this process, or one described in cuDNN's JSON (no GPU is needed
/// then, and the plans cannot run).
class Target {
 public:
  static Target this_device(cudnnHandle_t handle);
  static Target described(std::string_view json);

  void apply_to_graph(Descriptor& graph) const;
  void apply_to_heuristic(Descriptor& heuristic) const;
  void apply_to_engine(Descriptor& engine) const;
  void apply_to_plan(Descriptor& plan) const;

 private:
  explicit Target(cudnnHandle_t handle, std::vector<Descriptor> properties)
      : handle_(handle), properties_(std::move(properties)) {}
  void apply_properties(Descriptor& to, Attribute name) const;

  cudnnHandle_t handle_;                // null for a described device
  std::vector<Descriptor> properties_;  // one for a described device
};

}  // namespace uptake::kernels::cuda::cudnn
