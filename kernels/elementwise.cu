// Fills, copies, additions and conversions: one sweep over the elements each, bound by memory.
#include "kernels/elementwise.h"

#include "kernels/detail/arguments.h"
#include "kernels/detail/device.cuh"
#include "kernels/detail/launch.cuh"
#include "kernels/detail/sweep.cuh"

namespace uptake::kernels::cuda {
namespace {

using kernels::detail::check_flat;
using kernels::detail::check_view;

constexpr int kBlock = 256;

template <int N, class T>
__global__ void __launch_bounds__(kBlock) fill_kernel(View<T> p, T value, Sweep s) {
  sweep<N, kBlock>(s, [&](std::int64_t row, std::int64_t k, auto width) {
    Pack<T, width.value> pack;
#pragma unroll
    for (int i = 0; i < width.value; ++i) pack.value[i] = value;
    store_pack(p.data + row * p.pitch + k, pack);
  });
}

template <int N, class T>
__global__ void __launch_bounds__(kBlock) copy_channels_kernel(View<T> y, View<const T> x, Sweep s) {
  sweep<N, kBlock>(s, [&](std::int64_t row, std::int64_t k, auto width) {
    store_pack(y.data + row * y.pitch + k, load_pack<width.value>(x.data + row * x.pitch + k));
  });
}

/// y = x, or y += x; x and y may be stored differently.
template <int N, class To, class From>
__global__ void __launch_bounds__(kBlock)
    convert_kernel(View<To> y, Write write, View<const From> x, Sweep s) {
  sweep<N, kBlock>(s, [&](std::int64_t row, std::int64_t k, auto width) {
    float values[width.value];
    load_array(values, x.data + row * x.pitch + k);
    write_array(y.data + row * y.pitch + k, write, values);
  });
}

template <int N, class T>
__global__ void __launch_bounds__(kBlock) add_bias_kernel(View<T> x, const float* bias, Sweep s) {
  sweep<N, kBlock>(s, [&](std::int64_t row, std::int64_t k, auto width) {
    float values[width.value];
#pragma unroll
    for (int i = 0; i < width.value; ++i) values[i] = bias[k + i];
    write_array(x.data + row * x.pitch + k, Write::add, values);
  });
}

/// By value: kernels take no std::array.
struct WordsArgument {
  std::uint32_t word[16];
};

__global__ void __launch_bounds__(32) store_words_kernel(std::uint32_t* to, WordsArgument words, int count) {
  const int i = static_cast<int>(threadIdx.x);
  if (i < count) to[i] = words.word[i];
}

std::int64_t blocks_of(const Sweep& s) { return stride_blocks(s.rows, s.rows_at_once(kBlock)); }

template <int N, class To, class From>
void launch_convert(View<To> y, Write write, View<const From> x, std::int64_t pixels, std::int64_t c,
                    StreamHandle stream) {
  Sweep s = sweep_over(pixels, c, y, x);
  if (s.total == 0) return;
  with_width<N>(all_pack<N>(y, x), [&](auto width) {
    s.share(kBlock, width.value);
    launch(convert_kernel<width.value, To, From>, blocks_of(s), kBlock, 0, stream, y, write, x, s);
  });
}

}  // namespace

template <class T>
void fill(T* p, T value, std::int64_t count, StreamHandle stream) {
  check_flat("fill: p", p, count);
  View<T> view{p, count};
  Sweep s = sweep_over(1, count, view);
  if (s.total == 0) return;
  with_width<kVector<T>>(all_pack<kVector<T>>(view), [&](auto width) {
    s.share(kBlock, width.value);
    launch(fill_kernel<width.value, T>, blocks_of(s), kBlock, 0, stream, view, value, s);
  });
}

template <class T>
void copy_channels(View<T> y, Write write, View<const T> x, std::int64_t pixels, std::int64_t c,
                   StreamHandle stream) {
  check_view("copy_channels: y", y, pixels, c);
  check_view("copy_channels: x", x, pixels, c);
  if (write == Write::add) return launch_convert<kVector<T>>(y, write, x, pixels, c, stream);
  Sweep s = sweep_over(pixels, c, y, x);
  if (s.total == 0) return;
  with_width<kVector<T>>(all_pack<kVector<T>>(y, x), [&](auto width) {
    s.share(kBlock, width.value);
    launch(copy_channels_kernel<width.value, T>, blocks_of(s), kBlock, 0, stream, y, x, s);
  });
}

template <class T>
void add_bias(View<T> x, const Accum<T>* bias, std::int64_t pixels, std::int64_t c, StreamHandle stream) {
  check_view("add_bias: x", x, pixels, c);
  if (pixels == 0 || c == 0) return;
  check_flat("add_bias: bias", bias, c);
  Sweep s{pixels * c, c, pixels, 0};  // never folded: a channel is its place in the row
  with_width<kVector<T>>(all_pack<kVector<T>>(x), [&](auto width) {
    s.share(kBlock, width.value);
    launch(add_bias_kernel<width.value, T>, blocks_of(s), kBlock, 0, stream, x, bias, s);
  });
}

template <class To, class From>
void convert(To* y, const From* x, std::int64_t count, StreamHandle stream) {
  check_flat("convert: y", y, count);
  check_flat("convert: x", x, count);
  launch_convert<kVector<BFloat16>>(View<To>{y, count}, Write::assign, View<const From>{x, count}, 1, count,
                                    stream);
}

void accumulate(float* y, Write write, const BFloat16* x, std::int64_t count, StreamHandle stream) {
  check_flat("accumulate: y", y, count);
  check_flat("accumulate: x", x, count);
  constexpr int kPack =
      16 / sizeof(BFloat16);  // nvcc 13.0 does not take kVector<BFloat16> outside a template
  launch_convert<kPack>(View<float>{y, count}, write, View<const BFloat16>{x, count}, 1, count, stream);
}

void store_words(std::uint32_t* to, const Words& words, int count, StreamHandle stream) {
  if (count < 0 || count > static_cast<int>(words.size()))
    throw ShapeError("store_words: " + std::to_string(count) + " words, expected 0 to " +
                     std::to_string(words.size()));
  check_flat("store_words: to", to, count);
  if (count == 0) return;
  WordsArgument argument;
  std::copy(words.begin(), words.end(), argument.word);
  launch(store_words_kernel, 1, 32, 0, stream, to, argument, count);
}

#define UPTAKE_INSTANTIATE(T)                                                                              \
  template void fill<T>(T*, T, std::int64_t, StreamHandle);                                                \
  template void copy_channels<T>(View<T>, Write, View<const T>, std::int64_t, std::int64_t, StreamHandle); \
  template void add_bias<T>(View<T>, const Accum<T>*, std::int64_t, std::int64_t, StreamHandle);
UPTAKE_INSTANTIATE(float)
UPTAKE_INSTANTIATE(BFloat16)
#undef UPTAKE_INSTANTIATE
template void convert<BFloat16, float>(BFloat16*, const float*, std::int64_t, StreamHandle);
template void convert<float, BFloat16>(float*, const BFloat16*, std::int64_t, StreamHandle);
template void convert<float, double>(float*, const double*, std::int64_t, StreamHandle);

}  // namespace uptake::kernels::cuda
