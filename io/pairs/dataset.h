// Paired data sets: a folder of (A, B) images, from its listing to decoded pairs.
//
// Three forms are told apart by what the folder holds, in this order:
// - cohort: DIR/cohort.csv. A is the blood-pool file of a row, B its delayed file (DICOM, counts). Files
//   of several frames give one pair a frame, named "patient#frame" from 1, "patient-2#frame" for the second
//   row of a patient.
// - two folders: DIR/A/ and DIR/B/; files of equal stem are a pair. Splits are DIR/train/A and DIR/train/B,
//   or DIR/A/train and DIR/B/train.
// - side by side: DIR/train/*.png; the left half of each file is A, the right half B.
//
// Image files end in .png, .jpg or .jpeg. Splits are folders named train, val and test; without any such
// folder everything is "train", and with one only such folders are read. Pairs come in natural order (1, 2,
// 10).
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "io/base/file.h"
#include "io/base/interrupt.h"
#include "io/image/image.h"
#include "io/image/image_header.h"
#include "io/pairs/image_facts.h"
#include "io/pairs/pair_checks.h"

namespace uptake::io {

struct Pair {
  std::string name;
  Image a, b;
  std::vector<std::string> a_notes = {}, b_notes = {};  // of read_image, when it was decoded now
};

/// One pair before it is decoded.
struct PairEntry {
  std::string name;                // unique within its split
  std::string patient{};           // as the table of a cohort calls him
  std::filesystem::path a, b;      // the same file when side by side
  std::int64_t frame = 0;          // of a multi-frame DICOM file, from 0
  ImageHeader a_header, b_header;  // of the halves when side by side, after match_matrix
  PairFacts facts{};               // those of the pixels after verify()
};

struct DatasetProblem {
  std::string file;  // relative to the data set's folder if it lies in there
  std::string reason;
  Remedy remedy = Remedy::none;  // what would take it all the same
};

struct DatasetListing {
  DatasetForm form = DatasetForm::side_by_side;
  std::vector<PairEntry> pairs;          // those without a problem, in natural order
  std::vector<DatasetProblem> problems;  // every other image file
  std::vector<std::string> warnings;     // what lies in the folder and belongs to no pair, a sentence each
};

/// Whether the images of a pair may differ in their matrix where they show one field of view, and which of them
/// keeps its own: the other one is resampled, with its counts kept.
enum class MatchMatrix { refuse, to_a, to_b };

struct DatasetOptions {
  bool skip_bad = false;           // leave problem files out instead of refusing the whole data set
  std::uintmax_t cache_bytes = 0;  // keep decoded pairs in memory if all of them fit in this many bytes
  StopFlag stop = nullptr;         // ends listing and verify() by Interrupted
  bool allow_synthetic = false;    // derived and synthetic images in a cohort
  bool allow_outside = false;      // files outside of the folder in its table
  MatchMatrix match_matrix = MatchMatrix::refuse;
};

/// Names the pairs of a split after reading the headers of their files (DICOM files: all of them). A problem
/// is a file that has no partner, that cannot be read, whose partner has another size or sample kind, whose
/// width is odd (side by side), whose DICOM frames differ in number from their partner's or are refused by
/// check_pair, whose channels or sample kind are not those of most pairs, that is a pipe or a device, or an image of
/// a format not read here.
/// Throws FileError when the folder holds none of the three forms, or lacks the split (the splits it has are
/// named), Interrupted when `stop` is set before it is done.
DatasetListing list_pairs(const std::filesystem::path& folder, const std::string& split,
                          const DatasetOptions& options = {});

/// Whether the data set has the split. Throws FileError when the folder is none, or its cohort.csv is
/// unreadable.
bool has_split(const std::filesystem::path& folder, const std::string& split);

/// Compares runs of digits by their value: "2" before "10", "a9b" before "a10".
bool natural_less(const std::string& a, const std::string& b);

/// A data set refused for files that skip_bad would leave out; problem() names the first 20 of them, one a line.
class BadFilesError : public FileError {
 public:
  BadFilesError(const std::filesystem::path& folder, const std::string& split,
                const std::vector<DatasetProblem>& problems);

