// Checks of arguments, the same on both backends. Internal to kernels/.
#pragma once
#include <string>

#include "kernels/base/types.h"

namespace uptake::kernels::detail {

/// Throws ShapeError unless sizes are not negative, the pitch covers c and a non-empty view has memory.
template <class T>
void check_view(const char* what, View<T> view, std::int64_t pixels, std::int64_t c) {
  if (pixels < 0 || c < 0)
    throw ShapeError(std::string(what) + " is [" + std::to_string(pixels) + "," + std::to_string(c) +
                     "], sizes must not be negative");
  if (pixels == 0 || c == 0) return;
  if (view.data == nullptr)
    throw ShapeError(std::string(what) + " is null, expected [" + std::to_string(pixels) + "," +
                     std::to_string(c) + "]");
  if (view.pitch < c)
    throw ShapeError(std::string(what) + " has pitch " + std::to_string(view.pitch) +
                     ", expected at least c = " + std::to_string(c));
}

/// Throws ShapeError unless count >= 0 and, for count > 0, the pointer is not null.
inline void check_flat(const char* what, const void* data, std::int64_t count) {
  if (count < 0)
    throw ShapeError(std::string(what) + " has " + std::to_string(count) + " elements, expected at least 0");
  if (count > 0 && data == nullptr)
    throw ShapeError(std::string(what) + " is null, expected " + std::to_string(count) + " elements");
}

/// Two packed tensors have memory.
inline void check_tensors(const char* what, const Shape4& x_shape, const void* x, const Shape4& y_shape,
                          const void* y) {
  check_flat(what, x, x_shape.size());
  check_flat(what, y, y_shape.size());
}

/// The outputs of one pass, or their gradients.
template <class List>
void check_output_count(const List& list, const char* what) {
  if (list.size() < 1 || list.size() > 2)
    throw ShapeError(std::string(what) + " has " + std::to_string(list.size()) + " outputs, expected 1 or 2");
}

}  // namespace uptake::kernels::detail
