#ifdef UPTAKE_HAS_DICOM
#include "io/dicom/dicom_modules.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>

#include <dcmtk/dcmdata/dcpixseq.h>
#include <dcmtk/dcmdata/dcpxitem.h>

#include "io/base/file.h"
#include "io/base/text.h"
#include "io/dicom/dicom_acquisition.h"
#include "io/dicom/dicom_text.h"
#include "io/dicom/dicom_write.h"

namespace uptake::io::dcmtk {
namespace {

constexpr const char* kPrefix = "SYNTHETIC ";
constexpr std::size_t kLongString = 64;  // characters of VR LO

// Body parts without sides (PS3.16 annex L): their images have no laterality.
constexpr std::array kUnpaired = {
    "ABDOMEN",        "ABDOMENPELVIS", "BLADDER",  "BRAIN",   "CHEST",    "CHESTABDOMEN",
    "CHESTABDPELVIS", "COCCYX",        "COLON",    "CSPINE",  "CTSPINE",  "HEAD",
    "HEADNECK",       "HEART",         "JAW",      "LIVER",   "LSPINE",   "LSSPINE",
    "MEDIASTINUM",    "NECK",          "PANCREAS", "PELVIS",  "PROSTATE", "SKULL",
    "SPINE",          "SPLEEN",        "SSPINE",   "STERNUM", "STOMACH",  "THYMUS",
    "THYROID",        "TLSPINE",       "TRACHEA",  "TSPINE",  "UTERUS",   "WHOLEBODY"};

bool is_whole_body(const Derivation& d) { return d.image.acquisition_kind() == "WHOLE BODY"; }

// Laterality is for paired body parts only; where the part is not known to be one, it may be there and empty.
void put_body_part(const Derivation& d) {
  std::string part = text(d.source, DCM_BodyPartExamined);
  const auto unpaired = [&] { return std::ranges::find(kUnpaired, part) != kUnpaired.end(); };
  if ((is_whole_body(d) && !unpaired()) || part == "WHOLE BODY") part = "WHOLEBODY";
  if (part == text(d.source, DCM_BodyPartExamined)) {
    copy(d.data, d.source, DCM_BodyPartExamined);
  } else {
    put(d.data, DCM_BodyPartExamined, part);
  }
  if (unpaired()) return;
  const auto is_side = [](const std::string& side) { return side == "R" || side == "L"; };
  if (const std::string side = text(d.source, DCM_ImageLaterality);
      is_side(side) || side == "B" || side == "U")
    return put(d.data, DCM_ImageLaterality, side);
  const std::string side = text(d.source, DCM_Laterality);
  put(d.data, DCM_Laterality, is_side(side) ? side : "");
}

// TimezoneOffsetFromUTC in seconds, if the source has one: it holds for all times of the data set.
std::optional<long> source_offset_s(DcmItem& source) {
  const std::string offset = text(source, DCM_TimezoneOffsetFromUTC);
  if (offset.size() != 5 || (offset[0] != '+' && offset[0] != '-') ||
      !std::all_of(offset.begin() + 1, offset.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return std::nullopt;
  const long seconds = std::stol(offset.substr(1, 2)) * 3600 + std::stol(offset.substr(3, 2)) * 60;
  return offset[0] == '-' ? -seconds : seconds;
}

void put_dates(const Derivation& d) {
  const auto now = d.description.now.value_or(std::chrono::system_clock::now());
  std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm parts{};
  if (const auto offset = source_offset_s(d.source)) {
    seconds += *offset;
    gmtime_r(&seconds, &parts);
  } else {
    localtime_r(&seconds, &parts);
  }
  std::array<char, 32> date{}, time{};
  std::strftime(date.data(), date.size(), "%Y%m%d", &parts);
  std::strftime(time.data(), time.size(), "%H%M%S", &parts);
  for (const DcmTagKey& tag : {DCM_SeriesDate, DCM_ContentDate, DCM_InstanceCreationDate})
    put(d.data, tag, date.data());
  for (const DcmTagKey& tag : {DCM_SeriesTime, DCM_ContentTime, DCM_InstanceCreationTime})
    put(d.data, tag, time.data());
}

std::string lossy_method(E_TransferSyntax syntax) {
  const std::string uid = DcmXfer(syntax).getXferID();
  if (uid == "1.2.840.10008.1.2.4.81") return "ISO_14495_1";
  if (uid.rfind("1.2.840.10008.1.2.4.9", 0) == 0) return "ISO_15444_1";
  return "ISO_10918_1";
}

// Bytes of the samples, decoded, for each byte they take in the file; 0 if that is not known.
double compression_ratio(const Derivation& d, E_TransferSyntax syntax) {
  DcmElement* element = nullptr;
  DcmPixelSequence* fragments = nullptr;
  if (d.source.findAndGetElement(DCM_PixelData, element).bad()) return 0;
  auto* pixels = dynamic_cast<DcmPixelData*>(element);
  if (pixels == nullptr || pixels->getEncapsulatedRepresentation(syntax, nullptr, fragments).bad()) return 0;
  double bytes = 0;
  for (unsigned long i = 1; i < fragments->card(); ++i) {  // the first item is a table
    DcmPixelItem* item = nullptr;
    if (fragments->getItem(item, i).good() && item != nullptr) bytes += item->getLength();
  }
  const Image& frame = d.image.frames[0];
  const double samples =
      static_cast<double>(frame.samples.size()) * static_cast<double>(d.image.frames.size());
  return bytes > 0 ? samples * d.image.bits_allocated / 8 / bytes : 0;
}

// An image once compressed with loss stays one, whatever is made of it.
void put_compression_history(const Derivation& d) {
  auto* dataset = dynamic_cast<DcmDataset*>(&d.source);
  const E_TransferSyntax syntax = dataset != nullptr ? dataset->getOriginalXfer() : EXS_Unknown;
  const bool lossy = is_lossy(syntax);
  if (!lossy && text(d.source, DCM_LossyImageCompression) != "01") {
    copy(d.data, d.source, DCM_LossyImageCompression);
    return;
  }
  put(d.data, DCM_LossyImageCompression, "01");
  if (copy(d.data, d.source, DCM_LossyImageCompressionMethod) || !lossy) {
    copy(d.data, d.source, DCM_LossyImageCompressionRatio);
    return;
  }
  put(d.data, DCM_LossyImageCompressionMethod, lossy_method(syntax));
  if (const double ratio = compression_ratio(d, syntax); ratio > 0) {
    std::array<char, 24> digits{};
    std::snprintf(digits.data(), digits.size(), "%.4g", ratio);
    put(d.data, DCM_LossyImageCompressionRatio, digits.data());
  }
}

bool is_code(DcmItem& item) {
  return item.tagExists(DCM_CodeValue) || item.tagExists(DCM_CodingSchemeDesignator) ||
         item.tagExists(DCM_CodeMeaning);
}

bool is_whole_code(DcmItem& item) {
  const bool has_value = item.tagExistsWithValue(DCM_CodeValue) ||
                         item.tagExistsWithValue(DcmTagKey(0x0008, 0x0119)) ||
                         item.tagExistsWithValue(DcmTagKey(0x0008, 0x0120));  // long and URN values
  return has_value && item.tagExistsWithValue(DCM_CodeMeaning) &&
         (item.tagExistsWithValue(DCM_CodingSchemeDesignator) ||
          item.tagExistsWithValue(DcmTagKey(0x0008, 0x0120)));
}

// Leaves out of a copied item what its source should not have had.
void mend(DcmItem& item) {
  for (unsigned long i = item.card(); i-- > 0;) {
    DcmElement* element = item.getElement(i);
    const DcmTagKey tag = element->getTag();
    bool keep = tag.getGroup() % 2 == 0;
    if (auto* sequence = dynamic_cast<DcmSequenceOfItems*>(element); keep && sequence != nullptr) {
      for (unsigned long k = sequence->card(); k-- > 0;) {
        DcmItem* inner = sequence->getItem(k);
        mend(*inner);
        if (is_code(*inner) && !is_whole_code(*inner)) delete sequence->remove(inner);
      }
    } else if (keep && element->getLength() > 0) {
      const DcmEVR vr = element->ident();
      const bool checked =
          vr == EVR_DA || vr == EVR_TM || vr == EVR_DT || vr == EVR_CS || vr == EVR_IS || vr == EVR_DS;
      keep = !checked || element->checkValue("1-n").good();
    }
    if (!keep) delete item.remove(element);
  }
}

}  // namespace

DicomImage open_source(const std::filesystem::path& source, const DerivedDescription& description,
                       DcmFileFormat& original) {
  DicomImage image = description.sum_dynamic ? read_summed_dicom(source) : read_dicom(source);
  require_planar(source, image);
  const auto demand = [&](const std::string& value, const char* name) {
    if (value.empty())
      throw FileError(source, std::string("has no ") + name + ", which a derived image must refer to");
    if (value.size() > 64 || value.find_first_not_of("0123456789.") != std::string::npos)
      throw FileError(source, std::string(name) + " is '" + printable(value) +
                                  "', which is no identifier that a derived image can refer to");
  };
  demand(image.sop_class_uid, "SOPClassUID");
  demand(image.sop_instance_uid, "SOPInstanceUID");
  demand(image.study_instance_uid, "StudyInstanceUID");
  demand(image.series_instance_uid, "SeriesInstanceUID");
  // Escapes switch character sets. DCMTK ends a text at a NUL: it would be another patient's number.
  if (std::ranges::any_of(image.patient_id,
                          [](char c) { return (c >= 0 && c < 0x20 && c != 0x1b) || c == 0x7f; }))
    throw FileError(
        source, "PatientID holds control characters, so a derived image could not be of the same patient");
  load(original, source);
  if (image.summed) sum_over_time(*original.getDataset(), nullptr, source);
  return image;
}

void put_own(const Derivation& d, DcmItem& item, const DcmTagKey& tag, const std::string& utf8,
             std::size_t longest) {
  put(item, tag, fit_text(encode_text(utf8, d.charset), d.charset, longest));
}

void put_patient_and_study(const Derivation& d) {
  copy(d.data, d.source, DCM_SpecificCharacterSet);
  for (const DcmTagKey& tag :
       {DCM_PatientName, DCM_PatientID, DCM_PatientBirthDate, DCM_PatientSex, DCM_StudyDate, DCM_StudyTime,
        DCM_StudyID, DCM_AccessionNumber, DCM_ReferringPhysicianName})
    copy_or_empty(d.data, d.source, tag);
  for (const DcmTagKey& tag :
       {DCM_IssuerOfPatientID, DCM_PatientAge, DCM_PatientIdentityRemoved, DCM_DeidentificationMethod,
        DcmTagKey(0x0028, 0x0303), DCM_StudyInstanceUID, DCM_StudyDescription, DCM_TimezoneOffsetFromUTC,
        DCM_ProtocolName, DCM_AcquisitionDate, DCM_AcquisitionTime})
    copy(d.data, d.source, tag);
  if (d.source.tagExistsWithValue(DCM_DeidentificationMethodCodeSequence) &&
      !copy_sequence(d.source, d.data, DCM_DeidentificationMethodCodeSequence))
    delete d.data.remove(DCM_DeidentificationMethodCodeSequence);
  // Cameras write 0 for a size or weight nobody entered.
  for (const DcmTagKey& tag : {DCM_PatientSize, DCM_PatientWeight})
    if (number(d.source, tag).value_or(0) > 0) copy(d.data, d.source, tag);
  put_body_part(d);
}

void put_series(const Derivation& d, const std::string& kind, int number_offset) {
  const DerivedDescription& about = d.description;
  std::string title = encode_text(about.series_description, d.charset);
  if (title.rfind(kPrefix, 0) != 0) title = kPrefix + title;
  if (about.names_source_series)
    title +=
        " " + (about.anonymous || d.image.series_description.empty() ? "NM" : d.image.series_description);
  const std::string batch = "derived series\n" + d.image.series_instance_uid + "\n" +
                            about.model_fingerprint + "\n" + about.software_version + "\n" + title + kind;
  put(d.data, DCM_Modality, "NM");
  put(d.data, DCM_SeriesInstanceUID,
      about.series_instance_uid.empty() || !kind.empty() ? uid_from_name(batch) : about.series_instance_uid);
  const long source_series = integer(d.source, DCM_SeriesNumber).value_or(0);
  const long number = about.series_number > 0
                          ? about.series_number
                          : 9000 + (source_series > 0 && source_series < 900 ? source_series : 1);
  put(d.data, DCM_SeriesNumber, std::to_string(number + number_offset));
  put(d.data, DCM_SeriesDescription, fit_text(title, d.charset, kLongString));
  const long source_instance = integer(d.source, DCM_InstanceNumber).value_or(0);
  const long instance = about.instance_number > 0 ? about.instance_number : source_instance;
  put(d.data, DCM_InstanceNumber, std::to_string(instance > 0 && instance <= 0x7fffffffL ? instance : 1));
  put(d.data, DCM_PatientOrientation, "");
  put_dates(d);
}

// The equipment of a series is what made the series: this software. The camera goes among the contributors.
void put_equipment(const Derivation& d) {
  const auto describe_software = [&](DcmItem& item) {
    put_own(d, item, DCM_Manufacturer, d.description.software_name, kLongString);
    put_own(d, item, DCM_ManufacturerModelName, d.description.model_name, kLongString);
    put_own(d, item, DCM_SoftwareVersions, d.description.software_version, kLongString);
  };
  describe_software(d.data);
  DcmItem& synthesizer = append_item(d.data, DCM_ContributingEquipmentSequence);
  put_code(synthesizer, DCM_PurposeOfReferenceCodeSequence, "109100", "DCM", "Synthesizing Equipment");
  describe_software(synthesizer);
  put_own(d, synthesizer, DCM_ContributionDescription,
          "Predicted by a neural network, weights " + d.description.model_fingerprint, 1024);
  if (d.image.manufacturer.empty()) return;
  DcmItem& camera = append_item(d.data, DCM_ContributingEquipmentSequence);
  put_code(camera, DCM_PurposeOfReferenceCodeSequence, "109101", "DCM", "Acquisition Equipment");
  for (const DcmTagKey& tag : {DCM_Manufacturer, DCM_ManufacturerModelName, DCM_InstitutionName,
                               DCM_StationName, DCM_DeviceSerialNumber, DCM_SoftwareVersions})
    copy(camera, d.source, tag);
}

// No DerivationCodeSequence: the standard's context group (CID 7203) has no code for prediction by a model,
// and a wrong one would be worse than none.
void put_derivation(const Derivation& d, const std::string& image_type) {
  const DerivedDescription& about = d.description;
  put(d.data, kSyntheticData, "YES");
  put(d.data, DCM_ImageType, "DERIVED\\" + image_type);
  std::string words = about.derivation_description;
  if (about.frame_duration_ms > 0 || about.minutes_after_injection > 0) {
    std::string stands_for = " Stands for an image";
    if (about.frame_duration_ms > 0)
      stands_for += " of " + std::to_string(std::lround(about.frame_duration_ms / 1000)) + " s";
    if (about.minutes_after_injection > 0)
      stands_for +=
          " " + std::to_string(std::lround(about.minutes_after_injection)) + " minutes after injection";
    words += stands_for + ", as in the training data.";
  }
  if (about.anonymous) words += " Weights: " + about.model_fingerprint + ".";  // the equipment goes
  put_own(d, d.data, DCM_DerivationDescription, words, 1024);
  put(d.data, DCM_ImageComments, "SYNTHETIC IMAGE: predicted, not measured");
  DcmItem& reference = append_item(d.data, DCM_SourceImageSequence);
  put(reference, DCM_ReferencedSOPClassUID, d.image.sop_class_uid);
  put(reference, DCM_ReferencedSOPInstanceUID, d.image.sop_instance_uid);
  if (d.image.frames.size() > 1 && !d.image.summed) {  // a sum is of all frames
    std::string numbers;
    for (int number : d.source_frames) numbers += (numbers.empty() ? "" : "\\") + std::to_string(number);
    put(reference, DCM_ReferencedFrameNumber, numbers);
  }
  put_code(reference, DCM_PurposeOfReferenceCodeSequence, "121322", "DCM",
           "Source image for image processing operation");
  put_compression_history(d);
}

bool copy_sequence(DcmItem& from, DcmItem& to, const DcmTagKey& tag, const std::vector<unsigned>* items) {
  std::vector<unsigned> all;
  if (items == nullptr) {
    while (sequence_item(from, tag, static_cast<unsigned>(all.size())) != nullptr)
      all.push_back(static_cast<unsigned>(all.size()));
    items = &all;
  }
  put_empty_sequence(to, tag);
  for (const unsigned index : *items) {
    DcmItem* item = sequence_item(from, tag, index);
    DcmItem whole;
    if (item != nullptr) {
      whole = *item;
      mend(whole);
    }
    if (item == nullptr || (is_code(*item) && !is_whole_code(whole))) {
      put_empty_sequence(to, tag);
      return false;
    }
    append_item(to, tag) = whole;
  }
  return !items->empty();
}

WrittenDicom finish(const Derivation& d, DcmFileFormat& file, const std::filesystem::path& target) {
  if (d.description.anonymous)
    make_anonymous(d.data, *d.description.anonymous, d.description.software_version);
  // The identity is the content: a hash of everything but the clock, so a repeated run writes the same object again, and
  // an object that differs in any pixel or word is another object.
  const std::array kClock = {DCM_SeriesDate,  DCM_SeriesTime,           DCM_ContentDate,
                             DCM_ContentTime, DCM_InstanceCreationDate, DCM_InstanceCreationTime};
  std::vector<std::pair<DcmTagKey, std::string>> times;
  for (const DcmTagKey& tag : kClock)
    if (d.data.tagExists(tag)) {
      times.emplace_back(tag, text(d.data, tag));
      put(d.data, tag, "");
    }
  put(d.data, DCM_SOPInstanceUID, "");
  const std::string name = "derived instance\n" + serialize(file, target);
  WrittenDicom written{uid_from_name(name), text(d.data, DCM_SeriesInstanceUID)};
  put(d.data, DCM_SOPInstanceUID, written.sop_instance_uid);
  for (const auto& [tag, value] : times) put(d.data, tag, value);
  write_file_atomically(target, serialize(file, target));
  return written;
}

}  // namespace uptake::io::dcmtk
#endif
