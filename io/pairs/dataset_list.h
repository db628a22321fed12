// Inner parts of io/pairs/dataset.h, shared by its forms. Not for use outside io/pairs/dataset*.cpp.
#pragma once
#include <filesystem>
#include <string>

#include "io/pairs/dataset.h"

namespace uptake::io {

/// Lists one split of DIR/cohort.csv, decoding its files: DICOM headers alone do not tell whether frames can
/// be paired. Throws FileError for a table that cannot be read or a split it does not have.
DatasetListing list_cohort(const std::filesystem::path& folder, const std::string& split, StopFlag stop);

/// Decodes one pair of a cohort. Throws FileError.
Pair decode_cohort_pair(const PairEntry& entry);

/// The name of a file in a report on a data set: relative to its folder if it lies in there.
std::string name_within(const std::filesystem::path& folder, const std::filesystem::path& file);

}  // namespace uptake::io
