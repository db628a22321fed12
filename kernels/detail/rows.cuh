// How the fused passes walk over NHWC tensors: every thread keeps one pack of channels and goes down the
// rows, so that what belongs to a channel is read once and no index is ever divided. Internal to kernels/.
//
// A row is a pixel. Where channels do not divide into 16-byte packs, but all tensors of the call are packed,
// `fold` pixels one after the other are taken as one row of fold * c columns that does.
#pragma once
#include <algorithm>
#include <initializer_list>
#include <numeric>
#include <type_traits>

#include "kernels/detail/activation.h"
#include "kernels/detail/device.cuh"
#include "kernels/detail/grid.h"

namespace uptake::kernels::cuda {

inline constexpr int kRowsBlock = 256;

// Blocks that keep all multiprocessors busy, and packs of one thread in a large tensor.
inline constexpr std::int64_t kBusyBlocks = kPlannedMultiprocessors * 4;
inline constexpr std::int64_t kPacksOfThread = 16;

/// `groups` matrices of [rows, columns], one after the other, and how blocks share them: blockIdx.x is a
/// piece of rows, y a part of the columns, z a group (or the first of several).
struct Walk {
  std::int64_t groups = 1, rows = 0;
  int columns = 0, channels = 0;  // the channel of column k is k % channels
  std::int64_t rows_per_block = 0;
  int across = 1, down = 1;  // threads of a block beside and below each other, one pack each

  int fold() const { return columns / channels; }
};

/// Where a thread stands.
struct Place {
  int row, column;  // in its block's rows; the first of its pack
  bool inside;      // else it has no work
};

template <int V>
__device__ Place place_of(const Walk& walk) {
  const int thread = static_cast<int>(threadIdx.x), row = thread / walk.across;
  const int column = (static_cast<int>(blockIdx.y) * walk.across + thread % walk.across) * V;
  return {row, column, row < walk.down && column < walk.columns};
}

/// The rows of a group that a block has: `count` from `first` on, counted over all groups.
struct Piece {
  std::int64_t first;
  int count;
};
__device__ inline Piece piece_of(const Walk& walk, std::int64_t group) {
  const std::int64_t begin = blockIdx.x * walk.rows_per_block, left = walk.rows - begin;
  return {group * walk.rows + begin,
          static_cast<int>(left < walk.rows_per_block ? left : walk.rows_per_block)};
}

/// store_pack as one access for certain: in larger kernels nvcc takes the store of a structure apart.
template <class T, int V>
__device__ void store_whole(T* to, const Pack<T, V>& pack) {
#if defined(__CUDA_ARCH__)
  if constexpr (sizeof(pack) == sizeof(uint4)) {
    __stwb(reinterpret_cast<uint4*>(to), __builtin_bit_cast(uint4, pack));
    return;
  }
#endif
  store_pack(to, pack);
}

/// A column of a piece of a tensor. Offsets inside a piece have 32 bits: Walking::rows_of checks it.
template <class T>
struct Column {
  T* start;
  int pitch;

  __device__ Column(const View<T>& rows, const Piece& piece, const Place& place)
      : start(rows.data + piece.first * rows.pitch + place.column), pitch(static_cast<int>(rows.pitch)) {}
  template <int V>
  __device__ Pack<std::remove_const_t<T>, V> load(int row) const {
    return load_pack<V>(static_cast<const T*>(start) + row * pitch);
  }
  template <int V>
  __device__ void store(int row, const Pack<T, V>& pack) const {
    store_whole(start + row * pitch, pack);
  }
};

/// use(row, load(row)) for the thread's rows of a piece, with kAhead loads under way at a time. Rows count from
/// the start of the piece. Where fewer rows are left, one is read more than once: cheaper than a branch.
template <int kAhead, class Load, class Use>
__device__ void for_rows(const Walk& walk, const Piece& piece, const Place& place, const Load& load,
                         const Use& use) {
  for (int row = place.row; row < piece.count; row += kAhead * walk.down) {
    decltype(load(row)) loaded[kAhead];
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      const int at = row + i * walk.down;
      loaded[i] = load(at < piece.count ? at : row);
    }
#pragma unroll
    for (int i = 0; i < kAhead; ++i)
      if (row + i * walk.down < piece.count) use(row + i * walk.down, loaded[i]);
  }
}

