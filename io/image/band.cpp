#include "io/image/band.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <stdexcept>

namespace uptake::io {
namespace {

constexpr std::int64_t kGlyphWidth = 5, kGlyphHeight = 7, kAdvance = 6, kLine = 9, kMargin = 1;
constexpr std::int64_t kWidthOfFactor = 160;  // a picture twice as wide has letters twice as large

struct Glyph {
  char character;
  std::array<std::uint8_t, kGlyphHeight> rows;
};

constexpr Glyph kFont[] = {
    // clang-format off
    {' ', {0b00000, 0b00000, 0b00000, 0b00000, 0b00000, 0b00000, 0b00000}},
    {'-', {0b00000, 0b00000, 0b00000, 0b11111, 0b00000, 0b00000, 0b00000}},
    {'.', {0b00000, 0b00000, 0b00000, 0b00000, 0b00000, 0b01100, 0b01100}},
    {'/', {0b00001, 0b00001, 0b00010, 0b00100, 0b01000, 0b10000, 0b10000}},
    {'0', {0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110}},
    {'1', {0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110}},
    {'2', {0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111}},
    {'3', {0b11110, 0b00001, 0b00001, 0b01110, 0b00001, 0b00001, 0b11110}},
    {'4', {0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010}},
    {'5', {0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110}},
    {'6', {0b01110, 0b10000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110}},
    {'7', {0b11111, 0b00001, 0b00010, 0b00010, 0b00100, 0b00100, 0b00100}},
    {'8', {0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110}},
    {'9', {0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00001, 0b01110}},
    {':', {0b00000, 0b01100, 0b01100, 0b00000, 0b01100, 0b01100, 0b00000}},
    {'?', {0b01110, 0b10001, 0b00001, 0b00110, 0b00100, 0b00000, 0b00100}},
    {'A', {0b01110, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001}},
    {'B', {0b11110, 0b10001, 0b10001, 0b11110, 0b10001, 0b10001, 0b11110}},
    {'C', {0b01111, 0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b01111}},
    {'D', {0b11110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b11110}},
    {'E', {0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b11111}},
    {'F', {0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b10000}},
    {'G', {0b01111, 0b10000, 0b10000, 0b10011, 0b10001, 0b10001, 0b01111}},
    {'H', {0b10001, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001}},
    {'I', {0b01110, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110}},
    {'J', {0b00111, 0b00010, 0b00010, 0b00010, 0b00010, 0b10010, 0b01100}},
    {'K', {0b10001, 0b10010, 0b10100, 0b11000, 0b10100, 0b10010, 0b10001}},
    {'L', {0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b11111}},
    {'M', {0b10001, 0b11011, 0b10101, 0b10101, 0b10001, 0b10001, 0b10001}},
    {'N', {0b10001, 0b11001, 0b11001, 0b10101, 0b10011, 0b10011, 0b10001}},
    {'O', {0b01110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110}},
    {'P', {0b11110, 0b10001, 0b10001, 0b11110, 0b10000, 0b10000, 0b10000}},
    {'Q', {0b01110, 0b10001, 0b10001, 0b10001, 0b10101, 0b10010, 0b01101}},
    {'R', {0b11110, 0b10001, 0b10001, 0b11110, 0b10100, 0b10010, 0b10001}},
    {'S', {0b01111, 0b10000, 0b10000, 0b01110, 0b00001, 0b00001, 0b11110}},
    {'T', {0b11111, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100}},
    {'U', {0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110}},
    {'V', {0b10001, 0b10001, 0b10001, 0b10001, 0b01010, 0b01010, 0b00100}},
    {'W', {0b10001, 0b10001, 0b10001, 0b10101, 0b10101, 0b11011, 0b10001}},
    {'X', {0b10001, 0b01010, 0b01010, 0b00100, 0b01010, 0b01010, 0b10001}},
    {'Y', {0b10001, 0b10001, 0b01010, 0b00100, 0b00100, 0b00100, 0b00100}},
    {'Z', {0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b10000, 0b11111}},
    // clang-format on
};

const Glyph& glyph(char c) {
  const char capital = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const auto find = [](char wanted) { return std::ranges::find(kFont, wanted, &Glyph::character); };
  const auto found = find(capital);
  return found != std::end(kFont) ? *found : *find('?');
}

std::int64_t text_width(const std::string& text) {
  return text.empty() ? 0 : static_cast<std::int64_t>(text.size()) * kAdvance - 1;
}

std::int64_t line_width(const BandLine& line) {
  const std::int64_t edges = std::max(text_width(line.left), text_width(line.right));
  const std::int64_t middle = text_width(line.middle);
  return 2 * kMargin + (edges == 0 ? middle : middle + 2 * (edges + 1));
}

void draw(Image& canvas, const std::string& text, std::int64_t top, std::int64_t left, std::int64_t factor) {
  for (const char c : text) {
    const Glyph& shape = glyph(c);
    for (std::int64_t y = 0; y < kGlyphHeight * factor; ++y)
      for (std::int64_t x = 0; x < kGlyphWidth * factor; ++x)
        if ((shape.rows[static_cast<std::size_t>(y / factor)] >> (kGlyphWidth - 1 - x / factor) & 1) != 0)
          for (std::int64_t channel = 0; channel < canvas.channels; ++channel)
            canvas.at(top + y, left + x, channel) = 255;
    left += kAdvance * factor;
  }
}

}  // namespace

Image with_band(const Image& picture, const std::vector<BandLine>& lines) {
  if (picture.kind != SampleKind::u8 || (picture.channels != 1 && picture.channels != 3) ||
      picture.samples.empty())
    throw std::invalid_argument("with_band: an 8-bit picture with 1 or 3 channels was expected");
  const std::int64_t factor = std::max<std::int64_t>(1, picture.width / kWidthOfFactor);
  std::int64_t width = picture.width;
  for (const BandLine& line : lines) width = std::max(width, line_width(line) * factor);
  const std::int64_t band = (static_cast<std::int64_t>(lines.size()) * kLine + 2 * kMargin) * factor;
  Image canvas(picture.height + band, width, picture.channels, SampleKind::u8);
  const std::int64_t offset = (width - picture.width) / 2;
  for (std::int64_t y = 0; y < picture.height; ++y)
    for (std::int64_t x = 0; x < picture.width; ++x)
      for (std::int64_t c = 0; c < picture.channels; ++c) canvas.at(y, x + offset, c) = picture.at(y, x, c);
  std::int64_t top = picture.height + 2 * kMargin * factor;
  for (const BandLine& line : lines) {
    draw(canvas, line.left, top, kMargin * factor, factor);
    draw(canvas, line.middle, top, (width - text_width(line.middle) * factor) / 2, factor);
    draw(canvas, line.right, top, width - (text_width(line.right) + kMargin) * factor, factor);
    top += kLine * factor;
  }
  return canvas;
}

}  // namespace uptake::io
