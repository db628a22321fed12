#ifdef UPTAKE_HAS_DICOM
#include <algorithm>
#include <array>

#include "io/dicom/dicom_modules.h"
#include "io/dicom/dicom_write.h"

namespace uptake::io::dcmtk {
namespace {

// PS3.15 table E.1-1, basic profile, of what a derived object holds: Z, and X.
const std::array kEmptied = {DCM_AccessionNumber,  DCM_ReferringPhysicianName,
                             DCM_PatientBirthDate, DCM_PatientSex,
                             DCM_StudyDate,        DCM_StudyTime,
                             DCM_StudyID,          DCM_ContentDate,
                             DCM_ContentTime};
const std::array kRemoved = {DCM_AcquisitionDate,
                             DCM_AcquisitionTime,
                             DCM_SeriesDate,
                             DCM_SeriesTime,
                             DCM_InstanceCreationDate,
                             DCM_InstanceCreationTime,
                             DCM_TimezoneOffsetFromUTC,
                             DCM_StudyDescription,
                             DCM_ProtocolName,
                             DCM_IssuerOfPatientID,
                             DCM_PatientAge,
                             DCM_PatientSize,
                             DCM_PatientWeight,
                             DCM_ContributingEquipmentSequence};

// Items copied from the source may hold anything, so of them only this is kept.
const std::array kKeptInItems = {DCM_CodeValue,
                                 DCM_CodingSchemeDesignator,
                                 DCM_CodingSchemeVersion,
                                 DCM_CodeMeaning,
                                 DCM_PurposeOfReferenceCodeSequence,
                                 DCM_ReferencedSOPClassUID,
                                 DCM_ReferencedSOPInstanceUID,
                                 DCM_ReferencedFrameNumber,
                                 DCM_SpatialLocationsPreserved,
                                 DCM_PatientOrientationModifierCodeSequence,
                                 DCM_EnergyWindowName,
                                 DCM_EnergyWindowRangeSequence,
                                 DCM_EnergyWindowLowerLimit,
                                 DCM_EnergyWindowUpperLimit,
                                 DCM_Radiopharmaceutical,
                                 DCM_RadiopharmaceuticalRoute,
                                 DCM_RadiopharmaceuticalCodeSequence,
                                 DCM_AdministrationRouteCodeSequence,
                                 DCM_RadionuclideCodeSequence,
                                 DCM_RadionuclideTotalDose,
                                 DCM_CollimatorType,
                                 DCM_FocalDistance,
                                 DCM_ImagePositionPatient,
                                 DCM_ImageOrientationPatient,
                                 DCM_ViewCodeSequence,
                                 DCM_ViewModifierCodeSequence};

template <class Tags>
bool holds(const Tags& tags, const DcmTagKey& tag) {
  return std::ranges::find(tags, tag) != tags.end();
}

// Classes and coding schemes are not of a patient.
bool names_an_instance(const DcmTagKey& tag) {
  return tag != DCM_SOPClassUID && tag != DCM_ReferencedSOPClassUID && tag != DCM_CodingSchemeUID;
}

void hide(DcmItem& item, const std::string& secret, bool top) {
  for (unsigned long i = item.card(); i-- > 0;) {
    DcmElement* element = item.getElement(i);
    const DcmTagKey tag = element->getTag();
    if (tag.getGroup() % 2 != 0 || holds(kRemoved, tag) || (!top && !holds(kKeptInItems, tag))) {
      delete item.remove(element);
      continue;
    }
    if (auto* sequence = dynamic_cast<DcmSequenceOfItems*>(element)) {
      for (unsigned long k = 0; k < sequence->card(); ++k) hide(*sequence->getItem(k), secret, false);
    } else if (element->ident() == EVR_UI && names_an_instance(tag) && element->getLength() > 0) {
      put(item, tag, uid_from_name("anonymous\n" + secret + "\n" + text(item, tag)));  // replaces the element
    }
  }
}

}  // namespace

void make_anonymous(DcmItem& data, const Anonymity& how, const std::string& software) {
  hide(data, how.secret, true);
  for (const DcmTagKey& tag : kEmptied) put(data, tag, "");
  put(data, DCM_PatientName, clean(how.pseudonym, 64));
  put(data, DCM_PatientID, clean(how.pseudonym, 64));
  put(data, DCM_PatientIdentityRemoved, "YES");
  put(data, DCM_DeidentificationMethod,
      clean("PS3.15 E basic profile, cleaned descriptors; " + software, 64));
  delete data.remove(DCM_DeidentificationMethodCodeSequence);
  const DcmTagKey& codes = DCM_DeidentificationMethodCodeSequence;
  put_code(data, codes, "113100", "DCM", "Basic Application Confidentiality Profile");
  put_code(data, codes, "113105", "DCM", "Clean Descriptors Option");
  put(data, DcmTagKey(0x0028, 0x0303), "REMOVED");  // LongitudinalTemporalInformationModified
}

}  // namespace uptake::io::dcmtk
#endif
