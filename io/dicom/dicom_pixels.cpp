#ifdef UPTAKE_HAS_DICOM
#include "io/dicom/dicom_pixels.h"

#include <dcmtk/dcmdata/dccodec.h>
#include <dcmtk/dcmdata/dcpxitem.h>

#include <algorithm>

#include "io/base/file.h"
#include "io/base/text.h"

namespace uptake::io {
namespace {

using std::filesystem::path;

constexpr std::int64_t kMaxSamples = std::int64_t{1} << 28;

long required(DcmItem& data, const DcmTagKey& tag, const char* name, long low, long high, const path& file) {
  const auto value = dcmtk::integer(data, tag);
  const std::string expected = ", expected " + std::to_string(low) + " to " + std::to_string(high);
  if (!value) throw FileError(file, std::string(name) + " is missing or no integer" + expected);
  if (*value < low || *value > high)
    throw FileError(file, std::string(name) + " is " + std::to_string(*value) + expected);
  return *value;
}

void check_has_pixels(DcmItem& data, const path& file) {
  if (data.tagExists(DCM_FloatPixelData) || data.tagExists(DCM_DoubleFloatPixelData))
    throw FileError(file, "holds floating-point pixel data, expected integers of 8 or 16 bits");
  if (data.tagExists(DCM_PixelData)) return;
  if (data.tagExists(DCM_DirectoryRecordSequence))
    throw FileError(file, "holds no pixel data: it is a DICOMDIR, an index of other files");
  const char* object = dcmFindNameOfUID(dcmtk::text(data, DCM_SOPClassUID).c_str());
  throw FileError(
      file, "holds no pixel data" + (object != nullptr ? " (" + std::string(object) + ")" : std::string()));
}

void check_color(DcmItem& data, const path& file) {
  const std::string photometric = dcmtk::text(data, DCM_PhotometricInterpretation);
  if (photometric == "MONOCHROME1")
    throw FileError(
        file,
        "PhotometricInterpretation is MONOCHROME1 (small values shown bright), which are not counts; "
        "expected MONOCHROME2");
  if (photometric != "MONOCHROME2")
    throw FileError(file, "PhotometricInterpretation is " +
                              (photometric.empty() ? "missing" : printable(photometric)) +
                              ", expected MONOCHROME2");
  const long samples = dcmtk::integer(data, DCM_SamplesPerPixel).value_or(1);
  if (samples != 1) throw FileError(file, "SamplesPerPixel is " + std::to_string(samples) + ", expected 1");
}

// Absent is none; a value that cannot be read would leave counts wrong by a factor nobody sees.
std::optional<double> rescale_number(DcmItem& data, const DcmTagKey& tag, const char* name,
                                     const path& file) {
  if (!data.tagExists(tag)) return std::nullopt;
  const auto values = dcmtk::texts(data, tag);
  const auto value = dcmtk::number(data, tag);
  if (values.size() == 1 && value) return value;
  const std::string found = printable(dcmtk::text(data, tag));
  throw FileError(file, std::string(name) + " is " + (found.empty() ? "empty" : "'" + found + "'") +
                            ", which is not a number");
}

void read_rescale(DcmItem& data, const path& file, PixelFormat& format, std::vector<std::string>& warnings) {
  const auto slope = rescale_number(data, DCM_RescaleSlope, "RescaleSlope", file);
  const auto intercept = rescale_number(data, DCM_RescaleIntercept, "RescaleIntercept", file);
  if (dcmtk::sequence_item(data, DCM_ModalityLUTSequence, 0) != nullptr)
    warnings.push_back("a ModalityLUTSequence was ignored: samples are the stored values");
  if (!slope && !intercept) return;
  format.slope = slope.value_or(1);
  format.intercept = intercept.value_or(0);
  if (format.slope == 0) throw FileError(file, "RescaleSlope is 0, which makes every pixel the same");
  if (format.slope != 1 || format.intercept != 0)
    warnings.push_back("RescaleSlope " + printable(dcmtk::text(data, DCM_RescaleSlope)) +
                       " and RescaleIntercept " + printable(dcmtk::text(data, DCM_RescaleIntercept)) +
                       " were applied, so samples are not the stored values");
}

// Overlays of the old kind lie in unused bits of the pixel data (PS3.3 C.9.2, retired): they have a position
// and no data of their own.
unsigned overlay_bits(DcmItem& data, int bits_allocated) {
  unsigned bits = 0;
  for (Uint16 group = 0x6000; group <= 0x601e; group += 2) {
    const auto position = dcmtk::integer(data, DcmTagKey(group, 0x0102));
    if (position && *position >= 0 && *position < bits_allocated && !data.tagExists(DcmTagKey(group, 0x3000)))
      bits |= 1U << *position;
  }
  return bits;
}

}  // namespace

PixelFormat read_format(DcmItem& data, const path& file, std::vector<std::string>& warnings) {
  check_has_pixels(data, file);
  check_color(data, file);
  PixelFormat format;
  format.bits_allocated = static_cast<int>(dcmtk::integer(data, DCM_BitsAllocated).value_or(0));
  if (format.bits_allocated != 8 && format.bits_allocated != 16)
    throw FileError(
        file, "BitsAllocated is " + printable(dcmtk::text(data, DCM_BitsAllocated)) + ", expected 8 or 16");
  format.bits_stored =
      static_cast<int>(required(data, DCM_BitsStored, "BitsStored", 1, format.bits_allocated, file));
  format.high_bit = static_cast<int>(
      required(data, DCM_HighBit, "HighBit", format.bits_stored - 1, format.bits_allocated - 1, file));
  format.is_signed = required(data, DCM_PixelRepresentation, "PixelRepresentation", 0, 1, file) == 1;
  format.rows = required(data, DCM_Rows, "Rows", 1, 65535, file);
  format.columns = required(data, DCM_Columns, "Columns", 1, 65535, file);
  format.frames = data.tagExistsWithValue(DCM_NumberOfFrames)
                      ? required(data, DCM_NumberOfFrames, "NumberOfFrames", 1, kMaxSamples, file)
                      : 1;
  if (format.frame_samples() > kMaxSamples / format.frames)
    throw FileError(file, "declares " + std::to_string(format.frames) + " frames of " +
                              std::to_string(format.rows) + " x " + std::to_string(format.columns) +
                              ", more than 2^28 samples");
  format.overlay_bits = overlay_bits(data, format.bits_allocated);
  read_rescale(data, file, format, warnings);
  return format;
}

namespace {

// Turns one frame of stored integers (local byte order) into counts: takes bits
// high_bit..high_bit-bits_stored+1 and extends the sign. Bits outside carry old-style overlays, not counts.
template <typename Stored>
void convert(const Stored* stored, const PixelFormat& format, std::vector<float>& samples,
             PixelFindings& findings) {
  const int shift = format.high_bit + 1 - format.bits_stored;
  const int mask = (1 << format.bits_stored) - 1, sign = 1 << (format.bits_stored - 1);
  const unsigned word = (1U << format.bits_allocated) - 1;
  const unsigned unused = word & ~(static_cast<unsigned>(mask) << shift) & ~format.overlay_bits;
  const unsigned above = unused & ~((1U << format.high_bit) - 1);  // may repeat the sign
  const bool rescaled = format.slope != 1 || format.intercept != 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    int value = (stored[i] >> shift) & mask;
    const bool negative = format.is_signed && (value & sign) != 0;
    if (negative) value -= mask + 1;
    const unsigned outside = stored[i] & unused;
    findings.unclaimed_bits = findings.unclaimed_bits || (outside != 0 && !(negative && outside == above));
    findings.lowest = std::min(findings.lowest, value);
    findings.highest = std::max(findings.highest, value);
    samples[i] =
        rescaled ? static_cast<float>(value * format.slope + format.intercept) : static_cast<float>(value);
  }
}

Image make_frame(const void* stored, const PixelFormat& format, PixelFindings& findings) {
  Image frame(format.rows, format.columns, 1, SampleKind::counts);
  if (format.bits_allocated == 8) {
    convert(static_cast<const Uint8*>(stored), format, frame.samples, findings);
  } else {
    convert(static_cast<const Uint16*>(stored), format, frame.samples, findings);
  }
  return frame;
}

std::vector<Image> read_uncompressed(DcmElement& pixels, const PixelFormat& format, const path& file,
                                     PixelFindings& findings) {
  const std::int64_t declared_bytes = format.frame_bytes() * format.frames;
  if (static_cast<std::int64_t>(pixels.getLength()) < declared_bytes)
    throw FileError(file, "holds " + std::to_string(pixels.getLength()) + " bytes of pixel data, but " +
                              std::to_string(format.frames) + " frames of " + std::to_string(format.rows) +
                              " x " + std::to_string(format.columns) + " need " +
                              std::to_string(declared_bytes));
  const Uint8* bytes = nullptr;
  Uint8* bytes8 = nullptr;
  Uint16* words = nullptr;
  const OFCondition got =
      format.bits_allocated == 8 ? pixels.getUint8Array(bytes8) : pixels.getUint16Array(words);
  bytes = format.bits_allocated == 8 ? bytes8 : reinterpret_cast<const Uint8*>(words);
  if (got.bad() || bytes == nullptr)
    throw FileError(file, std::string("pixel data cannot be read: ") + got.text());
  std::vector<Image> frames;
  for (std::int64_t f = 0; f < format.frames; ++f)
    frames.push_back(make_frame(bytes + f * format.frame_bytes(), format, findings));
  return frames;
}

// Decodes the frames of one compressed image in order.
class FrameDecoder {
 public:
  FrameDecoder(DcmItem& data, DcmPixelData& pixels, E_TransferSyntax syntax, const PixelFormat& format,
               const path& file)
      : data_(data),
        pixels_(pixels),
        format_(format),
        file_(file),
        failure_("cannot be decoded from transfer syntax " + dcmtk::transfer_syntax_name(syntax)) {
    if (!DcmCodecList::canChangeCoding(syntax, EXS_LittleEndianExplicit))
      throw FileError(file, failure_ + ": there is no decoder for it");
  }

