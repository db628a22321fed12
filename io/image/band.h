// Words beside a picture, for people who see it without its file: drawn into pixels of their own, never over the image's.
#pragma once
#include <string>
#include <vector>

#include "io/image/image.h"

namespace uptake::io {

/// A line of a band: a word at either edge and one in the middle, any of them empty.
struct BandLine {
  std::string left, middle, right;
};

/// The picture with white words on black below it. Letters are 5 x 7 pixels, larger by a whole factor below pictures of 320
/// pixels and more; a picture narrower than its words is centered on black. Known are A to Z (small letters are shown
/// as capitals), digits, space and - . : / ?; another character is a question mark. Throws std::invalid_argument for a
/// picture that is not u8 with 1 or 3 channels, or has no pixels.
Image with_band(const Image& picture, const std::vector<BandLine>& lines);

}  // namespace uptake::io
