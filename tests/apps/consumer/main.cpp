// Uses one operation with its gradient (nn, kernels) and one of images (io).
#include <cstdio>

#include <uptake/io/image/image.h>
#include <uptake/nn/ops.h>

int main() {
  using namespace uptake;
  const nn::Var x(nn::Tensor::full({1, 2, 2, 1}, nn::DType::f32, 3.0), true);
  const nn::Var y = nn::add(x, x);
  nn::backward(nn::sum(y));
  const io::Image image = io::resize_bicubic(io::Image(4, 6, 1, io::SampleKind::u16), 2, 3);
  std::printf("2x = %g, dx = %g, %d samples\n", static_cast<double>(y.value().data<float>()[0]),
              static_cast<double>(x.grad().data<float>()[0]), static_cast<int>(image.samples.size()));
}
