// Checking that a JPEG file is whole and that its tables are ones a decoder can rely on. Source: ITU-T T.81,
// annex B.
#include <algorithm>
#include <array>
#include <vector>

#include "io/base/file.h"
#include "io/image/codec.h"

namespace uptake::io::detail {
namespace {

constexpr std::size_t kMaxScans = 256;  // progressive files have about ten; each costs a pass over all pixels

class JpegWalk {
 public:
  JpegWalk(std::string_view bytes, const std::filesystem::path& path) : bytes_(bytes), path_(path) {}

  void to_the_end() {
    for (;;) {
      if (byte(at_) != 0xff) damaged("a marker was expected at byte " + std::to_string(at_));
      while (byte(at_) == 0xff) ++at_;  // any number of fill bytes may precede a marker
      const std::size_t marker = byte(at_++);
      if (marker == 0xd9) break;
      if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd7)) continue;  // these have no length
      end_ = at_ + word(at_);
      if (end_ < at_ + 2) damaged("a segment shorter than its own length field");
      at_ += 2;
      segment(marker);
      at_ = end_;
      if (marker == 0xda) skip_compressed_data();
    }
    if (scans_ == 0) damaged("it has no image data");
    // Each block of 64 pixels of the finest component takes at least one bit; 16 is for unusual subsampling.
    if (pixels_ > bytes_.size() * std::uint64_t{64 * 8 * 16}) {
      throw FileError(path_, "claims more pixels than its data can hold");
    }
  }

 private:
  struct Component {
    std::size_t id, quantisation;
  };

  [[noreturn]] void damaged(const std::string& problem) const {
    throw FileError(path_, "is a damaged JPEG: " + problem);
  }
  std::size_t byte(std::size_t at) const {
    if (at >= bytes_.size()) throw FileError(path_, "is a truncated JPEG: it has no end-of-image marker");
    return static_cast<std::uint8_t>(bytes_[at]);
  }
  std::size_t word(std::size_t at) const { return byte(at) << 8 | byte(at + 1); }
  /// The next byte of the segment.
  std::size_t take() {
    if (at_ >= end_) damaged("a segment is too short for what it says it holds");
    return byte(at_++);
  }

  void segment(std::size_t marker) {
    const bool frame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (frame) frame_header(marker);
    if (marker == 0xc4) huffman_tables();
    if (marker == 0xdb) quantisation_tables();
    if (marker == 0xda) scan_header();
  }

  void frame_header(std::size_t marker) {
    if (!components_.empty()) damaged("it has two frames");
    progressive_ = marker == 0xc2;
    take();  // bits a sample: the decoder refuses what is not 8
    std::size_t height = take() << 8, width = 0;
    height |= take();
    width = take() << 8;
    width |= take();
    const std::size_t count = take();
    pixels_ = std::uint64_t{height} * width;
    if (pixels_ * std::max<std::size_t>(count, 1) > static_cast<std::uint64_t>(kMaxSamples)) {
      throw FileError(path_, "claims " + std::to_string(width) + " x " + std::to_string(height) +
                                 " pixels, at most 2^28 samples were expected");
    }
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t id = take();
      take();  // sampling factors
      components_.push_back({id, take()});
    }
  }

  /// A table of more than 256 codes overflows stb's (which does not count them).
  void huffman_tables() {
    while (at_ < end_) {
      const std::size_t target = take();
      if (target / 16 > 1 || target % 16 > 3) damaged("a Huffman table with an impossible number");
      std::size_t codes = 0;
      for (int length = 1; length <= 16; ++length) codes += take();
      if (codes > 256) damaged("a Huffman table with " + std::to_string(codes) + " codes");
      for (std::size_t i = 0; i < codes; ++i) take();
      huffman_[target / 16][target % 16] = true;
    }
  }

  void quantisation_tables() {
    while (at_ < end_) {
      const std::size_t target = take();
      if (target / 16 > 1 || target % 16 > 3) damaged("a quantisation table with an impossible number");
      for (std::size_t i = 0; i < 64 * (target / 16 + 1); ++i) take();
      quantised_[target % 16] = true;
    }
  }

  void scan_header() {
    if (++scans_ > kMaxScans) damaged("it has more than 256 scans");
    const std::size_t count = take();
    std::vector<std::size_t> tables;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t id = take();
      tables.push_back(take());
      const auto component = std::find_if(components_.begin(), components_.end(),
                                          [&](const Component& c) { return c.id == id; });
      if (component == components_.end()) damaged("a scan of a component that the frame does not have");
      if (component->quantisation > 3 || !quantised_[component->quantisation]) {
        damaged("a scan without its quantisation table");
      }
    }
    const std::size_t first = take();
    take();  // last coefficient
    const std::size_t high_bit = take() / 16;
    // A progressive scan holds either DC or AC coefficients; refining DC takes plain bits.
    const bool needs_dc = !progressive_ || (first == 0 && high_bit == 0),
               needs_ac = !progressive_ || first > 0;
    for (const std::size_t table : tables) {
      const std::size_t dc = table / 16, ac = table % 16;
      if ((needs_dc && (dc > 3 || !huffman_[0][dc])) || (needs_ac && (ac > 3 || !huffman_[1][ac]))) {
        damaged("a scan without its Huffman table");
      }
    }
  }

  /// FF is followed by 00 (a stuffed FF) or a restart marker; anything else ends the scan.
  void skip_compressed_data() {
    while (byte(at_) != 0xff || byte(at_ + 1) == 0 || (byte(at_ + 1) >= 0xd0 && byte(at_ + 1) <= 0xd7)) ++at_;
  }

  std::string_view bytes_;
  const std::filesystem::path& path_;
  std::size_t at_ = 2, end_ = 0, scans_ = 0;
  std::uint64_t pixels_ = 0;
  bool progressive_ = false;
  std::vector<Component> components_;
  std::array<std::array<bool, 4>, 2> huffman_{};  // [DC or AC][number]
  std::array<bool, 4> quantised_{};
};

}  // namespace

void require_whole_jpeg(std::string_view bytes, const std::filesystem::path& path) {
  JpegWalk(bytes, path).to_the_end();
}

}  // namespace uptake::io::detail
