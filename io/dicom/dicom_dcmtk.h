// Private to the DICOM sources of this folder: DCMTK made ready, and short names for reading attributes.
#pragma once
#include <dcmtk/config/osconfig.h>
// osconfig.h must come first.
#include <dcmtk/dcmdata/dctk.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace uptake::io::dcmtk {

/// Around every use of DCMTK: its decoders are registered, and while any Session of any thread lives, DCMTK's
/// modules (loggers below "dcmtk") say nothing of what they find in a file, for the FileError says it. The
/// host program's own loggers, levels and appenders are left alone, and its "dcmtk" logger gets its level back.
/// Nests; safe from any thread.
class Session {
 public:
  /// Throws FileError about `path` when DCMTK's data dictionary is missing, without which nothing can be named.
  explicit Session(const std::filesystem::path& path);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
};

/// Loads a file whole, pixel data included, within a Session, and restores its representations. Throws
/// FileError with DCMTK's reason.
void load(DcmFileFormat& file, const std::filesystem::path& path);

/// Gives every standard attribute, in sequences too, that is stored as UN, OB or OW the representation the
/// dictionary has for it. The bytes of UN are those of implicit little endian (PS3.5 6.2.2). Throws FileError
/// for bytes that are no such value. load() has done it.
void restore_representations(DcmDataset& data, const std::filesystem::path& path);

/// The value as text, trailing padding removed; "" if absent or empty. All values, joined by backslashes. Of
/// a private attribute stored as UN or OB the bytes if they are text, else "": never a dump in hexadecimal.
std::string text(DcmItem& item, const DcmTagKey& tag);
/// The values of a multi-valued attribute.
std::vector<std::string> texts(DcmItem& item, const DcmTagKey& tag);
std::optional<double> number(DcmItem& item, const DcmTagKey& tag, unsigned index = 0);
std::optional<long> integer(DcmItem& item, const DcmTagKey& tag, unsigned index = 0);
/// Item `index` of a sequence, or null.
DcmItem* sequence_item(DcmItem& item, const DcmTagKey& tag, unsigned index);
/// All items of a sequence; none if it is absent. Asking for them one by one takes steps by the square.
std::vector<DcmItem*> sequence_items(DcmItem& item, const DcmTagKey& tag);

std::vector<std::string> split(const std::string& joined, char separator);
std::string transfer_syntax_name(E_TransferSyntax syntax);

/// Pixel data in fragments, and pixel data compressed with loss.
bool is_encapsulated(E_TransferSyntax syntax);
bool is_lossy(E_TransferSyntax syntax);
/// The bytes of one decoded frame, always even.
OFCondition decoded_frame_bytes(DcmPixelData& pixels, DcmItem& item, Uint32& bytes);

/// SyntheticData (0008,001C): younger than the dictionary of some DCMTK releases.
inline const DcmTagKey kSyntheticData(0x0008, 0x001c);

}  // namespace uptake::io::dcmtk
