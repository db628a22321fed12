// Inner parts of list_pairs, one a form of data set. Not for use outside io/dataset*.cpp.
#pragma once
#include <exception>
#include <filesystem>
#include <string>

#include "io/dataset.h"

namespace uptake::io {

/// Lists one split of DIR/cohort.csv. Throws FileError for a table that cannot be read or a split it does not
/// have.
DatasetListing list_cohort(const std::filesystem::path& folder, const std::string& split);

/// Decodes one pair of a cohort. Throws FileError.
Pair decode_cohort_pair(const PairEntry& pair);

/// The sentence of an error without the path in front of it.
std::string reason_of(const std::exception& error, const std::filesystem::path& path);

}  // namespace uptake::io
