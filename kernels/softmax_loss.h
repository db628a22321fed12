// Softmax cross-entropy: the mean, over all pixels, of -log p of the pixel's right class, and in the same call its
// gradient. A classifier's logits are [n,1,1,c]; a segmentation's [n,h,w,c].
//
//   p_k  = exp(x_k) / sum_j exp(x_j)
//   loss = log(sum_j exp(x_j - m)) - (x_label - m),  m = max_j x_j     no overflow, whatever the logits
//   dx_k = scale / pixels * (p_k - [k = label])                       assigned or added
//
// x [pixels,c], labels [pixels]: numbers of classes from 0 on. dx may be null (only the value is computed), and may
// be the memory of x when placed alike and assigned. The loss of no pixels is 0. Sums over pixels are taken in double, on the GPU
// in compensated float within a block, in a fixed order. Reads x three times, from the cache where a pixel fits.
// Source: Bridle 1990; PyTorch's cross_entropy with class indices and reduction "mean".
#pragma once
#include "kernels/base/device.h"
#include "kernels/base/types.h"

namespace uptake::kernels::cpu {

/// Throws ShapeError naming the first label that is no class.
template <class T>
double softmax_cross_entropy(View<T> dx, Write write, View<const T> x, const std::int32_t* labels,
                             std::int64_t pixels, std::int64_t c, double scale);

}  // namespace uptake::kernels::cpu

namespace uptake::kernels::cuda {

/// *loss and labels lie in device memory. A label that is no class makes the loss NaN.
template <class T>
void softmax_cross_entropy(double* loss, View<T> dx, Write write, View<const T> x, const std::int32_t* labels,
                           std::int64_t pixels, std::int64_t c, double scale, StreamHandle stream);

}  // namespace uptake::kernels::cuda
