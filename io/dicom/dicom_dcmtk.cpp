#ifdef UPTAKE_HAS_DICOM
#include "io/dicom/dicom_dcmtk.h"

#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpls/djdecode.h>
#include <dcmtk/oflog/oflog.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <mutex>

#include "io/base/file.h"

namespace uptake::io::dcmtk {
namespace {

// A file of this size is no planar study; DCMTK keeps all of it in memory.
constexpr std::uintmax_t kMaxFileBytes = std::uintmax_t{1} << 31;
// Deflate expands up to a thousandfold before any size can be checked.
constexpr std::uintmax_t kMaxDeflatedFileBytes = std::uintmax_t{1} << 24;

std::string trimmed(std::string value) {
  // NULs pad at the end only: in front they are a part of the value, which DCMTK's own copies end at.
  const auto padding = [](char c) { return c == ' ' || c == '\0'; };
  while (!value.empty() && padding(value.back())) value.pop_back();
  return value.substr(std::min(value.find_first_not_of(' '), value.size()));
}

// DCMTK 3.6.8 has renamed these and given one an argument.
template <typename Syntax>
bool is_encapsulated(const Syntax& syntax) {
  if constexpr (requires { syntax.usesEncapsulatedFormat(); }) {
    return syntax.usesEncapsulatedFormat();
  } else {
    return syntax.isEncapsulated();
  }
}
template <typename Syntax>
bool is_lossy(const Syntax& syntax) {
  if constexpr (requires { syntax.isPixelDataLossyCompressed(); }) {
    return syntax.isPixelDataLossyCompressed();
  } else {
    return syntax.isLossy();
  }
}
template <typename PixelData>
OFCondition frame_bytes(PixelData& pixels, DcmItem& item, Uint32& bytes) {
  if constexpr (requires { pixels.getUncompressedFrameSize(&item, bytes, OFFalse); }) {
    return pixels.getUncompressedFrameSize(&item, bytes, OFFalse);
  } else {
    return pixels.getUncompressedFrameSize(&item, bytes);
  }
}

// Releases before the attribute existed would read it as bytes in implicit VR, and write it as unknown.
void name_synthetic_data() {
  DcmDataDictionary& dictionary = dcmDataDict.wrlock();
  if (dictionary.findEntry(kSyntheticData, nullptr) == nullptr)
    dictionary.addEntry(new DcmDictEntry(kSyntheticData.getGroup(), kSyntheticData.getElement(),
                                         DcmVR(EVR_CS), "SyntheticData", 1, 1, "DICOM", OFTrue, nullptr));
  dcmDataDict.wrunlock();
}

std::mutex sessions_mutex;  // guards the two below, and DCMTK's registration of decoders
int sessions = 0;
::dcmtk::log4cplus::LogLevel level_outside = 0;  // of the logger "dcmtk", while there are sessions

}  // namespace

Session::Session(const std::filesystem::path& path) {
  static std::once_flag once;
  std::call_once(once, name_synthetic_data);
  if (!dcmDataDict.isDictionaryLoaded())
    throw FileError(
        path,
        "DCMTK's data dictionary is not installed (or DCMDICTPATH is wrong), so no DICOM file can be used");
  const std::lock_guard lock(sessions_mutex);
  // Each time, since the host may have cleaned up; they return at once when they are registered.
  DcmRLEDecoderRegistration::registerCodecs();
  DJDecoderRegistration::registerCodecs();
  DJLSDecoderRegistration::registerCodecs();
  if (sessions++ > 0) return;
  OFLogger modules = OFLog::getLogger("dcmtk");
  level_outside = modules.getLogLevel();
  modules.setLogLevel(OFLogger::OFF_LOG_LEVEL);
}

Session::~Session() {
  const std::lock_guard lock(sessions_mutex);
  if (--sessions == 0) OFLog::getLogger("dcmtk").setLogLevel(level_outside);
}

void load(DcmFileFormat& file, const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) throw FileError(path, "no such file");
  if (!std::filesystem::is_regular_file(status)) throw FileError(path, "not a regular file");
  const auto bytes = std::filesystem::file_size(path, error);
  if (error) throw FileError(path, "cannot be opened: " + error.message());
  if (bytes > kMaxFileBytes)
    throw FileError(path, std::to_string(bytes) + " bytes, more than the 2 GiB taken as DICOM");