  Image next(PixelFindings& findings) {
    const Uint32 first_fragment = fragment_;
    decode(0xa5, first_fragment);
    // A stream of 8-bit samples under a header of 16 bits fills half of the frame, and DCMTK does not mind.
    // What is still the fill value after decoding over two different ones was never written.
    if (rest_is(0xa5)) {
      decode(0x5a, first_fragment);
      if (rest_is(0x5a))
        throw FileError(file_, "frame " + std::to_string(frame_ + 1) + " " + failure_ +
                                   ": the compressed samples have fewer bits than the header declares");
    }
    ++frame_;
    return make_frame(buffer_.data(), format_, findings);
  }

 private:
  void decode(Uint8 fill, Uint32 first_fragment) {
    Uint32 needed_bytes = 0;
    OFCondition result = dcmtk::decoded_frame_bytes(pixels_, data_, needed_bytes);
    if (result.good()) {
      const auto frame_bytes = static_cast<std::size_t>(format_.frame_bytes());
      buffer_.assign(std::max<std::size_t>(needed_bytes, frame_bytes), fill);
      fragment_ = first_fragment;
      OFString color_model;
      result = pixels_.getUncompressedFrame(&data_, frame_, fragment_, buffer_.data(),
                                            static_cast<Uint32>(buffer_.size()), color_model);
    }
    if (result.bad())
      throw FileError(file_, "frame " + std::to_string(frame_ + 1) + " " + failure_ + ": " + result.text());
  }

