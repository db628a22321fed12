// Private to the DICOM sources of this folder: marks of images that are no measurement, and what does not fit
// together.
#pragma once
#include "io/dicom/dicom.h"
#include "io/dicom/dicom_dcmtk.h"
#include "io/dicom/dicom_pixels.h"

namespace uptake::io {

/// Is the image marked as generated, in any of the places that read_dicom lists?
bool is_marked_synthetic(DcmItem& data, const DicomImage& image);

/// Compares the pixels with what is declared of them; adds warnings, and sets burned_in and captured.
void doubt_pixels(DcmItem& data, const PixelFormat& format, const PixelFindings& findings, DicomImage& image);

}  // namespace uptake::io