  const OFFilename name(path.c_str());
  if (DcmMetaInfo meta; bytes > kMaxDeflatedFileBytes && meta.loadFile(name).good()) {
    OFString syntax;
    if (meta.findAndGetOFString(DCM_TransferSyntaxUID, syntax).good() &&
        syntax == UID_DeflatedExplicitVRLittleEndianTransferSyntax)
      throw FileError(path,
                      "deflated DICOM of " + std::to_string(bytes) + " bytes, more than the 16 MiB taken");
  }
  const OFCondition loaded =
      file.loadFile(name, EXS_Unknown, EGL_noChange, DCM_MaxReadLength, ERM_autoDetect);
  if (loaded.bad()) throw FileError(path, std::string("cannot be read as DICOM: ") + loaded.text());
  if (file.getDataset() == nullptr || file.getDataset()->card() == 0)
    throw FileError(path, "cannot be read as DICOM: it holds no attribute");
  restore_representations(*file.getDataset(), path);
}

std::string text(DcmItem& item, const DcmTagKey& tag) {
  DcmElement* element = nullptr;
  if (item.findAndGetElement(tag, element).bad() || element == nullptr) return {};
  if (const DcmEVR stored = element->ident(); stored == EVR_UN || stored == EVR_OB || stored == EVR_OW) {
    Uint8* bytes = nullptr;
    if (stored == EVR_OW || element->getUint8Array(bytes).bad() || bytes == nullptr) return {};
    const std::string value =
        trimmed(std::string(reinterpret_cast<const char*>(bytes), element->getLength()));
    const bool is_text =
        std::none_of(value.begin(), value.end(), [](unsigned char c) { return c < 0x20 && c != 0x1b; });
    return is_text ? value : std::string();
  }
  OFString value;
  if (item.findAndGetOFStringArray(tag, value).bad()) return {};
  return trimmed(std::string(value.c_str(), value.length()));
}

std::vector<std::string> texts(DcmItem& item, const DcmTagKey& tag) {
  const std::string joined = text(item, tag);
  if (joined.empty()) return {};
  std::vector<std::string> values = split(joined, '\\');
  for (auto& value : values) value = trimmed(value);
  return values;
}

std::optional<double> number(DcmItem& item, const DcmTagKey& tag, unsigned index) {
  const auto values = texts(item, tag);
  if (index >= values.size()) return std::nullopt;
  const std::string& value = values[index];
  const std::size_t start = !value.empty() && value[0] == '+' ? 1 : 0;
  double parsed = 0;
  const auto [end, error] = std::from_chars(value.data() + start, value.data() + value.size(), parsed);
  if (error != std::errc() || end != value.data() + value.size() || !std::isfinite(parsed))
    return std::nullopt;
  return parsed;
}

std::optional<long> integer(DcmItem& item, const DcmTagKey& tag, unsigned index) {
  const auto value = number(item, tag, index);
  if (!value || *value != std::floor(*value) || std::abs(*value) > 1e15) return std::nullopt;
  return static_cast<long>(*value);
}

DcmItem* sequence_item(DcmItem& item, const DcmTagKey& tag, unsigned index) {
  DcmSequenceOfItems* sequence = nullptr;
  if (item.findAndGetSequence(tag, sequence).bad() || sequence == nullptr || index >= sequence->card())
    return nullptr;
  return sequence->getItem(index);
}

std::vector<DcmItem*> sequence_items(DcmItem& item, const DcmTagKey& tag) {
  DcmSequenceOfItems* sequence = nullptr;
  std::vector<DcmItem*> items;
  if (item.findAndGetSequence(tag, sequence).bad() || sequence == nullptr) return items;
  for (DcmObject* at = sequence->nextInContainer(nullptr); at != nullptr; at = sequence->nextInContainer(at))
    if (auto* found = dynamic_cast<DcmItem*>(at)) items.push_back(found);
  return items;
}

std::vector<std::string> split(const std::string& joined, char separator) {
  std::vector<std::string> parts(1);
  for (char c : joined) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

std::string transfer_syntax_name(E_TransferSyntax syntax) { return DcmXfer(syntax).getXferName(); }

bool is_encapsulated(E_TransferSyntax syntax) { return is_encapsulated(DcmXfer(syntax)); }

bool is_lossy(E_TransferSyntax syntax) { return is_lossy(DcmXfer(syntax)); }

OFCondition decoded_frame_bytes(DcmPixelData& pixels, DcmItem& item, Uint32& bytes) {
  const OFCondition result = frame_bytes(pixels, item, bytes);
  bytes += bytes % 2;
  return result;
}

}  // namespace uptake::io::dcmtk
#endif