  bool rest_is(Uint8 fill) const {
    const auto end = buffer_.begin() + format_.frame_bytes();
    return std::all_of(buffer_.begin() + format_.frame_bytes() / 2, end,
                       [&](Uint8 byte) { return byte == fill; });
  }

  DcmItem& data_;
  DcmPixelData& pixels_;
  const PixelFormat& format_;
  const path& file_;
  std::string failure_;
  std::vector<Uint8> buffer_;
  Uint32 frame_ = 0, fragment_ = 0;
};

// PS3.5 A.4.2 and G.5: each frame is one fragment, which begins with 16 little-endian numbers: how many segments it has,
// and where each begins. DCMTK reads wherever they point.
void check_run_lengths(DcmPixelSequence& fragments, const PixelFormat& format, const path& file) {
  if (static_cast<std::int64_t>(fragments.card()) != format.frames + 1)
    throw FileError(file, "holds " + std::to_string(fragments.card() - 1) + " fragments of run lengths for " +
                              std::to_string(format.frames) + " frames");
  constexpr std::size_t kHeader = 64;
  for (unsigned long i = 1; i < fragments.card(); ++i) {
    DcmPixelItem* item = nullptr;
    Uint8* bytes = nullptr;
    const bool there = fragments.getItem(item, i).good() && item != nullptr &&
                       item->getUint8Array(bytes).good() && bytes != nullptr;
    const std::size_t length = there ? item->getLength() : 0;
    const auto number = [&](std::size_t k) {
      return bytes[4 * k] | bytes[4 * k + 1] << 8 | bytes[4 * k + 2] << 16 |
             std::uint32_t{bytes[4 * k + 3]} << 24;
    };
    bool fits = length >= kHeader && number(0) >= 1 && number(0) <= 15;
    std::size_t before = kHeader;
    for (std::size_t k = 1; fits && k <= number(0); ++k) {
      fits = number(k) >= before && number(k) <= length;
      before = number(k);
    }
    if (!fits)
      throw FileError(file, "frame " + std::to_string(i) + " holds run lengths that lie outside of its " +
                                std::to_string(length) + " bytes");
  }
}

std::vector<Image> read_compressed(DcmItem& data, DcmPixelData& pixels, E_TransferSyntax syntax,
                                   const PixelFormat& format, const path& file, PixelFindings& findings) {
  DcmPixelSequence* fragments = nullptr;
  if (pixels.getEncapsulatedRepresentation(syntax, nullptr, fragments).good() && fragments != nullptr &&
      static_cast<std::int64_t>(fragments->card()) < format.frames + 1)
    throw FileError(file, "holds " + std::to_string(std::max(1UL, fragments->card()) - 1) +
                              " compressed fragments for " + std::to_string(format.frames) + " frames");
  if (syntax == EXS_RLELossless && fragments != nullptr) check_run_lengths(*fragments, format, file);
  FrameDecoder decoder(data, pixels, syntax, format, file);
  std::vector<Image> frames;
  for (std::int64_t f = 0; f < format.frames; ++f) frames.push_back(decoder.next(findings));
  return frames;
}

}  // namespace

std::vector<Image> read_frames(DcmDataset& data, const PixelFormat& format, const path& file,
                               PixelFindings& findings) {
  DcmElement* element = nullptr;
  if (data.findAndGetElement(DCM_PixelData, element).bad() || element == nullptr)
    throw FileError(file, "holds no pixel data");
  findings = {.lowest = 65535, .highest = -65535};  // beyond what 16 bits hold
  const E_TransferSyntax syntax = data.getOriginalXfer();
  auto* pixels = dynamic_cast<DcmPixelData*>(element);
  if (pixels == nullptr || !dcmtk::is_encapsulated(syntax))
    return read_uncompressed(*element, format, file, findings);
  return read_compressed(data, *pixels, syntax, format, file, findings);
}

}  // namespace uptake::io
#endif
