// cohort.csv: which blood-pool image belongs to which delayed image, of which patient, in which split.
//
//   patient,group,split,blood_pool,delayed
//   P001,arthritis,train,dicom/P001_bloodpool.dcm,dicom/P001_delayed.dcm
//
// The first line names the columns, in any order and in small or capital letters; further columns are ignored;
// `group` may be missing. What spreadsheets write is read: commas, semicolons or tabs, UTF-8 or UTF-16 with its
// byte-order mark, empty rows, delimiters and spaces at the ends. Paths are relative to the folder of the table,
// with slashes or backslashes.
#pragma once
#include <array>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "io/base/file.h"

namespace uptake::io {

/// The parts a data set may be split into.
inline constexpr std::array<std::string_view, 3> kSplits = {"train", "val", "test"};

struct CohortRow {
  std::string patient;
  std::string split;                          // train, val or test
  std::string group;                          // disease group, "" if not stated
  std::filesystem::path blood_pool, delayed;  // resolved against the folder of the table
  std::size_t line = 0;                       // where the row starts, from 1
};

struct CohortOptions {
  bool allow_outside = false;  // files outside of the folder of the table
};

/// A table that names a file outside of its folder, which it was not allowed to.
struct OutsideError : FileError {
  using FileError::FileError;
};

/// The split somebody may mean who writes "Training" or "validation"; "" for other words.
std::string_view likely_split(std::string_view word);

/// Reads the table, rows in the order of the file. Throws FileError, with the line, for anything that makes the
/// table itself wrong: not text in UTF-8 or UTF-16, a missing or repeated column, a row with too few or too many
/// fields, an unterminated quote, an empty patient or path, an unknown split, a patient or an image in two splits
/// (which would leak test data into training), an image used twice, no rows, more than 64 MiB; OutsideError for a
/// path or a link out of the folder of the table. Whether the images are there shows when they are read.
std::vector<CohortRow> read_cohort(const std::filesystem::path& path, const CohortOptions& options = {});

}  // namespace uptake::io
