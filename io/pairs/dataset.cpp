#include "io/pairs/dataset.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <mutex>
#include <new>
#include <optional>
#include <ostream>
#include <set>
#include <utility>

#include "io/base/file.h"
#include "io/base/parallel.h"
#include "io/pairs/dataset_list.h"

namespace uptake::io {
namespace {

std::uintmax_t sample_bytes(SampleKind kind) {
  return kind == SampleKind::u8    ? sizeof(std::uint8_t)
         : kind == SampleKind::u16 ? sizeof(std::uint16_t)
                                   : sizeof(float);
}

std::uintmax_t image_bytes(const ImageHeader& header) {
  return static_cast<std::uintmax_t>(header.height * header.width * header.channels) *
         sample_bytes(header.kind);
}

/// The samples of one image, as narrow as its file had them.
class PackedImage {
 public:
  explicit PackedImage(const Image& image) : header_(header_of(image)) {
    if (image.kind == SampleKind::u8) bytes_.assign(image.samples.begin(), image.samples.end());
    if (image.kind == SampleKind::u16) words_.assign(image.samples.begin(), image.samples.end());
    if (image.kind == SampleKind::counts) counts_ = image.samples;
  }

  Image unpack() const {
    Image image(header_.height, header_.width, header_.channels, header_.kind);
    if (header_.kind == SampleKind::u8) std::copy(bytes_.begin(), bytes_.end(), image.samples.begin());
    if (header_.kind == SampleKind::u16) std::copy(words_.begin(), words_.end(), image.samples.begin());
    if (header_.kind == SampleKind::counts) image.samples = counts_;
    return image;
  }

 private:
  ImageHeader header_;
  std::vector<std::uint8_t> bytes_;
  std::vector<std::uint16_t> words_;
  std::vector<float> counts_;
};

Pair halves(const PairEntry& entry) {
  std::vector<std::string> notes;
  const Image both = read_image(entry.a, notes);
  const std::int64_t half = both.width / 2;
  return {entry.name, crop(both, 0, 0, both.height, half), crop(both, 0, half, both.height, half), notes};
}

Pair two_files(const PairEntry& entry) {
  Pair pair{entry.name, {}, {}};
  pair.a = read_image(entry.a, pair.a_notes);
  pair.b = read_image(entry.b, pair.b_notes);
  return pair;
}

/// Throws if the decoded image is not what the header said: channels and sizes were checked on headers.
void require_header(const Image& image, const ImageHeader& header, const std::filesystem::path& path) {
  if (header_of(image) != header)
    throw FileError(path,
                    "its header says " + describe(header) + ", decoded it is " + describe(header_of(image)));
}

double largest_sample(const Image& image, const std::filesystem::path& path) {
  double largest = 0;
  for (const float sample : image.samples) {
    if (!std::isfinite(sample)) throw FileError(path, "has a sample that is not a finite number");
    largest = std::max(largest, static_cast<double>(sample));
  }
  return largest;
}

std::string lines_of(const std::vector<DatasetProblem>& problems) {
  std::vector<std::string> lines;
  for (const DatasetProblem& problem : problems) lines.push_back(problem.file + " " + problem.reason);
  return first_lines(lines);
}

constexpr std::size_t kMostLines = 20;

}  // namespace

std::string first_lines(const std::vector<std::string>& lines) {
  std::string text;
  for (std::size_t i = 0; i < std::min(lines.size(), kMostLines); ++i) text += "\n  " + lines[i];
  if (lines.size() > kMostLines) text += "\n  and " + std::to_string(lines.size() - kMostLines) + " more";
  return text;
}

void tell_first(std::ostream& out, const std::string& head, const std::vector<std::string>& lines) {
  for (std::size_t i = 0; i < std::min(lines.size(), kMostLines); ++i) out << head << lines[i] << "\n";
  if (lines.size() > kMostLines) out << head << "and " << lines.size() - kMostLines << " more\n";
}

BadFilesError::BadFilesError(const std::filesystem::path& folder, const std::string& split,
                             const std::vector<DatasetProblem>& problems)
    : FileError(folder, std::to_string(problems.size()) + " files of split '" + split +
                            "' cannot be used; repair or remove them:" + lines_of(problems)),
      advice_end_(std::string_view(what()).size() - lines_of(problems).size() - 1) {
  std::set<Remedy> remedies;
  for (const DatasetProblem& problem : problems)
    if (problem.remedy != Remedy::none) remedies.insert(problem.remedy);
  remedies_.assign(remedies.begin(), remedies.end());
}

std::string BadFilesError::what_or(const std::string& other_way) const {
  return std::string(what()).insert(advice_end_, ", or " + other_way);
}

/// Decoded pairs by name, filled as they are first asked for.
class PairDataset::Cache {
 public:
  explicit Cache(std::size_t size) : slots_(size) {}

