// Private to the DICOM sources of this folder: the modules that every object made from another one shares (PS3.3 C.7.1 to
// C.7.6, C.12.1), whatever its class.
#pragma once
#include <string>
#include <vector>

#include "io/dicom/dicom_dcmtk.h"
#include "io/dicom/dicom_derived.h"

namespace uptake::io::dcmtk {

/// The data set is built anew, module by module, and only named attributes of the source enter it: the source
/// may be of another class (Secondary Capture), and a copy of everything would carry over private groups,
/// overlays, windows and acquired counts that are not true of predicted pixels.
struct Derivation {
  DcmItem& data;
  DcmItem& source;
  const DicomImage& image;  // the source, read
  const DerivedDescription& description;
  std::vector<int> source_frames;  // 1-based, one per derived frame
  std::string charset;             // of the source, and so of the data set
};

/// Reads the source, summed over time if the description says so, and loads its attributes, which then say what was
/// read. Throws FileError as read_dicom does, and unless it has what a derived image must refer to.
DicomImage open_source(const std::filesystem::path& source, const DerivedDescription& description,
                       DcmFileFormat& original);

/// Text of our own, in the character set of the data set, at most `longest` characters.
void put_own(const Derivation& d, DcmItem& item, const DcmTagKey& tag, const std::string& utf8,
             std::size_t longest);

void put_patient_and_study(const Derivation& d);
/// `kind` sets one series of results apart from another ("" for the counts); its number follows that of the source.
void put_series(const Derivation& d, const std::string& kind, int number_offset);
void put_equipment(const Derivation& d);
/// Marks, descriptions, reference to the source, history of compression. The words that follow DERIVED in ImageType.
void put_derivation(const Derivation& d, const std::string& image_type);

/// Copies the items of a sequence whole, all of them or those named (from 0), without private attributes; the sequence
/// is left empty if an item is missing. Codes that lack value, scheme or meaning are not copied, nor values that are not
/// of their kind. Returns whether it has items.
bool copy_sequence(DcmItem& from, DcmItem& to, const DcmTagKey& tag,
                   const std::vector<unsigned>* items = nullptr);

/// Gives the data set its SOP Instance UID, made from everything else in it but the dates and times of writing, hides
/// the patient if that is asked for, and writes the file.
WrittenDicom finish(const Derivation& d, DcmFileFormat& file, const std::filesystem::path& target);

/// The basic profile, applied to the finished data set.
void make_anonymous(DcmItem& data, const Anonymity& how, const std::string& software);

}  // namespace uptake::io::dcmtk