  /// what() with a further way out: "...; repair or remove them, or OTHER_WAY:" and the files. A program says
  /// here how it is told to leave them out.
  std::string what_or(const std::string& other_way) const;
  /// What would take some of them all the same.
  const std::vector<Remedy>& remedies() const { return remedies_; }

 private:
  std::size_t advice_end_ = 0;  // in what()
  std::vector<Remedy> remedies_;
};

/// The largest sample of A and of B over a data set: what counts are scaled by.
struct IntensityRange {
  double a_max = 0, b_max = 0;
};

/// Sees pair i while it is decoded anyway; called from several threads at once, for each good pair once.
using PairVisitor = std::function<void(std::size_t i, const Pair& pair)>;

/// The pairs of one split. load() may be called from several threads at once, verify() may not.
class PairDataset {
 public:
  /// Lists the split. Throws FileError when it has no pairs, BadFilesError when it has a problem and problems
  /// are not to be skipped.
  PairDataset(const std::filesystem::path& folder, const std::string& split,
              const DatasetOptions& options = {});
  ~PairDataset();
  PairDataset(PairDataset&&) noexcept;
  PairDataset& operator=(PairDataset&&) noexcept;

  /// Decodes every file on `threads` threads, so that a broken file shows before training starts rather than
  /// in its middle; fills the cache. A bad pair becomes a problem and is left out; without skip_bad,
  /// BadFilesError names them. Returns the intensity range, which is at hand then, as all of facts()
  /// is. What else is to be gathered from the pixels, `visit` gathers; the numbers it is given are those from
  /// before the call, and a FileError it throws makes its pair a problem.
  IntensityRange verify(int threads, const PairVisitor& visit = {});

  std::size_t size() const { return listing_.pairs.size(); }
  const std::string& name(std::size_t i) const { return entry(i).name; }
  const PairEntry& entry(std::size_t i) const { return listing_.pairs.at(i); }
  /// What the images of pair i say about themselves; `largest` and `content_hash` once verify() was called.
  const PairFacts& facts(std::size_t i) const { return entry(i).facts; }
  /// What reading changed or doubted and what check_pair warns of, once verify() was called: one line for each kind
  /// of sentence, with the first file it is about and the number of others. Before them, what belongs to no pair.
  std::vector<std::string> notes() const;
  /// Decodes pair i, or copies it from the cache. Throws FileError.
  Pair load(std::size_t i) const;

  const std::string& split() const { return split_; }
  /// The pairs and their facts, named as in `problems()`, for check_beside.
  std::vector<PlacedPair> placed() const;

  DatasetForm form() const { return listing_.form; }
  const std::vector<DatasetProblem>& problems() const { return listing_.problems; }
  /// The same for every pair.
  std::int64_t a_channels() const { return entry(0).a_header.channels; }
  std::int64_t b_channels() const { return entry(0).b_header.channels; }
  SampleKind kind() const { return entry(0).a_header.kind; }

 private:
  class Cache;

  void refuse_if_unusable() const;
  Pair decode(const PairEntry& pair) const;

  std::filesystem::path folder_;
  std::string split_;
  DatasetOptions options_;
  DatasetListing listing_;
  std::unique_ptr<Cache> cache_;  // null when the data set does not fit
};

/// Compares all pairs of the splits given, which verify() has seen, by check_beside: the warnings. Throws FileError
/// naming up to 20 refusals.
std::vector<std::string> check_splits(const std::filesystem::path& folder,
                                      const std::vector<const PairDataset*>& splits);

/// The lines, each with "\n  " before it: the first 20 of them, and how many more there are.
std::string first_lines(const std::vector<std::string>& lines);

/// Writes the lines, each with `head` before it, and no more of them either.
void tell_first(std::ostream& out, const std::string& head, const std::vector<std::string>& lines);

}  // namespace uptake::io
