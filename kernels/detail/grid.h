// Grid arithmetic: how many blocks, within the limits of every CUDA device. Host code. Internal to kernels/.
#pragma once
#include <algorithm>
#include <cstdint>
#include <string>

#include "kernels/base/types.h"

namespace uptake::kernels::cuda {

/// Multiprocessors that grids are planned for, those of an H100. A constant, not the device's own number: it decides
/// the order of sums, which is to be the same on every GPU.
inline constexpr std::int64_t kPlannedMultiprocessors = 132;

/// ceil(a / b) for a >= 0, b > 0.
constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// A grid of blocks. Throws ShapeError beyond the limits: 2^31 - 1 in x, 65535 in y and z.
struct Grid {
  unsigned x = 1, y = 1, z = 1;

  Grid(std::int64_t blocks_x, std::int64_t blocks_y = 1, std::int64_t blocks_z = 1)
      : x(within(blocks_x, 2147483647, "x")),
        y(within(blocks_y, 65535, "y")),
        z(within(blocks_z, 65535, "z")) {}

 private:
  static unsigned within(std::int64_t blocks, std::int64_t limit, const char* axis) {
    if (blocks < 0 || blocks > limit)
      throw ShapeError("kernel grid: " + std::to_string(blocks) + " blocks in " + axis + ", the limit is " +
                       std::to_string(limit));
    return static_cast<unsigned>(blocks);
  }
};

/// Blocks of a grid-stride loop over `count` items at `per_block` items a block: enough to fill any GPU,
/// never more than `most`, 0 for nothing.
inline std::int64_t stride_blocks(std::int64_t count, std::int64_t per_block,
                                  std::int64_t most = kPlannedMultiprocessors * 16) {
  return std::min(ceil_div(count, per_block), most);
}

}  // namespace uptake::kernels::cuda
