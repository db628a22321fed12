#include "nn/backend.h"

namespace uptake::nn {

void add_scaled(Target to, const Tensor& scalar, const Tensor& x) {
  const Shape s = to.dx.shape();
  run(to.dx.device(), to.dx.dtype(), [&]<class On, class T>() {
    On::template scale<T>(to.dx.view<T>(), to.write, scalar.data<Accum<T>>(), 1,
                          x.defined() ? x.view<T>() : kernels::View<T>{}, s.pixels(), s.c);
  });
}

#ifdef UPTAKE_HAS_CUDA

namespace cuda = kernels::cuda;

std::shared_ptr<std::byte> allocate(Device device, std::size_t bytes) {
  return device == Device::cuda ? cuda::allocate_on_device(bytes) : kernels::host_memory().allocate(bytes);
}

void copy_between_devices(void* to, const void* from, std::size_t bytes) {
  cuda::copy_bytes(to, from, bytes, cuda::compute_stream());
  cuda::synchronize(cuda::compute_stream());
}

void convert_on_device(Tensor to, const Tensor& from) {
  using kernels::BFloat16;
  const auto stream = cuda::compute_stream();
  if (to.dtype() == DType::bf16 && from.dtype() == DType::f32)
    cuda::convert<BFloat16, float>(to.data<BFloat16>(), from.data<float>(), to.size(), stream);
  else if (to.dtype() == DType::f32 && from.dtype() == DType::bf16)
    cuda::convert<float, BFloat16>(to.data<float>(), from.data<BFloat16>(), to.size(), stream);
  else if (to.dtype() == DType::f32 && from.dtype() == DType::f64)  // a loss
    cuda::convert<float, double>(to.data<float>(), from.data<double>(), to.size(), stream);
  else
    throw std::logic_error("tensor: no conversion from " + to_string(from.dtype()) + " to " +
                           to_string(to.dtype()) + " on the GPU");
}

#else

std::shared_ptr<std::byte> allocate(Device device, std::size_t bytes) {
  if (device == Device::cuda) throw std::logic_error("this build has no CUDA backend");
  return kernels::host_memory().allocate(bytes);
}

void copy_between_devices(void*, const void*, std::size_t) {
  throw std::logic_error("this build has no CUDA backend");
}

void convert_on_device(Tensor, const Tensor&) { throw std::logic_error("this build has no CUDA backend"); }

#endif

}  // namespace uptake::nn
