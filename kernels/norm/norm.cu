// The forward pass; norm_statistics.cu and norm_backward.cu have the rest.
#include "kernels/norm/norm.h"

#include "kernels/detail/arguments.h"
#include "kernels/detail/launch.cuh"
#include "kernels/norm/norm_affine.cuh"

namespace uptake::kernels::cuda {
namespace {

template <int V, bool kDropout, class T, class A, class B>
__global__ void __launch_bounds__(kRowsBlock, 3)
    norm_forward_kernel(View<T> y0, View<T> y1, View<const T> x, Walk walk, NormParameters parameters, A a,
                        B b, DropoutMask mask) {
  const Place place = place_of<V>(walk);
  if (!place.inside) return;
  if constexpr (kDropout) mask.read_step();
  for (std::int64_t group = blockIdx.z; group < walk.groups; group += gridDim.z) {
    const Affine<V> affine(parameters, walk, group, place.column);
    const Piece piece = piece_of(walk, group);
    const Column<T> to0(y0, piece, place), to1(y1, piece, place);
    const Column<const T> from(x, piece, place);
    const auto first = static_cast<std::uint64_t>(piece.first * walk.columns + place.column);
    for_rows<kRowsAhead<A, !kDropout && !B::kPresent>>(
        walk, piece, place, [&](int row) { return from.template load<V>(row); },
        [&](int row, const Pack<T, V>& in) {
          float factor[V];
          if constexpr (kDropout) mask.factors(factor, first + static_cast<unsigned>(row * walk.columns));
          Pack<T, V> out0, out1;
#pragma unroll
          for (int j = 0; j < V; ++j) {
            const float z = affine.z(static_cast<float>(in.value[j]) - affine.mean[j], j);
            out0.value[j] = T(kDropout ? a.value(z) * factor[j] : a.value(z));
            if constexpr (B::kPresent) out1.value[j] = T(kDropout ? b.value(z) * factor[j] : b.value(z));
          }
          to0.store(row, out0);
          if constexpr (B::kPresent) to1.store(row, out1);
        });
  }
}

}  // namespace

template <class T>
void norm_forward(std::span<const Output<T>> outputs, View<const T> x, const Accum<T>* mean,
                  const Accum<T>* rstd, const Accum<T>* gamma, const Accum<T>* beta, const NormShape& shape,
                  const Dropout& dropout, StreamHandle stream) {
  kernels::detail::check_norm_shape("norm_forward", shape);
  kernels::detail::check_output_count(outputs, "norm_forward");
  check_dropout(dropout);
  kernels::detail::check_view("norm_forward: x", x, shape.pixels(), shape.c);
  for (const Output<T>& output : outputs)
    kernels::detail::check_view("norm_forward: y", output.y, shape.pixels(), shape.c);
  if (shape.pixels() * shape.c == 0) return;
  kernels::detail::check_flat("norm_forward: mean", mean, shape.groups * shape.c);
  kernels::detail::check_flat("norm_forward: rstd", rstd, shape.groups * shape.c);

  const Output<T>* second = outputs.size() == 2 ? &outputs[1] : nullptr;
  const View<T> y0 = outputs[0].y, y1 = second != nullptr ? second->y : View<T>{};
  const Act* second_act = second != nullptr ? &second->act : nullptr;
  Walking walking = walk_over<T>(shape, outputs[0].act, second_act, {x, y0, y1});
  const Grid grid = walking.grid_of_pass();
  with_pass<T, InPacks::straight_only>(
      walking.vector, dropout.p > 0, outputs[0].act, second_act, [&](auto vector, auto drop, auto a, auto b) {
        launch(norm_forward_kernel<vector(), drop(), T, decltype(a), decltype(b)>, grid, kRowsBlock, 0,
               stream, walking.rows_of(y0), walking.rows_of(y1), walking.rows_of(x), walking.walk,
               NormParameters{mean, rstd, gamma, beta}, a, b, DropoutMask(dropout));
      });
}

#define UPTAKE_INSTANTIATE(T)                                                                          \
  template void norm_forward<T>(std::span<const Output<T>>, View<const T>, const float*, const float*, \
                                const float*, const float*, const NormShape&, const Dropout&, StreamHandle);
UPTAKE_INSTANTIATE(float)
UPTAKE_INSTANTIATE(BFloat16)
#undef UPTAKE_INSTANTIATE

}  // namespace uptake::kernels::cuda
