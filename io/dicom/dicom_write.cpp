#ifdef UPTAKE_HAS_DICOM
#include "io/dicom/dicom_write.h"

#include <dcmtk/dcmdata/dcostrmb.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "io/base/file.h"

namespace uptake::io::dcmtk {
namespace {

constexpr std::size_t kMaxSamples = std::size_t{1} << 28;

// The tags and values are ours, so a refusal is a programming error or memory running out, not a bad file.
void check(const OFCondition& result, const DcmTagKey& tag) {
  if (result.good()) return;
  const OFString name = tag.toString();  // not std::string in every build of DCMTK
  throw std::runtime_error("DICOM attribute " + std::string(name.c_str(), name.length()) + ": " +
                           result.text());
}

// A backslash may be half of a character, so what looks like several values must stay together.
std::string raw_text(DcmItem& item, const DcmTagKey& tag) {
  DcmElement* element = nullptr;
  char* bytes = nullptr;
  Uint32 length = 0;
  if (item.findAndGetElement(tag, element).bad() || element == nullptr) return {};
  if (!element->isaString() || element->getString(bytes, length).bad() || bytes == nullptr)
    return text(item, tag);
  std::string value(bytes, length);
  const auto is_padding = [](char c) { return c == ' ' || c == '\0'; };
  while (!value.empty() && is_padding(value.back())) value.pop_back();
  return value.substr(std::min(value.find_first_not_of(' '), value.size()));
}

std::string tidied(std::string value, DcmEVR vr) {
  if (vr == EVR_DA && value.size() == 10) std::erase(value, '.');
  if (vr == EVR_TM) std::erase(value, ':');
  if (vr == EVR_CS)
    std::ranges::transform(value, value.begin(),
                           [](char c) { return c >= 'a' && c <= 'z' ? char(c - 32) : c; });
  return value;
}

bool is_valid(const std::string& text, DcmEVR vr) {
  const OFString value(text.c_str(), text.size());
  if (vr == EVR_DA) return DcmDate::checkStringValue(value).good();
  if (vr == EVR_TM) return DcmTime::checkStringValue(value).good();
  if (vr == EVR_CS) return DcmCodeString::checkStringValue(value).good();
  if (vr == EVR_AS) return DcmAgeString::checkStringValue(value).good();
  if (vr == EVR_IS) return DcmIntegerString::checkStringValue(value).good();
  if (vr == EVR_DS) return DcmDecimalString::checkStringValue(value).good();
  return true;
}

}  // namespace

void put(DcmItem& item, const DcmTagKey& tag, const std::string& value) {
  check(item.putAndInsertString(DcmTag(tag), value.c_str()), tag);
}

void put_words(DcmItem& item, const DcmTagKey& tag, const std::vector<Uint16>& values) {
  check(item.putAndInsertUint16Array(DcmTag(tag), values.data(), values.size()), tag);
}

void put_bytes(DcmItem& item, const DcmTagKey& tag, const std::vector<Uint8>& bytes) {
  check(item.putAndInsertUint8Array(DcmTag(tag, EVR_OB), bytes.data(), bytes.size()), tag);
}

bool copy(DcmItem& item, DcmItem& source, const DcmTagKey& tag) {
  const DcmEVR vr = DcmTag(tag).getEVR();
  const std::string value = tidied(raw_text(source, tag), vr);
  if (value.empty() || !is_valid(value, vr)) return false;
  put(item, tag, value);
  return true;
}

void copy_or_empty(DcmItem& item, DcmItem& source, const DcmTagKey& tag) {
  if (!copy(item, source, tag)) put(item, tag, "");
}

DcmItem& append_item(DcmItem& item, const DcmTagKey& sequence) {
  DcmItem* added = nullptr;
  check(item.findOrCreateSequenceItem(sequence, added, -2), sequence);
  return *added;
}

void put_empty_sequence(DcmItem& item, const DcmTagKey& sequence) {
  check(item.insertEmptyElement(sequence), sequence);
}

void put_code(DcmItem& item, const DcmTagKey& sequence, const char* value, const char* scheme,
              const char* meaning) {
  DcmItem& code = append_item(item, sequence);
  put(code, DCM_CodeValue, value);
  put(code, DCM_CodingSchemeDesignator, scheme);
  put(code, DCM_CodeMeaning, meaning);
}

void put_view(DcmItem& detector, View view) {
  if (view == View::unknown) return;
  const bool anterior = view == View::anterior;
  put_code(detector, DCM_ViewCodeSequence, anterior ? "G-5215" : "G-5216", "SRT",
           anterior ? "anterior projection" : "posterior projection");
  DcmItem* code = sequence_item(detector, DCM_ViewCodeSequence, 0);
  put_empty_sequence(*code, DCM_ViewModifierCodeSequence);
}

std::string clean(const std::string& text, std::size_t longest) {
  std::string safe = text.substr(0, longest);
  std::replace_if(
      safe.begin(), safe.end(), [](char c) { return c < 0x20 || c > 0x7e || c == '\\'; }, '?');
  return safe;
}

std::int64_t put_pixels(DcmItem& item, const std::vector<Image>& frames) {
  if (frames.empty()) throw std::invalid_argument("a DICOM image needs at least one frame");
  const Image& first = frames[0];
  if (first.height < 1 || first.width < 1 || first.height > 65535 || first.width > 65535)
    throw std::invalid_argument("a DICOM image has 1 to 65535 rows and columns");
  for (const Image& frame : frames)
    if (frame.channels != 1 || frame.height != first.height || frame.width != first.width)
      throw std::invalid_argument("the frames of a DICOM image have one channel and one size");
  if (first.samples.size() > kMaxSamples / frames.size())
    throw std::invalid_argument("more than 2^28 samples");

  std::vector<Uint16> stored;
  stored.reserve(first.samples.size() * frames.size());
  std::int64_t sum = 0;
  for (const Image& frame : frames) {
    for (float sample : frame.samples) {
      // Not-a-number compares false and becomes 0.
      const float clamped = sample > 0 ? std::min(sample, 65535.0F) : 0.0F;
      stored.push_back(static_cast<Uint16>(std::lround(clamped)));
      sum += stored.back();
    }
  }
  put_words(item, DCM_SamplesPerPixel, {1});
  put(item, DCM_PhotometricInterpretation, "MONOCHROME2");
  put(item, DCM_NumberOfFrames, std::to_string(frames.size()));
  put_words(item, DCM_Rows, {static_cast<Uint16>(first.height)});
  put_words(item, DCM_Columns, {static_cast<Uint16>(first.width)});
  put_words(item, DCM_BitsAllocated, {16});
  put_words(item, DCM_BitsStored, {16});
  put_words(item, DCM_HighBit, {15});
  put_words(item, DCM_PixelRepresentation, {0});
  check(item.putAndInsertUint16Array(DcmTag(DCM_PixelData, EVR_OW), stored.data(), stored.size()),
        DCM_PixelData);
  return sum;
}

void put_frame_vectors(DcmItem& item, const std::vector<Uint16>& windows,
                       const std::vector<Uint16>& detectors) {
  auto pointer = std::make_unique<DcmAttributeTag>(DCM_FrameIncrementPointer);
  check(pointer->putTagVal(DCM_EnergyWindowVector, 0), DCM_FrameIncrementPointer);
  check(pointer->putTagVal(DCM_DetectorVector, 1), DCM_FrameIncrementPointer);
  check(item.insert(pointer.get(), OFTrue), DCM_FrameIncrementPointer);
  static_cast<void>(pointer.release());  // the item owns it now
  put_words(item, DCM_EnergyWindowVector, windows);
  put_words(item, DCM_NumberOfEnergyWindows, {*std::ranges::max_element(windows)});
  put_words(item, DCM_DetectorVector, detectors);
  put_words(item, DCM_NumberOfDetectors, {*std::ranges::max_element(detectors)});
}

std::string serialize(DcmFileFormat& file, const std::filesystem::path& path) {
  const E_TransferSyntax syntax = EXS_LittleEndianExplicit;
  // The preamble and rewritten meta header come on top of the computed length.
  std::string bytes(file.calcElementLength(syntax, EET_ExplicitLength) + 4096, '\0');
  DcmOutputBufferStream stream(bytes.data(), static_cast<offile_off_t>(bytes.size()));
  file.transferInit();
  const OFCondition written = file.write(stream, syntax, EET_ExplicitLength, nullptr);
  file.transferEnd();
  if (written.bad()) throw FileError(path, std::string("cannot be encoded as DICOM: ") + written.text());
  void* start = nullptr;
  offile_off_t length = 0;
  stream.flushBuffer(start, length);
  return bytes.substr(0, static_cast<std::size_t>(length));
}

}  // namespace uptake::io::dcmtk
#endif