  std::shared_ptr<const std::pair<PackedImage, PackedImage>> find(std::size_t i) const {
    const std::lock_guard lock(mutex_);
    return slots_[i];
  }
  void store(std::size_t i, const Pair& pair) {
    auto packed = std::make_shared<const std::pair<PackedImage, PackedImage>>(pair.a, pair.b);
    const std::lock_guard lock(mutex_);
    slots_[i] = std::move(packed);
  }
  void erase(std::size_t i) { slots_.erase(slots_.begin() + static_cast<std::ptrdiff_t>(i)); }

 private:
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<const std::pair<PackedImage, PackedImage>>> slots_;
};

PairDataset::PairDataset(const std::filesystem::path& folder, const std::string& split,
                         const DatasetOptions& options)
    : folder_(folder), split_(split), options_(options), listing_(list_pairs(folder, split, options)) {
  refuse_if_unusable();
  std::uintmax_t total_bytes = 0;
  for (const PairEntry& pair : listing_.pairs)
    total_bytes += image_bytes(pair.a_header) + image_bytes(pair.b_header);
  if (total_bytes <= options_.cache_bytes) cache_ = std::make_unique<Cache>(size());
}

PairDataset::~PairDataset() = default;
PairDataset::PairDataset(PairDataset&&) noexcept = default;
PairDataset& PairDataset::operator=(PairDataset&&) noexcept = default;

void PairDataset::refuse_if_unusable() const {
  const std::vector<DatasetProblem>& problems = listing_.problems;
  if (!problems.empty() && !options_.skip_bad) throw BadFilesError(folder_, split_, problems);
  if (listing_.pairs.empty())
    throw FileError(folder_, "no pairs in split '" + split_ + "'; expected images side by side in " + split_ +
                                 "/, two folders A/ and B/, or cohort.csv" +
                                 (problems.empty() && listing_.warnings.empty()
                                      ? ""
                                      : ":" + lines_of(problems) + first_lines(listing_.warnings)));
}

Pair PairDataset::decode(const PairEntry& pair) const {
  Pair decoded;
  if (listing_.form == DatasetForm::side_by_side) decoded = halves(pair);
  if (listing_.form == DatasetForm::two_folders) decoded = two_files(pair);
  if (listing_.form == DatasetForm::cohort) decoded = decode_cohort_pair(pair, options_.match_matrix);
  require_header(decoded.a, pair.a_header, pair.a);
  require_header(decoded.b, pair.b_header, pair.b);
  return decoded;
}

Pair PairDataset::load(std::size_t i) const {
  const PairEntry& pair = entry(i);
  if (!cache_) return decode(pair);
  if (const auto packed = cache_->find(i))
    return {pair.name, packed->first.unpack(), packed->second.unpack()};
  Pair decoded = decode(pair);
  cache_->store(i, decoded);
  return decoded;
}

std::vector<PlacedPair> PairDataset::placed() const {
  std::vector<PlacedPair> pairs;
  for (const PairEntry& pair : listing_.pairs)
    pairs.push_back(
        {split_, pair.patient, name_within(folder_, pair.a), name_within(folder_, pair.b), pair.facts});
  return pairs;
}

std::vector<std::string> check_splits(const std::filesystem::path& folder,
                                      const std::vector<const PairDataset*>& splits) {
  std::vector<PlacedPair> pairs;
  for (const PairDataset* split : splits)
    for (PlacedPair& pair : split->placed()) pairs.push_back(std::move(pair));
  std::vector<std::string> refusals, warnings;
  for (const PairFinding& finding : check_beside(pairs))
    (finding.refusal ? refusals : warnings).push_back(finding.sentence);
  if (!refusals.empty())
    throw FileError(folder, "what is trained on is judged with the same data:" + first_lines(refusals));
  return warnings;
}

std::vector<std::string> PairDataset::notes() const {
  struct Kind {
    std::string first;
    std::set<std::filesystem::path> files;
  };
  std::map<std::string, Kind> kinds;  // by the sentence without its numbers
  const auto add = [&](const std::filesystem::path& file, const std::vector<std::string>& notes) {
    for (const std::string& note : notes) {
      std::string key;
      std::copy_if(note.begin(), note.end(), std::back_inserter(key),
                   [](char c) { return c < '0' || c > '9'; });
      Kind& kind = kinds[key];
      if (kind.files.empty()) kind.first = name_within(folder_, file) + ": " + note;
      kind.files.insert(file);
    }
  };
  for (const PairEntry& pair : listing_.pairs) {
    add(pair.a, pair.facts.a.notes);
    add(pair.b, pair.facts.b.notes);
  }
  std::vector<std::string> lines = listing_.warnings;
  for (const auto& [key, kind] : kinds)
    lines.push_back(kind.first +
                    (kind.files.size() == 1
                         ? std::string()
                         : " (and the like in " + std::to_string(kind.files.size() - 1) + " more)"));
  return lines;
}

IntensityRange PairDataset::verify(int threads, const PairVisitor& visit) {
  IntensityRange range;
  std::vector<std::optional<DatasetProblem>> found(size());  // none: the pair is good
  std::mutex range_mutex;
  parallel_for(size(), threads, options_.stop, [&](std::size_t i) {
    try {
      const Pair pair = load(i);
      const double a_max = largest_sample(pair.a, entry(i).a), b_max = largest_sample(pair.b, entry(i).b);
      PairFacts& facts = listing_.pairs[i].facts;
      add_pixel_facts(facts.a, pair.a);
      add_pixel_facts(facts.b, pair.b);
      facts.a.notes.insert(facts.a.notes.end(), pair.a_notes.begin(), pair.a_notes.end());
      facts.b.notes.insert(facts.b.notes.end(), pair.b_notes.begin(), pair.b_notes.end());
      for (const PairFinding& finding : check_pixels(facts, name_within(folder_, entry(i).b))) {
        if (finding.refusal) throw FileError(entry(i).a, finding.sentence);
        facts.a.notes.push_back(finding.sentence);
      }
      if (visit) visit(i, pair);
      const std::lock_guard lock(range_mutex);
      range.a_max = std::max(range.a_max, a_max);
      range.b_max = std::max(range.b_max, b_max);
    } catch (const std::bad_alloc&) {
      const PairEntry& pair = entry(i);
      found[i] = {name_within(folder_, pair.a),
                  "and its partner need more memory than there is: " + describe(pair.a_header) + ", and " +
                      describe(pair.b_header)};
    } catch (const FileError& error) {
      found[i] = {name_within(folder_, error.path()), error.problem()};
    } catch (const std::exception& error) {
      found[i] = {name_within(folder_, entry(i).a), error.what()};
    }
  });

  for (std::size_t i = size(); i-- > 0;) {
    if (!found[i]) continue;
    listing_.problems.push_back(*found[i]);
    listing_.pairs.erase(listing_.pairs.begin() + static_cast<std::ptrdiff_t>(i));
    if (cache_) cache_->erase(i);
  }
  refuse_if_unusable();
  return range;
}

}  // namespace uptake::io
