// One field of view on another matrix.
#pragma once
#include <cstdint>

#include "io/image/image.h"

namespace uptake::io {

/// Counts on `height` x `width` pixels of the same field of view: each new pixel gets the counts of the area it
/// covers, so their sum stays (four pixels become one with all of their counts). Throws std::invalid_argument for an
/// empty image or a size that is not positive.
Image on_matrix(const Image& image, std::int64_t height, std::int64_t width);

}  // namespace uptake::io
