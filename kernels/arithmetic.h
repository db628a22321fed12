// Arithmetic and functions of single elements: what a user writes a loss of his own with.
//
//   binary     y = a op b, element by element
//   function   y = f(x); backward dx = dy f'(x), with the slopes that PyTorch has at corners and poles
//     affine       alpha x + beta      alpha             (x plus, minus, times a number; -x)
//     reciprocal   alpha / x           -alpha / x^2
//     abs          |x|                 sign(x), 0 at 0
//     square       x^2                 2 x
//     sqrt         sqrt(x)             1 / (2 sqrt(x)), infinite at 0
//     exp          e^x                 e^x
//     log          ln(x)               1 / x
//   scale      y = factor * scalar * x: a gradient that is known up to a number
//
// (relu, leaky_relu, tanh and sigmoid are in kernels/pointwise.h.) Tensors are [pixels,c] with a pitch of their own.
// y and dx are assigned or added to, and may be the memory of an input that is placed alike. Backward needs x, and for
// affine nothing: function_forward with beta 0 takes dy to dx, as binary does for products and quotients. Every
// element is computed by itself, so results do not depend on threads. Memory-bound: each tensor is read or written
// once.
#pragma once
#include "kernels/base/device.h"
#include "kernels/base/types.h"

namespace uptake::kernels {

namespace cpu {

template <class T>
void binary(View<T> y, Write write, Binary operation, View<const T> a, View<const T> b, std::int64_t pixels,
            std::int64_t c);

template <class T>
void function_forward(View<T> y, Write write, const Function& f, View<const T> x, std::int64_t pixels,
                      std::int64_t c);

template <class T>
void function_backward(View<T> dx, Write write, const Function& f, View<const T> dy, View<const T> x,
                       std::int64_t pixels, std::int64_t c);

/// `scalar` is one number in memory; x without memory stands for 1 everywhere.
template <class T>
void scale(View<T> y, Write write, const T* scalar, double factor, View<const T> x, std::int64_t pixels,
           std::int64_t c);

}  // namespace cpu

namespace cuda {

template <class T>
void binary(View<T> y, Write write, Binary operation, View<const T> a, View<const T> b, std::int64_t pixels,
            std::int64_t c, StreamHandle stream);

template <class T>
void function_forward(View<T> y, Write write, const Function& f, View<const T> x, std::int64_t pixels,
                      std::int64_t c, StreamHandle stream);

template <class T>
void function_backward(View<T> dx, Write write, const Function& f, View<const T> dy, View<const T> x,
                       std::int64_t pixels, std::int64_t c, StreamHandle stream);

/// `scalar` lies in device memory.
template <class T>
void scale(View<T> y, Write write, const Accum<T>* scalar, double factor, View<const T> x,
           std::int64_t pixels, std::int64_t c, StreamHandle stream);

}  // namespace cuda
}  // namespace uptake::kernels
