// Inner parts of io/pairs/dataset.h, shared by its forms. Not for use outside io/pairs/dataset*.cpp.
#pragma once
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "io/pairs/dataset.h"

namespace uptake::io {

/// Lists one split of DIR/cohort.csv, decoding its files: DICOM headers alone do not tell whether frames can
/// be paired. Throws FileError for a table that cannot be read or a split it does not have.
DatasetListing list_cohort(const std::filesystem::path& folder, const std::string& split,
                           const DatasetOptions& options);

/// Decodes one pair of a cohort. Throws FileError.
Pair decode_cohort_pair(const PairEntry& entry, MatchMatrix match_matrix);

/// The name of a file in a report on a data set: relative to its folder if it lies in there.
std::string name_within(const std::filesystem::path& folder, const std::filesystem::path& file);

/// Sentences about pictures in folders that are neither read nor lead to one that is, and about loose ones: with
/// their numbers. `read`: the folders of all splits.
std::vector<std::string> overlooked_pictures(const std::filesystem::path& root,
                                             const std::set<std::filesystem::path>& read);

/// The same of DICOM files that lie beside those a table names.
std::vector<std::string> overlooked_dicom(const std::filesystem::path& root,
                                          const std::set<std::filesystem::path>& named);

/// A sentence about files of a folder that are no pictures, by extension.
std::string unread_kinds(const std::filesystem::path& root, const std::filesystem::path& folder,
                         const std::map<std::string, std::size_t>& kinds);

}  // namespace uptake::io
