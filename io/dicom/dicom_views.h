// Private to the DICOM sources of this folder: which side each frame shows.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "io/dicom/dicom.h"

class DcmItem;

namespace uptake::io {

/// The view of each frame by the rules of read_dicom; adds a warning to `image` where it was assumed.
std::vector<View> find_views(DcmItem& data, int frames, DicomImage& image);

/// The view a label such as "WHOLE BODY_E", "HANDS ANT" or "Posterior" names; unknown if none, or both.
View view_from_label(std::string_view label);

}  // namespace uptake::io
