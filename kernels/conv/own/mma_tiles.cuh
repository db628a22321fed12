// A block's tile of a matrix product on the tensor cores: BFloat16 operands come through a pipeline of stages in
// shared memory, filled by asynchronous copies; every warp keeps a part of the sums in registers, in float.
// Internal to kernels/.
//
// An operand's tile lies in shared memory as it lies in global memory, in chunks of 16 bytes, along the sum
// or across it; ldmatrix transposes where that is the wrong way round. The chunks of a line are swapped by an
// exclusive or with the line's number, so that the eight rows of an 8 x 8 matrix lie in eight different
// groups of banks.
#pragma once
#include "kernels/conv/own/mma.cuh"

namespace uptake::kernels::cuda::detail {

/// kM x kN results a block of kWarpsM x kWarpsN warps, kK terms a stage.
template <int M, int N, int WarpsM, int WarpsN, int Stages>
struct MmaTile {
  static constexpr int kM = M, kN = N, kK = 32, kStages = Stages;
  static constexpr int kWarpsN = WarpsN, kThreads = WarpsM * WarpsN * kWarp;
  static constexpr int kWarpM = M / WarpsM, kWarpN = N / WarpsN;     // results a warp
  static constexpr int kTilesM = kWarpM / 16, kTilesN = kWarpN / 8;  // products of 16 x 8 a warp
  static_assert(kWarpM % 16 == 0 && kWarpN % 16 == 0 && Stages >= 2);
};

/// One operand's tile in shared memory: kRows rows or columns of the result by kK terms.
template <int kRows, int kK, bool kAlongSum>
struct OperandTile {
  static constexpr int kSize = kRows * kK;
  static constexpr int kChunks = (kAlongSum ? kK : kRows) / 8;  // in a line

  /// Offset of a chunk.
  __device__ static int offset(int line, int chunk) {
    constexpr int kLinesOfBanks = kChunks < 8 ? 8 / kChunks : 1, kMask = (kChunks < 8 ? kChunks : 8) - 1;
    return (line * kChunks + (chunk ^ (line / kLinesOfBanks & kMask))) * 8;
  }
  /// Offset of the 8 elements from (row, term) on, along the lines.
  __device__ static int at(int row, int term) {
    return kAlongSum ? offset(row, term / 8) : offset(term, row / 8);
  }

  /// The 16 x 16 left operand from (row, term) on.
  __device__ static MmaLeft left(const BFloat16* tile, int row, int term) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    MmaLeft result;
    if constexpr (kAlongSum)
      load_matrices<false>(result.word, tile + at(row + lane % 16, term + lane / 16 * 8));
    else
      load_matrices<true>(result.word, tile + at(row + lane / 8 % 2 * 8, term + lane % 8 + lane / 16 * 8));
    return result;
  }
  /// The two 16 x 8 right operands from (column, term) on.
  __device__ static void right(MmaRight& first, MmaRight& second, const BFloat16* tile, int column,
                               int term) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    std::uint32_t words[4];
    if constexpr (kAlongSum)
      load_matrices<false>(words, tile + at(column + lane % 8 + lane / 16 * 8, term + lane / 8 % 2 * 8));
    else
      load_matrices<true>(words, tile + at(column + lane / 16 * 8, term + lane % 16));
    first = {{words[0], words[1]}};
    second = {{words[2], words[3]}};
  }
};

/// A block's share of copying one operand.
template <class Source, int kRows, int kK, int kThreads, bool kAlongSum>
class AsyncLoader {
 public:
  using Tile = OperandTile<kRows, kK, kAlongSum>;

  __device__ AsyncLoader(const Source& source, int first_row) : source_(source) {
#pragma unroll
    for (int i = 0; i < kFixed; ++i)
      fixed_[i] = source_.fixed(first_row + (kAlongSum ? line(i) : chunk() * 8));
  }

  __device__ void fetch(AsyncCopies& copies, BFloat16* tile, int k0) {
    if constexpr (kAlongSum) {
      const auto step = source_.step(k0 + chunk() * 8);
#pragma unroll
      for (int i = 0; i < kCount; ++i)
        if (mine(i)) copies.copy(tile + Tile::offset(line(i), chunk()), source_.at(fixed_[i], step));
    } else {
#pragma unroll
      for (int i = 0; i < kCount; ++i)
        if (mine(i))
          copies.copy(tile + Tile::offset(line(i), chunk()),
                      source_.at(fixed_[0], source_.step(k0 + line(i))));
    }
  }

