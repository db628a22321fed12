// Walking every element of [pixels,c] matrices in packs, any base, pitch and c, without a division an element.
// A matrix whose pixels follow each other is walked as one long array. Internal to kernels/.
#pragma once
#include <type_traits>

#include "kernels/detail/device.cuh"
#include "kernels/detail/launch.cuh"

namespace uptake::kernels::cuda {

/// Length of the rows that a long array is cut into: 8 elements for each thread of a block of 256.
inline constexpr std::int64_t kFold = 2048;

/// Rows of `length` elements, `total` elements in all: the last row of a folded array may be shorter. A row is
/// shared between 2^log2_columns threads.
struct Sweep {
  std::int64_t total = 0, length = 1, rows = 0, log2_columns = 0;

  /// For blocks of `block` threads that move packs of `width`.
  void share(int block, int width) {
    while ((1 << log2_columns) < block && (std::int64_t{width} << log2_columns) < length) ++log2_columns;
  }
  /// Rows that a block walks at the same time; share() comes first.
  std::int64_t rows_at_once(int block) const { return block >> log2_columns; }
};

/// How to walk these views of [pixels,c] together; their pitch becomes the distance between rows. A view with
/// no data does not count.
template <class... T>
Sweep sweep_over(std::int64_t pixels, std::int64_t c, View<T>&... views) {
  const std::int64_t total = pixels * c;
  if (total == 0) return {};
  if (pixels > 1 && !((views.data == nullptr || views.pitch == c) && ...)) return {total, c, pixels, 0};
  ((views.pitch = kFold), ...);
  return {total, kFold, ceil_div(total, kFold), 0};
}

/// Elements of T in one access when N neighbours are moved: 16 bytes at most.
template <int N, class T>
inline constexpr int kAccess = N < kVector<T> ? N : kVector<T>;

/// Whether the rows of every view can be moved N elements at a time. A view with no data does not count.
template <int N, class... T>
bool all_pack(const View<T>&... views) {
  return ((views.data == nullptr || packs<kAccess<N, T>>(views)) && ...);
}

template <int N>
using Width = std::integral_constant<int, N>;

/// body(Width<N>) when `vector`, else body(Width<1>): the choice of a kernel's access width.
template <int N, class Body>
void with_width(bool vector, const Body& body) {
  if (vector)
    body(Width<N>{});
  else
    body(Width<1>{});
}

/// Calls body(row, first, Width<N>) for every pack of N elements and body(row, first, Width<1>) for the ones
/// left over at the end of a row, shared between all threads of the grid.
template <int N, int kBlock, class Body>
__device__ void sweep(const Sweep& s, const Body& body) {
  const int shift = static_cast<int>(s.log2_columns), columns = 1 << shift, rows = kBlock >> shift;
  const int column = static_cast<int>(threadIdx.x) & (columns - 1);
  const int first_row = static_cast<int>(threadIdx.x) >> shift;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * rows;
  for (std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * rows + first_row; row < s.rows;
       row += step) {
    const std::int64_t rest = s.total - row * s.length, length = rest < s.length ? rest : s.length;
    const std::int64_t packed = length / N * N;
    for (std::int64_t k = std::int64_t{column} * N; k < packed; k += std::int64_t{columns} * N)
      body(row, k, Width<N>{});
    if constexpr (N > 1)
      for (std::int64_t k = packed + column; k < length; k += columns) body(row, k, Width<1>{});
  }
}

/// N neighbours as numbers of type A (float, mostly), 16 bytes an access at most.
template <int N, class A, class T>
__device__ void load_array(A (&to)[N], const T* from) {
  constexpr int kStep = kAccess<N, T>;
#pragma unroll
  for (int i = 0; i < N; i += kStep) {
    const Pack<T, kStep> pack = load_pack<kStep>(from + i);
#pragma unroll
    for (int j = 0; j < kStep; ++j) to[i + j] = static_cast<A>(pack.value[j]);
  }
}

/// The same the other way, rounded to T.
template <int N, class A, class T>
__device__ void store_array(T* to, const A (&from)[N]) {
  constexpr int kStep = kAccess<N, T>;
#pragma unroll
  for (int i = 0; i < N; i += kStep) {
    Pack<T, kStep> pack;
#pragma unroll
    for (int j = 0; j < kStep; ++j) pack.value[j] = static_cast<T>(from[i + j]);
    store_pack(to + i, pack);
  }
}

/// Assigns the values, or adds them to what is there and returns with the sums in `values`.
template <int N, class T>
__device__ void write_array(T* to, Write write, float (&values)[N]) {
  if (write == Write::add) {
    float before[N];
    load_array(before, static_cast<const T*>(to));
#pragma unroll
    for (int i = 0; i < N; ++i) values[i] += before[i];
  }
  store_array(to, values);
}

}  // namespace uptake::kernels::cuda
