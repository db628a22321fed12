// Private to the DICOM sources of this folder: how and of what the frames were acquired.
#pragma once
#include "io/dicom/dicom.h"
#include "io/dicom/dicom_dcmtk.h"

namespace uptake::io {

/// Tracer and injection, body part and side, duration, spacing, counts declared; adds warnings.
void read_acquisition(DcmItem& data, DicomImage& image);

/// The energy window of each frame, and which of them are of scatter.
void read_windows(DcmItem& data, int frames, DicomImage& image);

/// What the acquisition is: static, dynamic, gated, tomographic, by ImageType and the vectors of the frames.
void read_kind(DcmItem& data, int frames, DicomImage& image);

/// Makes a static image of a dynamic one, as read_summed_dicom says: rewrites the attributes of the frames, and adds
/// the frames up unless `frames` is null. Nothing happens to images of other kinds. Returns what it did as a sentence,
/// "" for nothing.
std::string sum_over_time(DcmItem& data, std::vector<Image>* frames, const std::filesystem::path& file);

/// The vector's value for a frame; none where the vector is absent or does not have one value per frame.
std::optional<long> vector_value(DcmItem& data, const DcmTagKey& vector, int frame, int frames);

/// "Tc-99m" of "^99m^Technetium", "Tc99m MDP" or "99mTc-HDP"; "" if no known radionuclide is named.
std::string radionuclide_in(std::string_view text);
/// The photopeaks of a radionuclide as radionuclide_in names it, in keV.
std::vector<double> photopeaks_kev(std::string_view radionuclide);
/// Does a window's name say scatter?
bool names_scatter(std::string_view name);

}  // namespace uptake::io
