#include "kernels/spatial.h"

#include <limits>

#include "kernels/detail/arguments.h"

namespace uptake::kernels {
namespace {

void check_sizes(const char* what, const Shape4& x) {
  if (x.n < 0 || x.h < 0 || x.w < 0 || x.c < 0)
    throw ShapeError(std::string(what) + ": x is [" + std::to_string(x.n) + "," + std::to_string(x.h) + "," +
                     std::to_string(x.w) + "," + std::to_string(x.c) + "], sizes must not be negative");
}

}  // namespace

std::int64_t Pool::output_size(std::int64_t in) const {
  if (kernel < 1 || stride < 1 || pad < 0 || pad > kernel / 2 || in < 0)
    throw ShapeError(
        "pool has kernel " + std::to_string(kernel) + ", stride " + std::to_string(stride) + ", pad " +
        std::to_string(pad) + " on size " + std::to_string(in) +
        ", expected kernel and stride at least 1, pad in [0, kernel/2] and a size of at least 0");
  if (in == 0) return 0;
  if (in + 2 * pad < kernel)
    throw ShapeError("pool kernel " + std::to_string(kernel) + " does not fit into " + std::to_string(in) +
                     " + 2 * " + std::to_string(pad));
  return (in + 2 * pad - kernel) / stride + 1;
}

Shape4 padded_shape(const char* what, const Shape4& x, std::int64_t pad) {
  check_sizes(what, x);
  if (pad < 0 || (x.size() > 0 && (pad >= x.h || pad >= x.w)))
    throw ShapeError(std::string(what) + ": pad is " + std::to_string(pad) + " on " + std::to_string(x.h) +
                     "x" + std::to_string(x.w) + ", expected at least 0 and less than either");
  const auto padded = [&](std::int64_t size) { return size == 0 ? 0 : size + 2 * pad; };
  return {x.n, padded(x.h), padded(x.w), x.c};
}

Shape4 enlarged_shape(const char* what, const Shape4& x, std::int64_t factor) {
  check_sizes(what, x);
  if (factor < 1)
    throw ShapeError(std::string(what) + ": factor is " + std::to_string(factor) + ", expected at least 1");
  return {x.n, x.h * factor, x.w * factor, x.c};
}

Shape4 pooled_shape(const char* what, const Shape4& x, const Pool& pool) {
  check_sizes(what, x);
  return {x.n, pool.output_size(x.h), pool.output_size(x.w), x.c};
}

namespace detail {

void check_winners(const char* what, const std::int32_t* argmax, const Shape4& x_shape,
                   const Shape4& y_shape) {
  check_flat(what, argmax, y_shape.size());
  if (x_shape.h * x_shape.w > std::numeric_limits<std::int32_t>::max())
    throw ShapeError(std::string(what) + ": image of " + std::to_string(x_shape.h) + "x" +
                     std::to_string(x_shape.w) + " pixels, expected fewer than 2^31");
}

}  // namespace detail
}  // namespace uptake::kernels
