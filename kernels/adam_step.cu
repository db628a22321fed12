// Reads g, reads and writes p, m and v once, and writes the bfloat16 copy: 28 bytes a parameter, 30 with the
// copy, which is all the time this takes.
#include "kernels/adam_step.h"

#include "kernels/detail/arguments.h"
#include "kernels/detail/launch.cuh"
#include "kernels/detail/sweep.cuh"

namespace uptake::kernels::cuda {
namespace {

using kernels::detail::check_flat;

constexpr int kBlock = 256;

template <int N, bool kCopy>
__global__ void __launch_bounds__(kBlock)
    adam_step_kernel(float* p, float* m, float* v, const float* g, BFloat16* copy, const AdamFactors* factors,
                     Sweep s) {
  const AdamFactors f = *factors;
  sweep<N, kBlock>(s, [&](std::int64_t row, std::int64_t k, auto width) {
    constexpr int kWidth = width.value;
    const std::int64_t at = row * kFold + k;
    float ps[kWidth], ms[kWidth], vs[kWidth], gs[kWidth];
    load_array(ps, p + at);
    load_array(ms, m + at);
    load_array(vs, v + at);
    load_array(gs, g + at);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      ms[i] = f.beta1 * ms[i] + f.rest1 * gs[i];
      vs[i] = f.beta2 * vs[i] + f.rest2 * (gs[i] * gs[i]);
      ps[i] -= f.step_size * ms[i] / (sqrtf(vs[i]) * f.root_correction + f.eps);
    }
    store_array(p + at, ps);
    store_array(m + at, ms);
    store_array(v + at, vs);
    if constexpr (kCopy) store_array(copy + at, ps);
  });
}

}  // namespace

void adam_step(float* p, float* m, float* v, const float* g, BFloat16* copy, std::int64_t count,
               const AdamFactors* factors, StreamHandle stream) {
  check_flat("adam_step: p", p, count);
  check_flat("adam_step: m", m, count);
  check_flat("adam_step: v", v, count);
  check_flat("adam_step: g", g, count);
  check_flat("adam_step: factors", factors, count);
  View<float> p_view{p, count}, m_view{m, count}, v_view{v, count};
  View<const float> g_view{g, count};
  View<BFloat16> copy_view{copy, count};
  Sweep s = sweep_over(1, count, p_view, m_view, v_view, g_view, copy_view);
  if (s.total == 0) return;
  constexpr int kPack = kVector<float>;
  with_width<kPack>(all_pack<kPack>(p_view, m_view, v_view, g_view, copy_view), [&](auto width) {
    s.share(kBlock, width.value);
    const auto kernel =
        copy != nullptr ? adam_step_kernel<width.value, true> : adam_step_kernel<width.value, false>;
    launch(kernel, stride_blocks(s.rows, s.rows_at_once(kBlock)), kBlock, 0, stream, p, m, v, g, copy,
           factors, s);
  });
}

}  // namespace uptake::kernels::cuda
