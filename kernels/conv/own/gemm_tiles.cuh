// A block's tile of a matrix product in float arithmetic: operands pass through double-buffered shared memory,
// every thread keeps TM x TN sums in registers. Internal to kernels/.
//
// One thread's sums lie in quads of 4 x 4, spread over the tile, so that a warp reads shared memory as
// neighbouring 16-byte words. While a tile is multiplied, the next one is on its way from global memory into
// registers; it goes into the other buffer afterwards, so one barrier a tile is enough.
#pragma once
#include "kernels/detail/device.cuh"

namespace uptake::kernels::cuda::detail {

/// kM x kN results a block, kK terms a step, kTM x kTN results a thread.
template <int M, int N, int K, int TM, int TN>
struct GemmTile {
  static constexpr int kM = M, kN = N, kK = K, kTM = TM, kTN = TN;
  static constexpr int kThreadsN = N / TN, kThreads = M / TM * kThreadsN;
  // Blocks at a time on a multiprocessor: said aloud, or the compiler may spill registers to make room for more.
  static constexpr int kResident = TM * TN > 16 ? 1 : 2;
  static_assert(TM % 4 == 0 && TN % 4 == 0 && M % TM == 0 && N % TN == 0);
};

/// A block's share of loading one operand, `kRows` rows or columns of the result by kK terms, in packs of V
/// that lie along the sum (kAlongSum) or across it. In shared memory a term's row is contiguous either way.
template <class T, class Source, int kRows, int kK, int kThreads, int V, bool kAlongSum>
class Loader {
 public:
  static constexpr int kPitch = kRows + 4;  // a multiple of 16 bytes that changes banks from term to term
  using Buffer = float[kK][kPitch];

  __device__ Loader(const Source& source, int first_row) : source_(source) {
#pragma unroll
    for (int i = 0; i < kFixed; ++i) fixed_[i] = source_.fixed(first_row + row(i));
  }

  /// Reads terms k0.. into registers.
  __device__ void fetch(int k0) {
    if constexpr (kAlongSum) {
      const auto step = source_.step(k0 + term(0));
#pragma unroll
      for (int i = 0; i < kCount; ++i) packs_[i] = load(source_.at(fixed_[i], step));
    } else {
#pragma unroll
      for (int i = 0; i < kCount; ++i) packs_[i] = load(source_.at(fixed_[0], source_.step(k0 + term(i))));
    }
  }

  /// Writes what was fetched into shared memory.
  __device__ void put(Buffer& buffer) const {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      if (kCount * kThreads != kVectors && place(i) >= kVectors) continue;
      if constexpr (kAlongSum) {
#pragma unroll
        for (int j = 0; j < V; ++j) buffer[term(0) + j][row(i)] = static_cast<float>(packs_[i].value[j]);
      } else {
        Pack<float, V> wide;
#pragma unroll
        for (int j = 0; j < V; ++j) wide.value[j] = static_cast<float>(packs_[i].value[j]);
        store_pack(&buffer[term(i)][row(0)], wide);
      }
    }
  }

 private:
  static constexpr int kLine = (kAlongSum ? kK : kRows) / V;  // packs in a line of the operand's tile
  static constexpr int kVectors = kRows * kK / V, kCount = (kVectors + kThreads - 1) / kThreads;
  static constexpr int kFixed = kAlongSum ? kCount : 1;
  static_assert(kThreads % kLine == 0);  // then all packs of a thread have the same place in their lines

  __device__ static int place(int i) { return static_cast<int>(threadIdx.x) + i * kThreads; }
  __device__ static int row(int i) { return kAlongSum ? place(i) / kLine : place(0) % kLine * V; }
  __device__ static int term(int i) { return kAlongSum ? place(0) % kLine * V : place(i) / kLine; }
  __device__ static Pack<T, V> load(const T* p) {
    if (p != nullptr) return load_pack<V>(p);
    Pack<T, V> zeros;
#pragma unroll
    for (int j = 0; j < V; ++j) zeros.value[j] = T(0.0f);
    return zeros;
  }

  Source source_;
  typename Source::Fixed fixed_[kFixed];
  Pack<T, V> packs_[kCount];
};

/// The place of a thread's i-th row (of kTM) or column (of kTN) in the tile.
template <int kSpan, int kPerThread>
__device__ int place_in_tile(int thread, int i) {
  return i / 4 * (kSpan / (kPerThread / 4)) + thread * 4 + i % 4;
}

/// sums += a tile's product over the terms [begin, end). All threads of the block call; begin and end are
/// the same for all.
template <class Tile, class LoaderA, class LoaderB>
__device__ void multiply(float (&sums)[Tile::kTM][Tile::kTN], LoaderA& a, LoaderB& b, int begin, int end) {
  UPTAKE_SHARED(buffers_a, typename LoaderA::Buffer[2]);
  UPTAKE_SHARED(buffers_b, typename LoaderB::Buffer[2]);
  if (begin >= end) return;
  const int thread = static_cast<int>(threadIdx.x);
  const int thread_m = thread / Tile::kThreadsN, thread_n = thread % Tile::kThreadsN;
  a.fetch(begin);
  b.fetch(begin);
  a.put(buffers_a[0]);
  b.put(buffers_b[0]);
  __syncthreads();
  int now = 0;
  for (int k0 = begin; k0 < end; k0 += Tile::kK) {
    const bool more = k0 + Tile::kK < end;
    if (more) {
      a.fetch(k0 + Tile::kK);
      b.fetch(k0 + Tile::kK);
    }
#pragma unroll
    for (int k = 0; k < Tile::kK; ++k) {
      float left[Tile::kTM], right[Tile::kTN];
#pragma unroll
      for (int i = 0; i < Tile::kTM; i += 4) {
        const auto quad = load_pack<4>(&buffers_a[now][k][place_in_tile<Tile::kM, Tile::kTM>(thread_m, i)]);
#pragma unroll
        for (int j = 0; j < 4; ++j) left[i + j] = quad.value[j];
      }
#pragma unroll
      for (int i = 0; i < Tile::kTN; i += 4) {
        const auto quad = load_pack<4>(&buffers_b[now][k][place_in_tile<Tile::kN, Tile::kTN>(thread_n, i)]);
#pragma unroll
        for (int j = 0; j < 4; ++j) right[i + j] = quad.value[j];
      }
#pragma unroll
      for (int i = 0; i < Tile::kTM; ++i)
#pragma unroll
        for (int j = 0; j < Tile::kTN; ++j) sums[i][j] += left[i] * right[j];
    }
    if (more) {
      a.put(buffers_a[1 - now]);
      b.put(buffers_b[1 - now]);
      now = 1 - now;
    }
    __syncthreads();
  }
}

}  // namespace uptake::kernels::cuda::detail
