// bfloat16: the upper half of a float32, so its exponent range with 8 bits of mantissa. A storage type:
// arithmetic is done in float. Conversion rounds to nearest, ties to even; NaN stays NaN.
#pragma once
#include <bit>
#include <cstdint>

#if defined(__CUDACC__)
#include <cuda_bf16.h>
#define UPTAKE_HOST_DEVICE __host__ __device__
#else
#define UPTAKE_HOST_DEVICE
#endif

namespace uptake::kernels {

struct BFloat16 {
  std::uint16_t bits;

  BFloat16() = default;
  UPTAKE_HOST_DEVICE explicit BFloat16(float value) : bits(round(value)) {}
  UPTAKE_HOST_DEVICE explicit BFloat16(double value) : BFloat16(static_cast<float>(value)) {}
  UPTAKE_HOST_DEVICE operator float() const {
#if defined(__CUDA_ARCH__)
    return __uint_as_float(static_cast<unsigned>(bits) << 16);
#else
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
#endif
  }

 private:
  UPTAKE_HOST_DEVICE static std::uint16_t round(float value) {
#if defined(__CUDA_ARCH__)
    return __bfloat16_as_ushort(__float2bfloat16_rn(value));
#else
    const std::uint32_t word = std::bit_cast<std::uint32_t>(value);
    if ((word & 0x7fffffffu) > 0x7f800000u) return 0x7fff;  // the NaN that the GPU's conversion gives
    return static_cast<std::uint16_t>((word + 0x7fffu + ((word >> 16) & 1u)) >> 16);
#endif
  }
};

}  // namespace uptake::kernels
