// The two machines an operation can run on, with the same functions: Cpu calls kernels::cpu, Cuda calls
// kernels::cuda on the compute stream. Internal to nn/.
//
//   run(x.device(), x.dtype(), [&]<class On, class T>() { On::template add_bias<T>(...); });
//
// Where the two differ in more than the stream (a loss is a number here and device memory there), the difference is
// hidden below.
#pragma once
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <utility>

#include "kernels/adam_step.h"
#include "kernels/arithmetic.h"
#include "kernels/base/memory.h"
#include "kernels/conv/conv.h"
#include "kernels/elementwise.h"
#include "kernels/norm/norm.h"
#include "kernels/pointwise.h"
#include "kernels/pointwise_loss.h"
#include "kernels/reduce.h"
#include "kernels/softmax_loss.h"
#include "kernels/spatial.h"
#include "nn/parameters.h"

namespace uptake::nn {

using kernels::Accum;

// The same name with the same arguments on both sides; the GPU's side adds the stream.
#define UPTAKE_ON_CPU(name)                               \
  template <class T, class... A>                          \
  static void name(A&&... arguments) {                    \
    kernels::cpu::name<T>(std::forward<A>(arguments)...); \
  }
#define UPTAKE_ON_CUDA(name)                                                                \
  template <class T, class... A>                                                            \
  static void name(A&&... arguments) {                                                      \
    kernels::cuda::name<T>(std::forward<A>(arguments)..., kernels::cuda::compute_stream()); \
  }
#define UPTAKE_OPERATIONS(ON)    \
  ON(conv)                       \
  ON(fill)                       \
  ON(copy_channels)              \
  ON(sum_pixels)                 \
  ON(add_bias)                   \
  ON(binary)                     \
  ON(function_forward)           \
  ON(function_backward)          \
  ON(scale)                      \
  ON(pointwise_forward)          \
  ON(pointwise_backward)         \
  ON(norm_batch_statistics)      \
  ON(norm_rstd)                  \
  ON(norm_forward)               \
  ON(norm_backward)              \
  ON(reflection_pad_forward)     \
  ON(reflection_pad_backward)    \
  ON(upsample_nearest_forward)   \
  ON(upsample_nearest_backward)  \
  ON(upsample_bilinear_forward)  \
  ON(upsample_bilinear_backward) \
  ON(max_pool_forward)           \
  ON(max_pool_backward)          \
  ON(avg_pool_forward)           \
  ON(avg_pool_backward)

struct Cpu {
  UPTAKE_OPERATIONS(UPTAKE_ON_CPU)

  template <class T>
  static bool all_finite(const T* p, std::int64_t count) {
    return kernels::cpu::all_finite(p, count);
  }

  // Losses and sums: the number is written to *loss.
  template <class T, class... A>
  static void sum(double* total, A&&... arguments) {
    *total = kernels::cpu::sum<T>(std::forward<A>(arguments)...);
  }
  template <class T, class... A>
  static void l1_loss(double* loss, A&&... arguments) {
    *loss = kernels::cpu::l1_loss<T>(std::forward<A>(arguments)...);
  }
  template <class T, class... A>
  static void mse_loss(double* loss, A&&... arguments) {
    *loss = kernels::cpu::mse_loss<T>(std::forward<A>(arguments)...);
  }
  template <class T, class... A>
  static void bce_with_logits_loss(double* loss, A&&... arguments) {
    *loss = kernels::cpu::bce_with_logits_loss<T>(std::forward<A>(arguments)...);
  }
  template <class T, class... A>
  static void gan_loss(double* loss, A&&... arguments) {
    *loss = kernels::cpu::gan_loss<T>(std::forward<A>(arguments)...);
  }
  template <class T, class... A>
  static void softmax_cross_entropy(double* loss, A&&... arguments) {
    *loss = kernels::cpu::softmax_cross_entropy<T>(std::forward<A>(arguments)...);
  }
};

#ifdef UPTAKE_HAS_CUDA
struct Cuda {
  UPTAKE_OPERATIONS(UPTAKE_ON_CUDA)
  UPTAKE_ON_CUDA(sum)
  UPTAKE_ON_CUDA(l1_loss)
  UPTAKE_ON_CUDA(mse_loss)
  UPTAKE_ON_CUDA(bce_with_logits_loss)
  UPTAKE_ON_CUDA(gan_loss)
  UPTAKE_ON_CUDA(softmax_cross_entropy)

  /// Waits for the GPU.
  template <class T>
  static bool all_finite(const T* p, std::int64_t count) {
    const auto stream = kernels::cuda::compute_stream();
    const kernels::cuda::Scratch<std::uint32_t> flag(1);
    kernels::cuda::all_finite(flag.data(), p, count, stream);
    std::uint32_t result = 0;
    kernels::cuda::copy_bytes(&result, flag.data(), sizeof result, stream);
    kernels::cuda::synchronize(stream);
    return result != 0;
  }
};
#endif

#undef UPTAKE_OPERATIONS
#undef UPTAKE_ON_CPU
#undef UPTAKE_ON_CUDA

/// Calls f.template operator()<On, T>() with the machine and the C++ type: the one place where they become
/// types.
template <class F>
decltype(auto) run(Device device, DType dtype, F&& f) {
  if (device == Device::cuda) {
#ifdef UPTAKE_HAS_CUDA
    if (dtype == DType::f64) throw std::logic_error("float64 is for the CPU");
    if (dtype == DType::bf16) return f.template operator()<Cuda, kernels::BFloat16>();
    return f.template operator()<Cuda, float>();
#else
    throw std::logic_error("this build has no CUDA backend");
#endif
  }
  if (dtype == DType::bf16) throw std::logic_error("bfloat16 is for the GPU");
  if (dtype == DType::f64) return f.template operator()<Cpu, double>();
  return f.template operator()<Cpu, float>();
}

/// Adds the number in `scalar` times x to the gradient, or where x is undefined the number itself.
void add_scaled(Target to, const Tensor& scalar, const Tensor& x);

/// A block from the pool of the device.
std::shared_ptr<std::byte> allocate(Device device, std::size_t bytes);
/// Any direction; returns when it is done.
void copy_between_devices(void* to, const void* from, std::size_t bytes);
/// Packed GPU tensors of the same size and different types.
void convert_on_device(Tensor to, const Tensor& from);

}  // namespace uptake::nn
