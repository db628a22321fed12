#include "io/detail/dataset_list.h"
#include "io/file.h"

namespace uptake::io {

DatasetListing list_cohort(const std::filesystem::path& folder, const std::string&) {
  throw FileError(folder, "is a cohort, which this version does not read");
}

Pair decode_cohort_pair(const PairEntry& pair) {
  throw FileError(pair.a, "cohorts are not read by this version");
}

}  // namespace uptake::io
