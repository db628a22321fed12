// How passes over rows are laid on a grid: the host walks as every thread of every block would, and counts what
// is met. Only the simulator's cuda_runtime.h lets host code say which thread it is.
#if defined(UPTAKE_SIMULATOR)
#include <doctest/doctest.h>

#include <vector>

#include "kernels/base/bfloat16.h"
#include "kernels/detail/rows.cuh"
#include "kernels/detail/sweep.cuh"

namespace uptake::tests {
namespace {

using namespace kernels;
using namespace kernels::cuda;

/// body() as every thread of a launch, one after the other.
template <class Body>
void as_every_thread(const Grid& grid, unsigned block, const Body& body) {
  const sim::Here before = sim::here;
  sim::here.grid_size = dim3(grid.x, grid.y, grid.z);
  sim::here.block_size = dim3(block, 1, 1);
  for (unsigned z = 0; z < grid.z; ++z)
    for (unsigned y = 0; y < grid.y; ++y)
      for (unsigned x = 0; x < grid.x; ++x)
        for (unsigned thread = 0; thread < block; ++thread) {
          sim::here.block = {x, y, z};
          sim::here.thread = {thread, 0, 0};
          body();
        }
  sim::here = before;
}

/// Elements that are not met exactly once, and blocks' parts that are empty.
template <int V>
std::int64_t faults_in_packs(const Walk& walk, const Grid& grid) {
  std::int64_t faults = 0;
  const std::int64_t rows = walk.groups * walk.rows;
  std::vector<unsigned char> met(static_cast<std::size_t>(rows * walk.columns));
  as_every_thread(grid, kRowsBlock, [&] {
    const Place place = place_of<V>(walk);
    if (!place.inside) return;
    for (std::int64_t group = blockIdx.z; group < walk.groups; group += gridDim.z) {
      const Piece piece = piece_of(walk, group);
      faults += piece.count <= 0;
      const auto same = [](int row) { return row; };
      for_rows<3>(walk, piece, place, same, [&](int row, int loaded) {
        const std::int64_t at = piece.first + row;
        const bool inside = at >= group * walk.rows && at < (group + 1) * walk.rows &&
                            place.column + V <= walk.columns && loaded == row;
        if (!inside) return void(++faults);
        for (int j = 0; j < V; ++j) ++met[static_cast<std::size_t>(at * walk.columns + place.column + j)];
      });
    }
  });
  for (const unsigned char times : met) faults += times != 1;
  return faults;
}

std::int64_t faults(const Walking& walking, const Grid& grid) {
  const Walk& walk = walking.walk;
  if (walk.across < 1 || walk.down < 1 || walk.across * walk.down > kRowsBlock) return -1;
  return walking.vector == 8   ? faults_in_packs<8>(walk, grid)
         : walking.vector == 4 ? faults_in_packs<4>(walk, grid)
                               : faults_in_packs<1>(walk, grid);
}

struct Matrices {
  std::int64_t groups, pixels, c;
};
const Matrices kMatrices[] = {{1, 1, 1},    {3, 1, 3},    {2, 7, 5},    {1, 32, 3},   {3, 32, 12},
                              {2, 31, 33},  {1, 257, 8},  {2, 1000, 5}, {1, 1003, 7}, {1, 40, 1031},
                              {1, 2, 4104}, {2, 509, 64}, {1, 5003, 1}, {1, 70000, 3}};

TEST_CASE_TEMPLATE("walk: passes and reductions meet every element of every group once", T, float, BFloat16) {
  for (const auto& [groups, pixels, c] : kMatrices)
    for (const bool in_packs : {false, true}) {
      INFO(groups << " of [" << pixels << "," << c << "], in packs: " << in_packs);
      Walking walking = walk_over<T>(groups, pixels, c, {}, in_packs);
      const Grid pass = walking.grid_of_pass();
      CHECK(faults(walking, pass) == 0);
      CHECK(walking.walk.rows_per_block <= walking.walk.down * kPacksOfThread);
      for (const std::int64_t busy : {std::int64_t{1}, std::int64_t{5}, kPlannedMultiprocessors * 3}) {
        const Grid reduction = walking.grid_of_reduction(busy);
        CHECK(faults(walking, reduction) == 0);
        CHECK(walking.walk.across <= 8);
        CHECK(walking.walk.rows_per_block >= walking.walk.down * 8);  // enough to be worth a merge
        // Pieces are merged again: not more of them than asked for, but for the other groups and columns.
        CHECK(reduction.x <= ceil_div(busy, reduction.y * reduction.z));
      }
    }
}

TEST_CASE_TEMPLATE("walk: blocks that have whole columns meet every element once", T, float, BFloat16) {
  int whole = 0, cut = 0;
  for (const auto& [groups, pixels, c] : kMatrices)
    for (const bool in_packs : {false, true}) {
      INFO(groups << " of [" << pixels << "," << c << "], in packs: " << in_packs);
      Walking walking = walk_over<T>(groups, pixels, c, {}, in_packs);
      if (!walking.lay_whole_columns()) {
        ++cut;
        const Walk& walk = walking.walk;
        CHECK((walk.across == 1 && walk.down == 1 && walk.rows_per_block == 0));  // as it was
        continue;
      }
      ++whole;
      CHECK(walking.walk.fold() == 1);
      CHECK(faults(walking, walking.grid_of_columns(groups)) == 0);
      CHECK(faults(walking, walking.grid_of_columns(1)) == 0);  // its blocks take one group after the other
    }
  CHECK(whole > 5);
  CHECK(cut > 5);
}

TEST_CASE("walk: whole columns end where a thread would have more than its packs") {
  Walking fits = walk_over<float>(1, 1024, 64, {}), too_long = walk_over<float>(1, 1025, 64, {});
  CHECK(fits.lay_whole_columns());  // 4 packs beside each other, 64 below
  CHECK(fits.walk.across == 4);
  CHECK(fits.walk.down == 64);
  CHECK_FALSE(too_long.lay_whole_columns());
  CHECK_FALSE(walk_over<float>(1, 4, 3, {}).lay_whole_columns());  // folded
  Walking narrow = walk_over<float>(1, 256, 33, {}, false);
  CHECK(narrow.lay_whole_columns());
  CHECK(narrow.walk.across == 11);
}

TEST_CASE("walk: more groups than a grid has blocks are shared between them") {
  Walking walking = walk_over<float>(70001, 3, 5, {});
  const Grid pass = walking.grid_of_pass();
  CHECK(pass.z == 65535);
  CHECK(faults(walking, pass) == 0);
  const Grid reduction = walking.grid_of_reduction(kPlannedMultiprocessors * 3);
  CHECK(reduction.z == 65535);
  CHECK(faults(walking, reduction) == 0);
  REQUIRE(walking.lay_whole_columns());
  CHECK(faults(walking, walking.grid_of_columns(65535)) == 0);
  CHECK_THROWS_AS(walking.grid_of_columns(65536), ShapeError);
}

TEST_CASE("walk: sizes beyond the limits of a grid are refused, those at the limits and none are not") {
  const auto over = [](std::int64_t pixels, std::int64_t c) { return walk_over<float>(1, pixels, c, {}); };
  CHECK(over(std::int64_t{16} * 2147483647, 1024).grid_of_pass().x == 2147483647);
  CHECK_THROWS_AS(over(std::int64_t{16} * 2147483647 + 1, 1024).grid_of_pass(), ShapeError);
  CHECK(over(1, 256 * 65535 - 1).grid_of_pass().y == 65535);
  CHECK_THROWS_AS(over(1, 256 * 65535 + 1).grid_of_pass(), ShapeError);
  CHECK(over(1, 8 * 65535 - 1).grid_of_reduction(kPlannedMultiprocessors).y == 65535);
  CHECK_THROWS_AS(over(1, 8 * 65535 + 1).grid_of_reduction(kPlannedMultiprocessors), ShapeError);
  CHECK(over(0, 5).grid_of_pass().x == 0);
  CHECK(over(0, 5).grid_of_reduction(kPlannedMultiprocessors).x == 0);
  CHECK(over(1, 1 << 27).walk.columns == 1 << 27);
  CHECK_THROWS_AS(over(1, (1 << 27) + 1), ShapeError);
}

TEST_CASE_TEMPLATE("walk: pixels are folded until their channels divide into packs", T, float, BFloat16) {
  constexpr int kV = kVector<T>;
  alignas(16) T memory[2 * kV] = {};
  for (const int c : {3, 12, 5}) {
    const int fold = c != 12 ? kV : kV / 4;
    const View<const T> packed{memory, c}, wide{memory, c + kV}, odd{memory, c + 1}, off{memory + 1, c}, none;
    const std::int64_t pixels = 6 * kV;
    const auto is_folded = [&](const Walking& w) {
      return w.vector == kV && w.walk.fold() == fold && w.walk.columns == c * fold && w.walk.channels == c &&
             w.walk.rows == pixels / fold && w.walk.groups == 2;
    };
    const auto is_single = [&](const Walking& w, std::int64_t rows) {
      return w.vector == 1 && w.walk.fold() == 1 && w.walk.columns == c && w.walk.channels == c &&
             w.walk.rows == rows && w.walk.groups == 2;
    };
    INFO(c << " channels");
    CHECK(is_folded(walk_over<T>(2, pixels, c, {packed})));
    CHECK(is_folded(walk_over<T>(2, pixels, c, {none, packed, {nullptr, c + 1}})));
    CHECK(is_single(walk_over<T>(2, pixels, c, {packed}, false), pixels));
    CHECK(is_single(walk_over<T>(2, pixels, c, {packed, off}), pixels));
    CHECK(is_single(walk_over<T>(2, pixels, c, {odd, packed}), pixels));
    if (fold == 1) {
      CHECK(is_folded(walk_over<T>(2, pixels, c, {packed, wide})));  // pitched, but in whole packs
      continue;
    }
    CHECK(is_single(walk_over<T>(2, pixels, c, {packed, wide}), pixels));
    CHECK(is_single(walk_over<T>(2, pixels + 1, c, {packed}), pixels + 1));
  }
}

TEST_CASE("walk: a block's part of a tensor is kept below 2^31 elements") {
  float memory[1] = {};
  Walking walking = walk_over<float>(1, std::int64_t{1} << 40, 1, {}, false);
  walking.grid_of_pass();
  REQUIRE(walking.walk.rows_per_block == 4096);
  CHECK(walking.rows_of(View<float>{memory, 524287}).pitch == 524287);
  CHECK(walking.rows_of(View<float>{memory, 524287}).data == memory);
  CHECK_THROWS_AS(walking.rows_of(View<float>{memory, 524288}), ShapeError);  // 2^31
  CHECK_THROWS_AS(walking.rows_of(View<float>{memory, std::int64_t{1} << 40}), ShapeError);
  Walking folded = walk_over<float>(1, 4, 5, {});
  folded.walk.rows_per_block = 1;
  CHECK(folded.rows_of(View<float>{memory, 5}).pitch == 20);  // of a row of four pixels
  CHECK_NOTHROW(folded.rows_of(View<float>{memory, (1 << 29) - 1}));
  CHECK_THROWS_AS(folded.rows_of(View<float>{memory, 1 << 29}), ShapeError);
}

/// Elements that a sweep in packs of N does not meet exactly once.
template <int N>
std::int64_t sweep_faults(const Sweep& s, const Grid& grid) {
  constexpr int kBlock = 256;
  std::int64_t faults = 0;
  std::vector<unsigned char> met(static_cast<std::size_t>(s.total));
  as_every_thread(grid, kBlock, [&] {
    sweep<N, kBlock>(s, [&](std::int64_t row, std::int64_t first, auto width) {
      if (first < 0 || first + width.value > s.length || first % width.value != 0) ++faults;
      for (int j = 0; j < width.value; ++j) {
        const std::int64_t at = row * s.length + first + j;
        if (at < 0 || at >= s.total)
          ++faults;
        else
          ++met[static_cast<std::size_t>(at)];
      }
    });
  });
  for (const unsigned char times : met) faults += times != 1;
  return faults;
}

TEST_CASE_TEMPLATE("sweep: every element is met once, by any grid in any width", Of, Width<1>, Width<8>) {
  for (const std::int64_t pixels : {1, 2, 31, 257, 1009})
    for (const std::int64_t c : {1, 3, 8, 31, 64, 257, 2050})
      for (const std::int64_t apart : {0, 5}) {
        float memory[1] = {};
        View<float> view{memory, c + apart}, other{nullptr, c};
        Sweep s = sweep_over(pixels, c, view, other);
        INFO("[" << pixels << "," << c << "], pitch " << c + apart);
        const bool folded = apart == 0 || pixels == 1;
        CHECK(s.total == pixels * c);
        CHECK(s.length == (folded ? 2048 : c));
        CHECK(view.pitch == (folded ? 2048 : c + apart));
        s.share(256, Of::value);
        const std::int64_t columns = std::int64_t{1} << s.log2_columns, at_once = s.rows_at_once(256);
        CHECK(at_once * columns == 256);
        CHECK((columns == 256 || columns * Of::value >= s.length));   // a row has enough threads
        CHECK((columns == 1 || columns / 2 * Of::value < s.length));  // and no more
        for (const std::int64_t blocks : {std::int64_t{1}, std::int64_t{3}, ceil_div(s.rows, at_once)})
          CHECK(sweep_faults<Of::value>(s, blocks) == 0);
      }
  View<float> none;
  CHECK(sweep_over(0, 5, none).rows + sweep_over(5, 0, none).rows == 0);
}

}  // namespace
}  // namespace uptake::tests
#endif
