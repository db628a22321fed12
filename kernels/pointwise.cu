#include "kernels/pointwise.h"

#include "kernels/detail/arguments.h"
#include "kernels/detail/dropout_mask.cuh"
#include "kernels/detail/launch.cuh"
#include "kernels/detail/rows.cuh"

namespace uptake::kernels::cuda {
namespace {

template <int V, bool kDropout, class T, class A, class B>
__global__ void __launch_bounds__(kRowsBlock, 3)
    pointwise_forward_kernel(View<T> y0, View<T> y1, View<const T> x, Walk walk, A a, B b, DropoutMask mask,
                             std::uint64_t first) {
  const Place place = place_of<V>(walk);
  if (!place.inside) return;
  if constexpr (kDropout) mask.read_step();
  const Piece piece = piece_of(walk, 0);
  const Column<T> to0(y0, piece, place), to1(y1, piece, place);
  const Column<const T> from(x, piece, place);
  first += static_cast<std::uint64_t>(piece.first * walk.columns + place.column);
  for_rows<kRowsAhead<A, !kDropout && !B::kPresent>>(
      walk, piece, place, [&](int row) { return from.template load<V>(row); },
      [&](int row, const Pack<T, V>& in) {
        float factor[V];
        if constexpr (kDropout) mask.factors(factor, first + static_cast<unsigned>(row * walk.columns));
        Pack<T, V> out0, out1;
#pragma unroll
        for (int j = 0; j < V; ++j) {
          const auto z = static_cast<float>(in.value[j]);
          out0.value[j] = T(kDropout ? a.value(z) * factor[j] : a.value(z));
          if constexpr (B::kPresent) out1.value[j] = T(kDropout ? b.value(z) * factor[j] : b.value(z));
        }
        to0.store(row, out0);
        if constexpr (B::kPresent) to1.store(row, out1);
      });
}

template <class T, int V>
struct Read {
  Pack<T, V> x, dy0, dy1, dx;
};

template <int V, bool kDropout, bool kAdd, class T, class A, class B>
__global__ void __launch_bounds__(kRowsBlock, 3)
    pointwise_backward_kernel(View<T> dx, View<const T> dy0, View<const T> dy1, View<const T> x, Walk walk,
                              A a, B b, DropoutMask mask, std::uint64_t first) {
  const Place place = place_of<V>(walk);
  if (!place.inside) return;
  if constexpr (kDropout) mask.read_step();
  const Piece piece = piece_of(walk, 0);
  const Column<T> to(dx, piece, place);
  const Column<const T> from0(dy0, piece, place), from1(dy1, piece, place), at(x, piece, place);
  first += static_cast<std::uint64_t>(piece.first * walk.columns + place.column);
  const auto load = [&](int row) {
    Read<T, V> read{};
    read.x = at.template load<V>(row);
    read.dy0 = from0.template load<V>(row);
    if constexpr (B::kPresent) read.dy1 = from1.template load<V>(row);
    if constexpr (kAdd) read.dx = to.template load<V>(row);
    return read;
  };
  for_rows<kRowsAhead<A, false>>(walk, piece, place, load, [&](int row, const Read<T, V>& read) {
    float factor[V];
    if constexpr (kDropout) mask.factors(factor, first + static_cast<unsigned>(row * walk.columns));
    Pack<T, V> out;
#pragma unroll
    for (int j = 0; j < V; ++j) {
      const auto z = static_cast<float>(read.x.value[j]);
      float d = static_cast<float>(read.dy0.value[j]) * a.derivative(z);
      if constexpr (B::kPresent) d += static_cast<float>(read.dy1.value[j]) * b.derivative(z);
      if constexpr (kDropout) d *= factor[j];
      out.value[j] = T(kAdd ? static_cast<float>(read.dx.value[j]) + d : d);
    }
    to.store(row, out);
  });
}

/// pass(walking, first): once for tensors with pitches. Packed ones are a matrix of single packs, and what is
/// left over at their end is a second, very small one, that starts at element `first`.
template <class T, class Pass>
void in_passes(std::int64_t pixels, std::int64_t c, std::initializer_list<View<const T>> views,
               const Pass& pass) {
  constexpr int kV = kVector<T>;
  bool packed = true, aligned = true;
  for (const View<const T>& view : views)
    if (view.data != nullptr) {
      packed = packed && view.pitch == c;
      aligned = aligned && is_aligned(view.data, 16);
    }
  if (!packed) return pass(walk_over<T>(1, pixels, c, views), 0);
  const std::int64_t total = pixels * c, whole = aligned ? total / kV : 0;
  if (whole > 0) pass(Walking{{.rows = whole, .columns = kV, .channels = kV}, kV}, 0);
  if (whole * kV < total)
    pass(Walking{{.rows = total - whole * kV, .columns = 1, .channels = 1}, 1}, whole * kV);
}

/// A view's rows as the walk counts them, from element `first` of a packed tensor on.
template <class T>
View<T> rows_from(const Walking& walking, View<T> view, std::int64_t c, std::int64_t first) {
  if (view.data == nullptr) return view;
  return view.pitch == c ? View<T>{view.data + first, walking.walk.columns} : walking.rows_of(view);
}

}  // namespace

template <class T>
void pointwise_forward(std::span<const Output<T>> outputs, View<const T> x, std::int64_t pixels,
                       std::int64_t c, const Dropout& dropout, StreamHandle stream) {
  kernels::detail::check_output_count(outputs, "pointwise_forward");
  check_dropout(dropout);
  kernels::detail::check_view("pointwise_forward: x", x, pixels, c);
  for (const Output<T>& output : outputs)
    kernels::detail::check_view("pointwise_forward: y", output.y, pixels, c);
  if (pixels * c == 0) return;

  const Output<T>* second = outputs.size() == 2 ? &outputs[1] : nullptr;
  const View<T> y0 = outputs[0].y, y1 = second != nullptr ? second->y : View<T>{};
  in_passes<T>(pixels, c, {x, y0, y1}, [&](Walking walking, std::int64_t first) {
    const Grid grid = walking.grid_of_pass();
    with_pass<T, InPacks::all>(
        walking.vector, dropout.p > 0, outputs[0].act, second != nullptr ? &second->act : nullptr,
        [&](auto vector, auto drop, auto a, auto b) {
          launch(pointwise_forward_kernel<vector(), drop(), T, decltype(a), decltype(b)>, grid, kRowsBlock, 0,
                 stream, rows_from(walking, y0, c, first), rows_from(walking, y1, c, first),
                 rows_from(walking, x, c, first), walking.walk, a, b, DropoutMask(dropout),
                 static_cast<std::uint64_t>(first));
        });
  });
}

template <class T>
void pointwise_backward(View<T> dx, Write write, std::span<const OutputGradient<T>> gradients,
                        View<const T> x, std::int64_t pixels, std::int64_t c, const Dropout& dropout,
                        StreamHandle stream) {
  kernels::detail::check_output_count(gradients, "pointwise_backward");
  check_dropout(dropout);
  kernels::detail::check_view("pointwise_backward: x", x, pixels, c);
  kernels::detail::check_view("pointwise_backward: dx", dx, pixels, c);
  for (const OutputGradient<T>& gradient : gradients)
    kernels::detail::check_view("pointwise_backward: dy", gradient.dy, pixels, c);
  if (pixels * c == 0) return;

  const OutputGradient<T>* second = gradients.size() == 2 ? &gradients[1] : nullptr;
  const View<const T> dy0 = gradients[0].dy, dy1 = second != nullptr ? second->dy : View<const T>{};
  const bool add = write == Write::add;
  in_passes<T>(pixels, c, {x, dx, dy0, dy1}, [&](Walking walking, std::int64_t first) {
    const Grid grid = walking.grid_of_pass();
    with_pass<T, InPacks::all>(walking.vector, dropout.p > 0, gradients[0].act,
                               second != nullptr ? &second->act : nullptr,
                               [&](auto vector, auto drop, auto a, auto b) {
                                 using A = decltype(a);
                                 using B = decltype(b);
                                 launch(add ? pointwise_backward_kernel<vector(), drop(), true, T, A, B>
                                            : pointwise_backward_kernel<vector(), drop(), false, T, A, B>,
                                        grid, kRowsBlock, 0, stream, rows_from(walking, dx, c, first),
                                        rows_from(walking, dy0, c, first), rows_from(walking, dy1, c, first),
                                        rows_from(walking, x, c, first), walking.walk, a, b,
                                        DropoutMask(dropout), static_cast<std::uint64_t>(first));
                               });
  });
}

#define UPTAKE_INSTANTIATE(T)                                                                               \
  template void pointwise_forward<T>(std::span<const Output<T>>, View<const T>, std::int64_t, std::int64_t, \
                                     const Dropout&, StreamHandle);                                         \
  template void pointwise_backward<T>(View<T>, Write, std::span<const OutputGradient<T>>, View<const T>,    \
                                      std::int64_t, std::int64_t, const Dropout&, StreamHandle);
UPTAKE_INSTANTIATE(float)
UPTAKE_INSTANTIATE(BFloat16)
#undef UPTAKE_INSTANTIATE

}  // namespace uptake::kernels::cuda
