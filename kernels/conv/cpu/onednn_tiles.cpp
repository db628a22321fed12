#ifdef UPTAKE_HAS_ONEDNN
#include "kernels/conv/cpu/onednn_tiles.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "kernels/base/host.h"

namespace uptake::kernels::onednn {
namespace {

// Every layout here is made of tiles of 16 x 16 numbers, 16 of k by 16 of c at one place (r, s). In [k,r,s,c] the rows
// of a tile are of one k and lie far from each other. A training step moves all filters three times from one layout
// to the other, for a big network hundreds of MB: what counts is that every cache line is read once, written once,
// and written past the caches, which reads nothing first.
constexpr std::int64_t kTile = 16;

struct Blocking {
  Tag tag;
  bool rows_of_k;      // a row of a tile is of one k, else of one c
  std::int64_t block;  // rows of c: how many k lie beside each other
  bool c_outside;      // [k/16, c/16, r, s, tile], else [k/block, r, s, c, block of k]
};
constexpr std::array kBlockings = {
    Blocking{Tag::ABcd16a16b, true, 16, true}, Blocking{Tag::ABcd16b16a, false, 16, true},
    Blocking{Tag::Acdb16a, false, 16, false},  Blocking{Tag::Acdb32a, false, 32, false},
    Blocking{Tag::Acdb64a, false, 64, false},
};

std::optional<Blocking> blocking_of(const FilterShape& f, const Desc& layout) {
  if (f.c % kTile != 0) return {};
  const auto found = std::ranges::find_if(
      kBlockings, [&](const Blocking& b) { return f.k % b.block == 0 && layout == filters_desc(f, b.tag); });
  return found == kBlockings.end() ? std::nullopt : std::optional(*found);
}

using Row = std::array<float, kTile>;
using Tile = std::array<Row, kTile>;

struct View {  // of a tile in memory
  float* first;
  std::int64_t stride;  // from row to row
  float* row(std::int64_t i) const { return first + i * stride; }
};

#if defined(__SSE2__)
void transposed(Tile& to, const View& from) {
  for (std::int64_t i = 0; i < kTile; i += 4)
    for (std::int64_t j = 0; j < kTile; j += 4) {
      __m128 a = _mm_loadu_ps(from.row(i) + j), b = _mm_loadu_ps(from.row(i + 1) + j);
      __m128 c = _mm_loadu_ps(from.row(i + 2) + j), d = _mm_loadu_ps(from.row(i + 3) + j);
      _MM_TRANSPOSE4_PS(a, b, c, d);
      const auto u = static_cast<std::size_t>(j), v = static_cast<std::size_t>(i);
      _mm_storeu_ps(&to[u][v], a);
      _mm_storeu_ps(&to[u + 1][v], b);
      _mm_storeu_ps(&to[u + 2][v], c);
      _mm_storeu_ps(&to[u + 3][v], d);
    }
}
void store_past_caches(float* to, const float* from) {
  for (std::int64_t i = 0; i < kTile; i += 4) _mm_stream_ps(to + i, _mm_loadu_ps(from + i));
}
void finish_stores() { _mm_sfence(); }
#else
void transposed(Tile& to, const View& from) {
  for (std::size_t i = 0; i < to.size(); ++i)
    for (std::size_t j = 0; j < to.size(); ++j) to[j][i] = from.row(static_cast<std::int64_t>(i))[j];
}
void store_past_caches(float* to, const float* from) { std::copy_n(from, kTile, to); }
void finish_stores() {}
#endif

enum class Store { assign, add, past_caches };

void copy_tile(const View& to, const View& from, bool transpose, Store store) {
  Tile tile;
  if (transpose) transposed(tile, from);
  for (std::int64_t i = 0; i < kTile; ++i) {
    const float* const row = transpose ? tile[static_cast<std::size_t>(i)].data() : from.row(i);
    switch (store) {
      case Store::assign:
        std::copy_n(row, kTile, to.row(i));
        break;
      case Store::add:
        for (std::int64_t j = 0; j < kTile; ++j) to.row(i)[j] += row[j];
        break;
      case Store::past_caches:
        store_past_caches(to.row(i), row);
        break;
    }
  }
}

// Calls copy(tile in krsc, tile in blocked) for every tile, on all threads.
template <class Copy>
void for_each_tile(float* krsc, float* blocked, const FilterShape& f, const Blocking& b, const Copy& copy) {
  const std::int64_t places = f.r * f.s, rows_of_tiles = f.k / kTile * places;
  const std::int64_t stride = b.rows_of_k ? kTile : b.block;
#pragma omp parallel num_threads(f.size() < 1 << 14 ? 1 : threads())
  {
#pragma omp for schedule(static)
    for (std::int64_t i = 0; i < rows_of_tiles; ++i) {
      const std::int64_t k = i / places * kTile, place = i % places;
      for (std::int64_t c = 0; c < f.c; c += kTile) {
        const std::int64_t at =
            b.c_outside ? ((k / kTile * (f.c / kTile) + c / kTile) * places + place) * kTile * kTile
                        : ((k / b.block * places + place) * f.c + c) * b.block + k % b.block;
        copy(View{krsc + (k * places + place) * f.c + c, places * f.c}, View{blocked + at, stride});
      }
    }
    finish_stores();
  }
}

// Small filters are read again before the caches have forgotten them.
Store assignment(const float* to, const FilterShape& f) {
  const bool on_lines = reinterpret_cast<std::uintptr_t>(to) % 64 == 0;
  return on_lines && f.size() >= 1 << 18 ? Store::past_caches : Store::assign;
}

}  // namespace

bool pack_tiles(float* to, const float* krsc, const FilterShape& shape, const Desc& layout) {
  const auto blocking = blocking_of(shape, layout);
  if (!blocking) return false;
  const Store store = assignment(to, shape);
  for_each_tile(const_cast<float*>(krsc), to, shape, *blocking, [&](const View& k, const View& blocked) {
    copy_tile(blocked, k, !blocking->rows_of_k, store);
  });
  return true;
}

bool unpack_tiles(float* krsc, Write write, const float* from, const FilterShape& shape, const Desc& layout) {
  const auto blocking = blocking_of(shape, layout);
  if (!blocking) return false;
  const Store store = write == Write::add ? Store::add : assignment(krsc, shape);
  for_each_tile(krsc, const_cast<float*>(from), shape, *blocking, [&](const View& k, const View& blocked) {
    copy_tile(k, blocked, !blocking->rows_of_k, store);
  });
  return true;
}

}  // namespace uptake::kernels::onednn
#endif
