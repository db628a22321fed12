// Private to the DICOM sources of this folder: the pixel module, and decoding it into counts.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "io/dicom/dicom_dcmtk.h"
#include "io/image/image.h"

namespace uptake::io {

// How the stored integers of one image are laid out.
struct PixelFormat {
  std::int64_t rows = 0, columns = 0, frames = 0;
  int bits_allocated = 0, bits_stored = 0, high_bit = 0;
  bool is_signed = false;
  unsigned overlay_bits = 0;  // of a word, that an overlay in the pixel data claims
  double slope = 1, intercept = 0;

  std::int64_t frame_samples() const { return rows * columns; }
  std::int64_t frame_bytes() const { return frame_samples() * (bits_allocated / 8); }
};

// What the stored integers were found to be.
struct PixelFindings {
  bool unclaimed_bits = false;  // outside of BitsStored, no sign and no overlay
  int lowest = 0, highest = 0;  // before rescaling
};

/// Reads and checks the Image Pixel attributes: monochrome, 8 or 16 bits, at most 2^28 samples. Throws
/// FileError.
PixelFormat read_format(DcmItem& data, const std::filesystem::path& file, std::vector<std::string>& warnings);

/// Decodes all frames. Throws FileError if there is less pixel data than the format says, or no decoder for
/// it.
std::vector<Image> read_frames(DcmDataset& data, const PixelFormat& format, const std::filesystem::path& file,
                               PixelFindings& findings);

}  // namespace uptake::io
