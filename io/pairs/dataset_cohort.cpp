#include <algorithm>
#include <set>
#include <thread>
#include <utility>

#include "io/base/file.h"
#include "io/base/parallel.h"
#include "io/dicom/dicom.h"
#include "io/pairs/cohort.h"
#include "io/pairs/dataset_list.h"
#include "io/pairs/match_matrix.h"

namespace uptake::io {
namespace fs = std::filesystem;
namespace {

DicomImage read_planar(const fs::path& path) {
  DicomImage image = read_dicom(path);
  require_planar(path, image);
  return image;
}

/// Throws FileError on A if the two files of a row cannot be one pair per frame.
void require_partners(const fs::path& folder, const CohortRow& row, const DicomImage& a,
                      const DicomImage& b) {
  const auto fail = [&](const std::string& of_a, const std::string& of_b) {
    throw FileError(row.blood_pool,
                    of_a + " but its partner " + name_within(folder, row.delayed) + " " + of_b);
  };
  if (a.frames.size() != b.frames.size())
    fail("has " + std::to_string(a.frames.size()) + " frames", "has " + std::to_string(b.frames.size()));
  if (a.photopeak_frames() != b.photopeak_frames())
    fail("has frames of a scatter window", "has not the same frames of one");
}

/// A patient's name as part of a file name.
std::string safe_name(std::string patient) {
  for (char& c : patient)
    if (c == '/' || c == '\\' || static_cast<unsigned char>(c) < 0x20) c = '_';
  return patient;
}

/// The patient, with a number for the second and further images of the same patient.
std::string unique_name(const std::string& patient, std::set<std::string>& taken) {
  std::string name = patient;
  for (int number = 2; !taken.insert(name).second; ++number) name = patient + "-" + std::to_string(number);
  return name;
}

/// What reading one row found: its pairs, or why it has none.
struct RowResult {
  std::vector<PairEntry> pairs;
  DatasetProblem problem;
};

/// Puts the image that does not keep its matrix on that of the other one.
void match(PairEntry& pair, MatchMatrix how) {
  const auto take = [](ImageHeader& header, ImageFacts& facts, const ImageHeader& other) {
    facts.row_spacing_mm *= static_cast<double>(header.height) / static_cast<double>(other.height);
    facts.column_spacing_mm *= static_cast<double>(header.width) / static_cast<double>(other.width);
    header.height = facts.height = other.height;
    header.width = facts.width = other.width;
  };
  if (how == MatchMatrix::to_a) take(pair.b_header, pair.facts.b, pair.a_header);
  if (how == MatchMatrix::to_b) take(pair.a_header, pair.facts.a, pair.b_header);
}

/// What speaks against a row, each sentence once however many frames it is about.
std::vector<PairFinding> findings_of(const std::vector<PairEntry>& pairs, const std::string& b_name,
                                     const PairRules& rules) {
  std::vector<PairFinding> all;
  for (const PairEntry& pair : pairs)
    for (PairFinding& finding : check_pair(pair.facts, b_name, rules))
      if (std::find(all.begin(), all.end(), finding) == all.end()) all.push_back(std::move(finding));
  return all;
}

/// One problem a row, of all refusals; warnings become notes of its first image.
void judge(RowResult& result, const fs::path& folder, const CohortRow& row, const DatasetOptions& options) {
  const bool match_matrix = options.match_matrix != MatchMatrix::refuse;
  for (const PairFinding& finding :
       findings_of(result.pairs, name_within(folder, row.delayed), {options.allow_synthetic, match_matrix})) {
    if (!finding.refusal) {
      result.pairs.front().facts.a.notes.push_back(finding.sentence);
      continue;
    }
    DatasetProblem& problem = result.problem;
    problem.file = name_within(folder, row.blood_pool);
    problem.reason += (problem.reason.empty() ? "" : "; and it ") + finding.sentence;
    if (problem.remedy == Remedy::none) problem.remedy = finding.remedy;
  }
  if (!result.problem.reason.empty()) result.pairs.clear();
  if (match_matrix)
    for (PairEntry& pair : result.pairs) match(pair, options.match_matrix);
}

RowResult read_row(const fs::path& folder, const CohortRow& row, const std::string& name,
                   const DatasetOptions& options) {
  RowResult result;
  try {
    const DicomImage a = read_planar(row.blood_pool), b = read_planar(row.delayed);
    require_partners(folder, row, a, b);
    const std::vector<std::size_t> frames = a.photopeak_frames();  // those of scatter pair with nothing
    for (const std::size_t index : frames) {
      const auto frame = static_cast<std::int64_t>(index);
      result.pairs.push_back(
          {.name = frames.size() == 1 ? name : name + "#" + std::to_string(frame + 1),
           .patient = row.patient,
           .a = row.blood_pool,
           .b = row.delayed,
           .frame = frame,
           .a_header = header_of(a.frames[0]),
           .b_header = header_of(b.frames[0]),
           .facts = {dicom_facts(row.blood_pool, a, frame), dicom_facts(row.delayed, b, frame)}});
    }
    judge(result, folder, row, options);
  } catch (const FileError& error) {
    const std::string partner =
        name_within(folder, error.path() == row.blood_pool ? row.delayed : row.blood_pool);
    const bool named = error.problem().find(partner) != std::string::npos;
    result.problem = {name_within(folder, error.path()),
                      error.problem() + (named ? "" : " (the partner of " + partner + ")")};
  }
  return result;
}

Image take_frame(const fs::path& path, std::int64_t frame) {
  DicomImage image = read_planar(path);
  if (static_cast<std::size_t>(frame) >= image.frames.size())
    throw FileError(path, "has " + std::to_string(image.frames.size()) + " frames, expected " +
                              std::to_string(frame + 1) + " or more: the file has changed");
  return std::move(image.frames[static_cast<std::size_t>(frame)]);
}

}  // namespace

DatasetListing list_cohort(const fs::path& folder, const std::string& split, const DatasetOptions& options) {
  const fs::path table = folder / "cohort.csv";
  std::vector<CohortRow> rows = read_cohort(table, {options.allow_outside});
  std::set<std::string> present;
  std::set<fs::path> named;
  for (const CohortRow& row : rows) {
    present.insert(row.split);
    named.insert({row.blood_pool, row.delayed});
  }
  if (!present.contains(split)) {
    std::string list;
    for (const std::string& name : present) list += (list.empty() ? "" : ", ") + name;
    throw FileError(table, "has no split '" + split + "'; it has " + list);
  }
  std::erase_if(rows, [&](const CohortRow& row) { return row.split != split; });

  std::set<std::string> taken;
  std::vector<std::string> names;
  for (const CohortRow& row : rows) names.push_back(unique_name(safe_name(row.patient), taken));

  std::vector<RowResult> results(rows.size());
  parallel_for(rows.size(), static_cast<int>(std::thread::hardware_concurrency()), options.stop,
               [&](std::size_t i) { results[i] = read_row(folder, rows[i], names[i], options); });

  DatasetListing listing;
  listing.form = DatasetForm::cohort;
  listing.warnings = overlooked_dicom(folder, named);
  for (RowResult& result : results) {
    std::move(result.pairs.begin(), result.pairs.end(), std::back_inserter(listing.pairs));
    if (result.pairs.empty()) listing.problems.push_back(std::move(result.problem));
  }
  return listing;
}

Pair decode_cohort_pair(const PairEntry& entry, MatchMatrix match_matrix) {
  Pair pair{entry.name, take_frame(entry.a, entry.frame), take_frame(entry.b, entry.frame)};
  if (match_matrix == MatchMatrix::to_a)
    pair.b = on_matrix(pair.b, entry.b_header.height, entry.b_header.width);
  if (match_matrix == MatchMatrix::to_b)
    pair.a = on_matrix(pair.a, entry.a_header.height, entry.a_header.width);
  return pair;
}

}  // namespace uptake::io
