// Private to the DICOM sources of this folder: filling the modules of the NM Image IOD (PS3.3 A.5).
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "io/dicom/dicom.h"
#include "io/dicom/dicom_dcmtk.h"

namespace uptake::io::dcmtk {

/// Sets an attribute, with the VR of the dictionary; "" makes it present and empty (a type 2 attribute).
void put(DcmItem& item, const DcmTagKey& tag, const std::string& value);
void put_words(DcmItem& item, const DcmTagKey& tag, const std::vector<Uint16>& values);
void put_bytes(DcmItem& item, const DcmTagKey& tag, const std::vector<Uint8>& bytes);
/// Copies the bytes of an attribute the source has a value for, whatever character set they are in; returns whether it
/// had. A value that is not of its kind (VR) is not copied; dates and times of the old format, 1993.11.24, are rewritten.
bool copy(DcmItem& item, DcmItem& source, const DcmTagKey& tag);
/// A type 2 attribute: copied, or present and empty.
void copy_or_empty(DcmItem& item, DcmItem& source, const DcmTagKey& tag);
/// A new last item of a sequence.
DcmItem& append_item(DcmItem& item, const DcmTagKey& sequence);
/// A sequence without items (a type 2 sequence of which nothing is known).
void put_empty_sequence(DcmItem& item, const DcmTagKey& sequence);
void put_code(DcmItem& item, const DcmTagKey& sequence, const char* value, const char* scheme,
              const char* meaning);
/// ViewCodeSequence of a detector item; nothing for an unknown view.
void put_view(DcmItem& detector, View view);

/// Printable ASCII without backslashes, cut to the length the VR allows.
std::string clean(const std::string& text, std::size_t longest);

/// Image Pixel, NM Image Pixel and the frame count: 16-bit unsigned, samples rounded and clamped to 0..65535.
/// Returns the sum of what was stored. Throws std::invalid_argument for frames that are empty, have several
/// channels or differ in size, or hold more than 2^28 samples.
std::int64_t put_pixels(DcmItem& item, const std::vector<Image>& frames);
/// NM Multi-frame for STATIC and WHOLE BODY: the energy window and the detector of each frame (1-based).
void put_frame_vectors(DcmItem& item, const std::vector<Uint16>& windows,
                       const std::vector<Uint16>& detectors);

/// The file as bytes, explicit little endian.
std::string serialize(DcmFileFormat& file, const std::filesystem::path& path);

}  // namespace uptake::io::dcmtk
