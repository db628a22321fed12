// The tensor cores' instructions for BFloat16 (sm_80 and newer): a warp's 16 x 8 x 16 product, loading its
// fragments from shared memory, and copies from global to shared memory that run beside the arithmetic.
// Internal to kernels/.
//
// Source: PTX ISA, "Matrix multiply-accumulate operation using mma instruction", m16n8k16 with .bf16, and
// "ldmatrix", "cp.async". The portable branch does what these sections say each lane holds, from what the
// lanes exchange; an asynchronous copy happens when it is waited for, as late as the GPU may do it.
#pragma once
#include <cstdint>

#include "kernels/detail/device.cuh"

#if defined(UPTAKE_SIMULATOR)
#include <cstring>
#include <vector>
#endif

namespace uptake::kernels::cuda::detail {

/// A lane's part of a 16 x 16 left and a 16 x 8 right operand: pairs of BFloat16, the lower half first.
/// With row = lane / 4 and pair = 2 (lane % 4): left words are (row, pair), (row + 8, pair), (row, pair + 8),
/// (row + 8, pair + 8); right words are (pair, row), (pair + 8, row); sums are (row, pair), (row, pair + 1),
/// (row + 8, pair), (row + 8, pair + 1).
struct MmaLeft {
  std::uint32_t word[4];
};
struct MmaRight {
  std::uint32_t word[2];
};

/// sums += left * right. The whole warp calls.
__device__ inline void mma(float (&sums)[4], const MmaLeft& left, const MmaRight& right) {
#if defined(__CUDA_ARCH__)
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};\n"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(left.word[0]), "r"(left.word[1]), "r"(left.word[2]), "r"(left.word[3]), "r"(right.word[0]),
        "r"(right.word[1]));
#elif defined(UPTAKE_SIMULATOR)
  struct Operands {
    MmaLeft left;
    MmaRight right;
  } all[kWarp];
  const Operands mine{left, right};
  sim::warp_exchange(&mine, sizeof mine, all);
  const auto half = [](std::uint32_t word, int which) {
    BFloat16 value;
    value.bits = static_cast<std::uint16_t>(word >> (16 * which));
    return static_cast<float>(value);
  };
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  for (int i = 0; i < 4; ++i) {
    const int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
    for (int k = 0; k < 16; ++k) {
      const MmaLeft& l = all[row % 8 * 4 + k % 8 / 2].left;
      const MmaRight& r = all[column * 4 + k % 8 / 2].right;
      sums[i] += half(l.word[row / 8 + k / 8 * 2], k % 2) * half(r.word[k / 8], k % 2);
    }
  }
#endif
}

/// Four 8 x 8 matrices of BFloat16 from shared memory: lane l names row l % 8 of matrix l / 8, 16 aligned
/// bytes, and gets in word j the elements (l / 4, 2 (l % 4)) and (l / 4, 2 (l % 4) + 1) of matrix j, or of
/// its transpose. The whole warp calls.
template <bool kTranspose>
__device__ void load_matrices(std::uint32_t (&words)[4], const BFloat16* row) {
#if defined(__CUDA_ARCH__)
  const auto address = static_cast<std::uint32_t>(__cvta_generic_to_shared(row));
  if constexpr (kTranspose)
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];\n"
                 : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
                 : "r"(address)
                 : "memory");
  else
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];\n"
                 : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
                 : "r"(address)
                 : "memory");
#elif defined(UPTAKE_SIMULATOR)
  const BFloat16* rows[kWarp];
  sim::warp_exchange(&row, sizeof row, rows);
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  for (int j = 0; j < 4; ++j) {
    words[j] = 0;
    for (int half = 0; half < 2; ++half) {
      const int i = lane / 4, pair = lane % 4 * 2 + half;
      const auto source = load_pack<8>(rows[j * 8 + (kTranspose ? pair : i)]);  // checks the alignment
      words[j] |= std::uint32_t{source.value[kTranspose ? i : pair].bits} << (16 * half);
    }
  }
#endif
}

/// A thread's copies from global to shared memory, in groups.
class AsyncCopies {
 public:
  /// 16 bytes, both addresses aligned; from null: zeros.
  __device__ void copy(BFloat16* to, const BFloat16* from) {
#if defined(__CUDA_ARCH__)
    const auto address = static_cast<std::uint32_t>(__cvta_generic_to_shared(to));
    const int bytes = from == nullptr ? 0 : 16;  // the rest of the 16 is filled with zeros
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(address), "l"(from), "r"(bytes)
                 : "memory");
#elif defined(UPTAKE_SIMULATOR)
    pending_.push_back({to, from, group_});
#endif
  }
  /// Ends a group, which may be empty.
  __device__ void end_group() {
#if defined(__CUDA_ARCH__)
    asm volatile("cp.async.commit_group;\n" ::: "memory");
#elif defined(UPTAKE_SIMULATOR)
    ++group_;
#endif
  }
  /// Until all but the last N groups have arrived: for this thread; others see them after a barrier.
  template <int N>
  __device__ void wait() {
#if defined(__CUDA_ARCH__)
    asm volatile("cp.async.wait_group %0;\n" ::"n"(N) : "memory");
#elif defined(UPTAKE_SIMULATOR)
    std::size_t done = 0;
    for (; done < pending_.size() && pending_[done].group < group_ - N; ++done) {
      const Pending& p = pending_[done];
      store_pack(p.to, p.from == nullptr ? Pack<BFloat16, 8>{} : load_pack<8>(p.from));
    }
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(done));
#endif
  }

 private:
#if defined(UPTAKE_SIMULATOR)
  struct Pending {
    BFloat16* to;
    const BFloat16* from;
    int group;
  };
  std::vector<Pending> pending_;
  int group_ = 0;
#endif
};

}  // namespace uptake::kernels::cuda::detail
