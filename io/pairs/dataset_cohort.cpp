#include <algorithm>
#include <set>
#include <thread>
#include <utility>

#include "io/base/file.h"
#include "io/base/parallel.h"
#include "io/dicom/dicom.h"
#include "io/pairs/cohort.h"
#include "io/pairs/dataset_list.h"

namespace uptake::io {
namespace fs = std::filesystem;
namespace {

DicomImage read_planar(const fs::path& path) {
  DicomImage image = read_dicom(path);
  require_planar(path, image);
  return image;
}

/// Throws FileError on A if the two files of a row cannot be one pair per frame.
void require_partners(const CohortRow& row, const DicomImage& a, const DicomImage& b) {
  const auto fail = [&](const std::string& of_a, const std::string& of_b) {
    throw FileError(row.blood_pool,
                    of_a + " but its partner " + row.delayed.filename().string() + " " + of_b);
  };
  if (!a.patient_id.empty() && !b.patient_id.empty() && a.patient_id != b.patient_id)
    fail("is of patient " + a.patient_id, "is of patient " + b.patient_id);
  if (a.frames.size() != b.frames.size())
    fail("has " + std::to_string(a.frames.size()) + " frames", "has " + std::to_string(b.frames.size()));
  const ImageHeader a_header = header_of(a.frames[0]), b_header = header_of(b.frames[0]);
  if (a_header != b_header) fail("is " + describe(a_header), "is " + describe(b_header));
  if (a.photopeak_frames() != b.photopeak_frames())
    fail("has frames of a scatter window", "has not the same frames of one");
  for (std::size_t i = 0; i < a.frames.size(); ++i) {
    const View in_a = a.views[i], in_b = b.views[i];
    if (in_a != in_b && in_a != View::unknown && in_b != View::unknown)
      fail("shows frame " + std::to_string(i + 1) + " from the " + to_string(in_a) + " side",
           "shows it from the " + to_string(in_b) + " side");
  }
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

RowResult read_row(const fs::path& folder, const CohortRow& row, const std::string& name) {
  RowResult result;
  try {
    const DicomImage a = read_planar(row.blood_pool), b = read_planar(row.delayed);
    require_partners(row, a, b);
    const std::vector<std::size_t> frames = a.photopeak_frames();  // those of scatter pair with nothing
    for (const std::size_t index : frames) {
      const auto frame = static_cast<std::int64_t>(index);
      result.pairs.push_back(
          {.name = frames.size() == 1 ? name : name + "#" + std::to_string(frame + 1),
           .a = row.blood_pool,
           .b = row.delayed,
           .frame = frame,
           .a_header = header_of(a.frames[0]),
           .b_header = header_of(b.frames[0]),
           .facts = {dicom_facts(row.blood_pool, a, frame), dicom_facts(row.delayed, b, frame)}});
    }
  } catch (const FileError& error) {
    result.problem = {name_within(folder, error.path()), error.problem()};
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

DatasetListing list_cohort(const fs::path& folder, const std::string& split, StopFlag stop) {
  const fs::path table = folder / "cohort.csv";
  std::vector<CohortRow> rows = read_cohort(table);
  std::set<std::string> present;
  for (const CohortRow& row : rows) present.insert(row.split);
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
  parallel_for(rows.size(), static_cast<int>(std::thread::hardware_concurrency()), stop,
               [&](std::size_t i) { results[i] = read_row(folder, rows[i], names[i]); });

  DatasetListing listing;
  listing.form = DatasetForm::cohort;
  for (RowResult& result : results) {
    std::move(result.pairs.begin(), result.pairs.end(), std::back_inserter(listing.pairs));
    if (result.pairs.empty()) listing.problems.push_back(std::move(result.problem));
  }
  return listing;
}

Pair decode_cohort_pair(const PairEntry& entry) {
  return {entry.name, take_frame(entry.a, entry.frame), take_frame(entry.b, entry.frame)};
}

}  // namespace uptake::io
