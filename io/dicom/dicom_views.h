// Private to the DICOM sources of this folder: which side each frame shows.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "io/dicom/dicom.h"

class DcmItem;

namespace uptake::io {

/// Sets the view of each frame by the rules of read_dicom; adds a warning where it was assumed.
void find_views(DcmItem& data, int frames, DicomImage& image);

/// What a label or a code says of the view: nothing, or a view, which may be neither of the two (lateral, oblique).
struct NamedView {
  bool named = false;
  View view = View::unknown;
};

/// The view that words such as "WHOLE BODY_E", "HANDS ANT", "Posterior" or "LT LAT" name; unnamed if none.
NamedView view_from_label(std::string_view label);

}  // namespace uptake::io
