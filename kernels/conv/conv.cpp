// Geometry of convolutions: host arithmetic shared by every backend.
#include "kernels/conv/conv.h"

#include <string>

#include "kernels/base/host.h"

namespace uptake::kernels {
namespace {

std::string text(const Shape4& s) {
  return "[" + std::to_string(s.n) + "," + std::to_string(s.h) + "," + std::to_string(s.w) + "," +
         std::to_string(s.c) + "]";
}

std::string text(const FilterShape& f) {
  return "[" + std::to_string(f.k) + "," + std::to_string(f.c) + "," + std::to_string(f.r) + "," +
         std::to_string(f.s) + "] stride " + std::to_string(f.stride) + " pad " + std::to_string(f.pad);
}

}  // namespace

void ConvGeometry::check() const {
  const FilterShape& f = filters;
  if (f.k < 0 || f.c < 0 || f.r < 1 || f.s < 1 || f.stride < 1 || f.pad < 0)
    throw ShapeError("convolution: impossible filters " + text(f));
  if (x.n < 0 || x.h < 0 || x.w < 0 || x.c < 0) throw ShapeError("convolution: impossible image " + text(x));
  if (x.c != f.c)
    throw ShapeError("convolution: image " + text(x) + " has " + std::to_string(x.c) + " channels, filters " +
                     text(f) + " expect " + std::to_string(f.c));
  if (x.h + 2 * f.pad < f.r || x.w + 2 * f.pad < f.s)
    throw ShapeError("convolution: filters " + text(f) + " are larger than the padded image " + text(x));
}

Shape4 ConvGeometry::y() const {
  check();
  return {x.n, (x.h + 2 * filters.pad - filters.r) / filters.stride + 1,
          (x.w + 2 * filters.pad - filters.s) / filters.stride + 1, filters.k};
}

ConvGeometry ConvGeometry::transposed(const Shape4& input, const FilterShape& f, std::int64_t output_pad) {
  if (output_pad < 0 || output_pad >= f.stride)
    throw ShapeError("transposed convolution: output padding " + std::to_string(output_pad) +
                     " is not below stride " + std::to_string(f.stride));
  if (input.c != f.k)
    throw ShapeError("transposed convolution: image " + text(input) + " has " + std::to_string(input.c) +
                     " channels, filters " + text(f) + " expect " + std::to_string(f.k));
  ConvGeometry g;
  g.filters = f;
  g.x = {input.n, (input.h - 1) * f.stride - 2 * f.pad + f.r + output_pad,
         (input.w - 1) * f.stride - 2 * f.pad + f.s + output_pad, f.c};
  if (g.x.h <= 0 || g.x.w <= 0)
    throw ShapeError("transposed convolution: filters " + text(f) + " leave nothing of " + text(input));
  return g;
}

template <class T>
void krsc_to_kcrs(T* kcrs, const T* krsc, const FilterShape& f) {
#pragma omp parallel for schedule(static) num_threads(threads())
  for (std::int64_t k = 0; k < f.k; ++k)
    for (std::int64_t c = 0; c < f.c; ++c)
      for (std::int64_t t = 0; t < f.r * f.s; ++t)
        kcrs[(k * f.c + c) * f.r * f.s + t] = krsc[(k * f.r * f.s + t) * f.c + c];
}

template <class T>
void kcrs_to_krsc(T* krsc, const T* kcrs, const FilterShape& f) {
#pragma omp parallel for schedule(static) num_threads(threads())
  for (std::int64_t k = 0; k < f.k; ++k)
    for (std::int64_t c = 0; c < f.c; ++c)
      for (std::int64_t t = 0; t < f.r * f.s; ++t)
        krsc[(k * f.r * f.s + t) * f.c + c] = kcrs[(k * f.c + c) * f.r * f.s + t];
}

template void krsc_to_kcrs(float*, const float*, const FilterShape&);
template void krsc_to_kcrs(double*, const double*, const FilterShape&);
template void kcrs_to_krsc(float*, const float*, const FilterShape&);
template void kcrs_to_krsc(double*, const double*, const FilterShape&);

}  // namespace uptake::kernels