/// Merges what the threads of a column have found, in a fixed order: merge(own, other) takes `other` into
/// `own`, and all of a column's threads get the whole. All threads of the block must call; may be called
/// again at once.
template <int N, class Merge>
__device__ void reduce_rows(float (&own)[N], const Walk& walk, const Merge& merge) {
  UPTAKE_SHARED(values, float[N][kRowsBlock]);
  const int thread = static_cast<int>(threadIdx.x), row = thread / walk.across;
#pragma unroll
  for (int j = 0; j < N; ++j) values[j][thread] = own[j];
  for (int height = walk.down; height > 1;) {
    const int half = (height + 1) / 2;
    __syncthreads();
    if (row < height - half) {
      float other[N];
#pragma unroll
      for (int j = 0; j < N; ++j) other[j] = values[j][thread + half * walk.across];
      merge(own, other);
#pragma unroll
      for (int j = 0; j < N; ++j) values[j][thread] = own[j];
    }
    height = half;
  }
  __syncthreads();
#pragma unroll
  for (int j = 0; j < N; ++j) own[j] = values[j][thread % walk.across];
  __syncthreads();  // nobody writes the next values before everybody has read these
}

/// Numbers of the channels of a pack that starts at `column`; null stands for `otherwise`.
template <int V>
__device__ void load_channels(float (&out)[V], const float* of_channels, const Walk& walk, int column,
                              float otherwise) {
  int channel = column % walk.channels;
  if (of_channels == nullptr) {
#pragma unroll
    for (int j = 0; j < V; ++j) out[j] = otherwise;
  } else if (V % 4 == 0 && channel + V <= walk.channels &&
             reinterpret_cast<std::uintptr_t>(of_channels + channel) % 16 == 0) {
#pragma unroll
    for (int k = 0; k < V / 4; ++k) {
      const Pack<float, 4> four = load_pack<4>(of_channels + channel + 4 * k);
#pragma unroll
      for (int j = 0; j < 4; ++j) out[4 * k + j] = four.value[j];
    }
  } else {
#pragma unroll
    for (int j = 0; j < V; ++j) {
      out[j] = of_channels[channel];
      channel = channel + 1 == walk.channels ? 0 : channel + 1;
    }
  }
}

/// A walk, and the elements of its packs.
struct Walking {
  Walk walk;
  int vector = 1;

  /// A tensor's rows as the walk counts them; to be asked when its blocks are known.
  template <class T>
  View<T> rows_of(View<T> view) const {
    const std::int64_t pitch = view.pitch * walk.fold();
    require(walk.rows_per_block * pitch <= (std::int64_t{1} << 31) - 1,
            "a block's part of a tensor has 2^31 elements or more");
    return {view.data, pitch};
  }

  /// Gives every thread its place, at most `widest` of them beside each other. Returns the blocks that a row
  /// takes.
  std::int64_t lay_threads(std::int64_t widest) {
    const std::int64_t packs = walk.columns / vector, blocks = ceil_div(packs, widest);
    walk.across = static_cast<int>(ceil_div(packs, blocks));
    walk.down = static_cast<int>(
        std::min<std::int64_t>(kRowsBlock / walk.across, std::max<std::int64_t>(walk.rows, 1)));
    return blocks;
  }

  /// Whether a block can have all rows of its columns, few enough for one launch to be quicker than two with
  /// more blocks. If so, gives every thread its place.
  bool lay_whole_columns() {
    if (walk.fold() != 1) return false;
    const Walking before = *this;
    lay_threads(vector == 1 ? 16 : 4);  // narrow, for more blocks
    walk.rows_per_block = walk.rows;
    if (walk.rows <= walk.down * kPacksOfThread) return true;
    *this = before;
    return false;
  }
  /// The grid of a launch after lay_whole_columns(), with blocks for `groups` groups beside each other.
  Grid grid_of_columns(std::int64_t groups) const {
    return Grid(1, ceil_div(walk.columns, walk.across * vector), groups);
  }