 private:
  static constexpr int kLines = kAlongSum ? kRows : kK;
  static constexpr int kLinesAtOnce = kThreads / Tile::kChunks;
  static constexpr int kCount = (kLines + kLinesAtOnce - 1) / kLinesAtOnce;
  static constexpr int kFixed = kAlongSum ? kCount : 1;
  static_assert(kThreads % Tile::kChunks == 0);

  __device__ static int chunk() { return static_cast<int>(threadIdx.x) % Tile::kChunks; }
  __device__ static int line(int i) {
    return static_cast<int>(threadIdx.x) / Tile::kChunks + i * kLinesAtOnce;
  }
  __device__ static bool mine(int i) { return kLines % kLinesAtOnce == 0 || line(i) < kLines; }

  Source source_;
  typename Source::Fixed fixed_[kFixed];
};

/// sums += a tile's product over the terms [begin, end). All threads of the block call; begin and end are
/// the same for all.
template <class Tile, class LoaderA, class LoaderB>
__device__ void multiply(float (&sums)[Tile::kTilesM][Tile::kTilesN][4], LoaderA& a, LoaderB& b, int begin,
                         int end) {
  using TileA = typename LoaderA::Tile;
  using TileB = typename LoaderB::Tile;
  UPTAKE_SHARED(stages, BFloat16[Tile::kStages][TileA::kSize + TileB::kSize]);
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int warp_m = warp / Tile::kWarpsN * Tile::kWarpM, warp_n = warp % Tile::kWarpsN * Tile::kWarpN;
  const int steps = end > begin ? (end - begin + Tile::kK - 1) / Tile::kK : 0;
  AsyncCopies copies;
  const auto fetch = [&](int step) {  // into the stage after those in flight; past the end an empty group
    if (step < steps) {
      BFloat16* stage = stages[step % Tile::kStages];
      a.fetch(copies, stage, begin + step * Tile::kK);
      b.fetch(copies, stage + TileA::kSize, begin + step * Tile::kK);
    }
    copies.end_group();
  };

#pragma unroll
  for (int step = 0; step < Tile::kStages - 1; ++step) fetch(step);
  for (int step = 0; step < steps; ++step) {
    copies.template wait<Tile::kStages - 2>();
    __syncthreads();  // this stage has arrived for all, and all are done with the one that is filled next
    fetch(step + Tile::kStages - 1);
    const BFloat16* tile_a = stages[step % Tile::kStages];
    const BFloat16* tile_b = tile_a + TileA::kSize;
#pragma unroll
    for (int k = 0; k < Tile::kK; k += 16) {
      MmaLeft left[Tile::kTilesM];
      MmaRight right[Tile::kTilesN];
#pragma unroll
      for (int i = 0; i < Tile::kTilesM; ++i) left[i] = TileA::left(tile_a, warp_m + i * 16, k);
#pragma unroll
      for (int j = 0; j < Tile::kTilesN; j += 2)
        TileB::right(right[j], right[j + 1], tile_b, warp_n + j * 8, k);
#pragma unroll
      for (int i = 0; i < Tile::kTilesM; ++i)
#pragma unroll
        for (int j = 0; j < Tile::kTilesN; ++j) mma(sums[i][j], left[i], right[j]);
    }
  }
  copies.template wait<0>();
}

/// Gives `store` every pair of sums with its place in the tile: store(row, column, pair).
template <class Tile, class Store>
__device__ void for_each_pair(const float (&sums)[Tile::kTilesM][Tile::kTilesN][4], const Store& store) {
  const int warp = static_cast<int>(threadIdx.x) / kWarp, lane = static_cast<int>(threadIdx.x) % kWarp;
  const int first_row = warp / Tile::kWarpsN * Tile::kWarpM + lane / 4;
  const int first_column = warp % Tile::kWarpsN * Tile::kWarpN + lane % 4 * 2;
#pragma unroll
  for (int i = 0; i < Tile::kTilesM; ++i)
#pragma unroll
    for (int half = 0; half < 2; ++half)
      store(first_row + i * 16 + half * 8, [&](const auto& put) {
#pragma unroll
        for (int j = 0; j < Tile::kTilesN; ++j) {
          const float pair[2] = {sums[i][j][half * 2], sums[i][j][half * 2 + 1]};
          put(first_column + j * 8, pair);
        }
      });
}

}  // namespace uptake::kernels::cuda::detail
