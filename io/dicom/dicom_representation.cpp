// Attributes whose stored representation is not the standard's.
//
// A gateway that does not know an attribute, on the way from implicit to explicit encoding, can only write it as
// UN; some write OB. DCMTK gives such bytes as text in hexadecimal, which would pass for a name or a number.
#ifdef UPTAKE_HAS_DICOM
#include <dcmtk/dcmdata/dcistrmb.h>

#include <algorithm>
#include <memory>

#include "io/base/file.h"
#include "io/dicom/dicom_dcmtk.h"

namespace uptake::io::dcmtk {
namespace {

using std::filesystem::path;

constexpr int kDeepest = 64;  // sequences within sequences; no object of the standard comes near

/// What the dictionary's representation asks of the bytes.
enum class Form { text, words, sequence, pixels, bytes };

Form form_of(DcmEVR defined, std::size_t& value_bytes) {
  value_bytes = 1;
  switch (defined) {
    case EVR_US:
    case EVR_SS:
    case EVR_xs:
      value_bytes = 2;
      return Form::words;
    case EVR_UL:
    case EVR_SL:
    case EVR_up:
    case EVR_FL:
    case EVR_AT:
      value_bytes = 4;
      return Form::words;
    case EVR_FD:
      value_bytes = 8;
      return Form::words;
    case EVR_SQ:
      return Form::sequence;
    case EVR_px:
      return Form::pixels;
    case EVR_AE:
    case EVR_AS:
    case EVR_CS:
    case EVR_DA:
    case EVR_DS:
    case EVR_DT:
    case EVR_IS:
    case EVR_LO:
    case EVR_LT:
    case EVR_PN:
    case EVR_SH:
    case EVR_ST:
    case EVR_TM:
    case EVR_UC:
    case EVR_UI:
    case EVR_UR:
    case EVR_UT:
      return Form::text;
    default:
      return Form::bytes;  // OB, OW and the like: as they are
  }
}

/// The bytes of the value, words with the low byte first.
std::string bytes_of(DcmElement& element) {
  const std::size_t length = element.getLength();
  if (length == 0) return {};
  if (element.ident() == EVR_OW) {
    Uint16* words = nullptr;
    std::string bytes;
    if (element.getUint16Array(words).good() && words != nullptr)
      for (std::size_t i = 0; i < length / 2; ++i)
        bytes += {static_cast<char>(words[i] & 0xff), static_cast<char>(words[i] >> 8)};
    return bytes;
  }
  Uint8* bytes = nullptr;
  if (element.getUint8Array(bytes).bad() || bytes == nullptr) return {};
  return {reinterpret_cast<const char*>(bytes), length};
}

bool is_text(const std::string& bytes) {
  const std::size_t end = bytes.find_last_not_of(std::string_view("\0 ", 2)) + 1;
  return std::all_of(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(end), [](unsigned char c) {
    return c >= 0x20 || c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == 0x1b;
  });
}

std::string little_endian(std::uint32_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
  return out;
}

/// DCMTK itself reads the value: as an attribute of an implicit little-endian data set, in which the dictionary
/// decides. Null if it cannot.
std::unique_ptr<DcmElement> read_again(const DcmTagKey& tag, std::string bytes, bool ends_with_zero) {
  if (bytes.size() % 2 != 0) bytes += ends_with_zero ? '\0' : ' ';
  const std::string wire = little_endian(tag.getGroup(), 2) + little_endian(tag.getElement(), 2) +
                           little_endian(static_cast<std::uint32_t>(bytes.size()), 4) + bytes;
  DcmInputBufferStream stream;
  stream.setBuffer(wire.data(), static_cast<offile_off_t>(wire.size()));
  stream.setEos();
  DcmDataset holder;
  holder.transferInit();
  const OFCondition read = holder.read(stream, EXS_LittleEndianImplicit, EGL_noChange, DCM_MaxReadLength);
  holder.transferEnd();
  if (read.bad() || holder.card() != 1) return nullptr;
  if (holder.loadAllDataIntoMemory().bad()) return nullptr;
  return std::unique_ptr<DcmElement>(holder.remove(tag));
}

/// What the container holds, listed before it is changed; asking for the n-th takes DCMTK n steps.
template <class Member>
std::vector<Member*> members(DcmObject& container) {
  std::vector<Member*> all;
  for (DcmObject* at = container.nextInContainer(nullptr); at != nullptr; at = container.nextInContainer(at))
    if (auto* member = dynamic_cast<Member*>(at)) all.push_back(member);
  return all;
}

class Restorer {
 public:
  Restorer(const path& file, bool big_endian) : file_(file), big_endian_(big_endian) {}

  void walk(DcmItem& item, int depth) {
    if (depth > kDeepest)
      throw FileError(file_, "holds sequences nested deeper than " + std::to_string(kDeepest));
    for (DcmElement* element : members<DcmElement>(item)) {
      const DcmEVR stored = element->ident();
      const bool no_vr =
          stored == EVR_UNKNOWN || stored == EVR_UNKNOWN2B;  // two letters that stand for nothing
      if (no_vr || stored == EVR_UN || stored == EVR_OB || stored == EVR_OW)
        element = restored(item, *element);
      if (element->ident() != EVR_SQ) continue;
      if (auto* sequence = dynamic_cast<DcmSequenceOfItems*>(element))
        for (DcmItem* inner : members<DcmItem>(*sequence)) walk(*inner, depth + 1);
    }
  }

 private:
  /// The element that now stands in its place: itself, or another.
  DcmElement* restored(DcmItem& item, DcmElement& element) {
    const DcmTagKey tag = element.getTag().getXTag();
    if (tag.getGroup() % 2 != 0) return &element;  // private: no standard says what it is
    const DcmTag named(tag);
    const DcmEVR defined = named.getEVR();
    if (defined == element.ident()) return &element;
    std::size_t value_bytes = 1;
    const Form form = form_of(defined, value_bytes);
    if (form == Form::bytes || (form == Form::pixels && element.ident() != EVR_UN)) return &element;

    const std::string bytes = bytes_of(element);
    const bool fits = bytes.size() == element.getLength() && bytes.size() % value_bytes == 0 &&
                      (form != Form::text || is_text(bytes)) &&
                      (form != Form::words || !big_endian_ || element.ident() != EVR_OB);
    auto again = fits ? read_again(tag, bytes, defined == EVR_UI) : nullptr;
    if (again == nullptr || item.insert(again.get(), OFTrue).bad()) {
      throw FileError(file_, std::string(DcmTag(tag).getTagName()) + " is stored as " +
                                 DcmVR(element.ident()).getVRName() + ", " + std::to_string(bytes.size()) +
                                 " bytes that are not the " + DcmVR(defined).getValidVRName() +
                                 " the standard has there");
    }
    return again.release();
  }

  const path& file_;
  bool big_endian_;
};

}  // namespace

void restore_representations(DcmDataset& data, const path& file) {
  Restorer(file, data.getOriginalXfer() == EXS_BigEndianExplicit).walk(data, 0);
}

}  // namespace uptake::io::dcmtk
#endif