  /// The grid of a reduction over rows: few blocks, since what they find has to be merged again.
  Grid grid_of_reduction(std::int64_t busy) {
    const std::int64_t beside = lay_threads(8), groups = std::min<std::int64_t>(walk.groups, 65535);
    const std::int64_t packs = ceil_div(walk.rows, walk.down * ceil_div(busy, beside * groups));
    walk.rows_per_block = walk.down * std::max<std::int64_t>(packs, 8);
    return Grid(ceil_div(walk.rows, walk.rows_per_block), beside, groups);
  }

  /// The grid of a pass that handles every element by itself.
  Grid grid_of_pass() {
    const std::int64_t beside = lay_threads(kRowsBlock), groups = std::min<std::int64_t>(walk.groups, 65535);
    const std::int64_t blocks = ceil_div(kBusyBlocks, beside * groups);
    const std::int64_t packs = ceil_div(walk.rows, walk.down * blocks);
    walk.rows_per_block = walk.down * std::clamp<std::int64_t>(packs, 1, kPacksOfThread);
    return Grid(ceil_div(walk.rows, walk.rows_per_block), beside, groups);
  }
};

/// The walk over `groups` of [pixels,c] that suits all the views (those without memory are not asked), in packs
/// if `in_packs` and if they are placed so.
template <class T>
Walking walk_over(std::int64_t groups, std::int64_t pixels, std::int64_t c,
                  std::initializer_list<View<const T>> views, bool in_packs = true) {
  constexpr int kV = kVector<T>;
  require(c <= (1 << 27), "a pixel has more than 2^27 channels");
  const std::int64_t fold = kV / std::gcd<std::int64_t>(c, kV);
  bool aligned = in_packs && pixels > 0 && pixels % fold == 0;
  for (const View<const T>& view : views)
    if (view.data != nullptr)
      aligned =
          aligned && packs<kV>(View<const T>{view.data, view.pitch * fold}) && (fold == 1 || view.pitch == c);
  const auto channels = static_cast<int>(c);
  if (!aligned) return {{groups, pixels, channels, channels}, 1};
  return {{groups, pixels / fold, channels * static_cast<int>(fold), channels}, kV};
}

/// Which activations have kernels that work in packs; with the others, elements are moved one by one.
enum class InPacks { straight_only, all };

inline bool all_straight(const Act& first, const Act* second) {
  using kernels::detail::is_straight;
  return is_straight(first) && (second == nullptr || is_straight(*second));
}

/// Calls body(vector, dropout, a, b), the first two as integral constants, for a pass in packs of `vector`
/// with one or two activations (kernels/detail/activation.h). Single elements are the rare case and not
/// worth a kernel for each kind of activation.
template <class T, InPacks kInPacks, class Body>
void with_pass(int vector, bool dropout, const Act& first, const Act* second, const Body& body) {
  namespace acts = kernels::detail;
  const auto with_dropout = [&](auto pack, auto a, auto b) {
    if (dropout)
      body(pack, std::true_type{}, a, b);
    else
      body(pack, std::false_type{}, a, b);
  };
  const std::integral_constant<int, kVector<T>> packs;
  const std::integral_constant<int, 1> single;
  if (vector != 1 && all_straight(first, second)) {
    if (second == nullptr)
      with_dropout(packs, acts::straight_act<float>(first), acts::NoAct<float>{});
    else
      with_dropout(packs, acts::straight_act<float>(first), acts::straight_act<float>(*second));
    return;
  }
  const auto any = [&](auto pack) {
    if (second == nullptr)
      with_dropout(pack, acts::any_act<float>(first), acts::NoAct<float>{});
    else
      with_dropout(pack, acts::any_act<float>(first), acts::any_act<float>(*second));
  };
  if constexpr (kInPacks == InPacks::all)
    if (vector != 1) return any(packs);
  any(single);
}

/// Loads under way at a time: enough bytes for the memory's latency, and not more registers than three blocks
/// on a multiprocessor can have. What has exp or tanh in it has other things to wait for, and much more code.
template <class A, bool kOneInOneOut>
inline constexpr int kRowsAhead = std::is_same_v<A, kernels::detail::AnyAct<float>> ? 1
                                  : kOneInOneOut                                    ? 4
                                                                                    : 2;

}  // namespace uptake::kernels::cuda
