#include "io/pairs/dataset_list.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "io/base/file.h"
#include "io/base/folder.h"
#include "io/base/text.h"
#include "io/pairs/cohort.h"

namespace uptake::io {
namespace fs = std::filesystem;
namespace {

struct SplitFolders {
  fs::path a, b;  // equal when side by side
};

struct Layout {
  DatasetForm form = DatasetForm::side_by_side;
  std::map<std::string, SplitFolders> splits;
};

/// Why an image of this extension is not read; empty for files that are no images (notes, tables).
std::string why_not_read(const std::string& extension) {
  static constexpr std::array<const char*, 16> kOthers{".bmp", ".tif",  ".tiff", ".gif", ".webp", ".tga",
                                                       ".ppm", ".pgm",  ".pnm",  ".jp2", ".heic", ".avif",
                                                       ".exr", ".jfif", ".npy",  ".nii"};
  if (extension == ".dcm") return "DICOM files are paired by a cohort.csv beside them";
  if (std::find(kOthers.begin(), kOthers.end(), extension) == kOthers.end()) return {};
  return extension + " files are not read; convert them to PNG, which keeps up to 16 bit";
}

/// "a named pipe" and the like: nothing to open, for opening one may wait forever; "" for files.
std::string special_kind(const fs::path& file) {
  std::error_code error;
  switch (fs::status(file, error).type()) {
    case fs::file_type::fifo:
      return "a named pipe";
    case fs::file_type::socket:
      return "a socket";
    case fs::file_type::block:
    case fs::file_type::character:
      return "a device";
    default:
      return {};
  }
}

/// The table of a cohort, where there is one.
bool has_table(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder / "cohort.csv", error)) return true;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::string name = it->path().filename().string();
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (name == "cohort.csv" || name == "cohort.csv.txt" || name == "cohort.tsv" || name == "cohort.txt" ||
        name == "cohort.xlsx" || name == "cohort.xls" || name == "cohort.ods")
      throw FileError(
          it->path(),
          "is no table that is read: the table of a cohort is called cohort.csv, in small letters");
  }
  return false;
}

/// Adds the pair if both folders exist; one without the other is an error.
void add_split(Layout& layout, const fs::path& root, std::string_view split, const fs::path& a,
               const fs::path& b) {
  const bool has_a = fs::is_directory(a), has_b = fs::is_directory(b);
  if (has_a && has_b) layout.splits[std::string(split)] = {a, b};
  if (has_a != has_b) {
    const fs::path &present = has_a ? a : b, &missing = has_a ? b : a;
    throw FileError(root, "has " + present.lexically_relative(root).string() + "/ but not its partner " +
                              missing.lexically_relative(root).string() + "/");
  }
}

Layout find_layout(const fs::path& root) {
  Layout layout;
  layout.form = DatasetForm::two_folders;
  for (const std::string_view split : kSplits)
    add_split(layout, root, split, root / split / "A", root / split / "B");
  for (const std::string_view split : kSplits)
    add_split(layout, root, split, root / "A" / split, root / "B" / split);
  if (layout.splits.empty()) add_split(layout, root, "train", root / "A", root / "B");
  if (!layout.splits.empty()) return layout;

  layout.form = DatasetForm::side_by_side;
  for (const std::string_view split : kSplits)
    if (fs::is_directory(root / split)) layout.splits[std::string(split)] = {root / split, root / split};
  if (layout.splits.empty()) layout.splits["train"] = {root, root};
  return layout;
}

/// Collects the pairs of one split; every file ends up as a pair or as a problem.
class Lister {
 public:
  Lister(fs::path root, StopFlag stop) : root_(std::move(root)), stop_(stop) {}

  DatasetListing list(DatasetForm form, const SplitFolders& folders) {
    listing_.form = form;
    if (form == DatasetForm::side_by_side)
      list_side_by_side(folders.a);
    else
      list_two_folders(folders);
    return std::move(listing_);
  }

 private:
  using Stems = std::map<std::string, fs::path>;

  void problem(const fs::path& file, std::string reason) {
    listing_.problems.push_back({name_within(root_, file), std::move(reason)});
  }

  /// The image files of a folder by stem.
  Stems scan(const fs::path& folder) {
    std::vector<fs::path> files;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
      files.push_back(it->path());
    if (error) throw FileError(folder, "cannot be listed: " + error.message());
    std::sort(files.begin(), files.end());

    Stems stems;
    std::map<std::string, std::size_t> unread;  // by extension
    for (const fs::path& file : files) {
      if (is_litter(file) || fs::is_directory(file, error)) continue;
      const std::string extension = lower_extension(file);
      if (const std::string why = why_not_read(extension); !why.empty()) {
        problem(file, why);
      } else if (!has_image_extension(file)) {
        ++unread[extension];
      } else if (const std::string special = special_kind(file); !special.empty()) {
        problem(file, "is " + special + ", not a file");
        continue;
      }
      if (!has_image_extension(file)) continue;
      const auto [twin, is_new] = stems.emplace(file.stem().string(), file);
      if (!is_new) problem(file, "has the same name as " + twin->second.filename().string());
    }
    if (!unread.empty()) listing_.warnings.push_back(unread_kinds(root_, folder, unread));
    return stems;
  }

  std::optional<ImageHeader> header(const fs::path& file) {
    throw_if_set(stop_);
    try {
      return read_image_header(file);
    } catch (const FileError& error) {
      problem(file, error.problem());
      return std::nullopt;
    }
  }

  void list_side_by_side(const fs::path& folder) {
    for (const auto& [stem, file] : scan(folder)) {
      std::optional<ImageHeader> half = header(file);
      if (!half) continue;
      if (half->width % 2 != 0) {
        problem(file, "is " + std::to_string(half->width) +
                          " pixels wide, an odd number, so it is not two images of one size side by side");
        continue;
      }
      half->width /= 2;
      listing_.pairs.push_back({.name = stem, .a = file, .b = file, .a_header = *half, .b_header = *half});
    }
  }

  void list_two_folders(const SplitFolders& folders) {
    const Stems as = scan(folders.a), bs = scan(folders.b);
    for (const auto& [stem, file] : bs)
      if (!as.contains(stem))
        problem(file, "has no partner of this name in " + name_within(root_, folders.a));
    for (const auto& [stem, file] : as) {
      const auto partner = bs.find(stem);
      if (partner == bs.end()) {
        problem(file, "has no partner of this name in " + name_within(root_, folders.b));
        continue;
      }
      const std::optional<ImageHeader> a = header(file), b = header(partner->second);
      if (!a || !b) continue;
      if (a->height != b->height || a->width != b->width || a->kind != b->kind)
        problem(file, "is " + describe(*a) + " but its partner " + name_within(root_, partner->second) +
                          " is " + describe(*b));
      else
        listing_.pairs.push_back(
            {.name = stem, .a = file, .b = partner->second, .a_header = *a, .b_header = *b});
    }
  }

  fs::path root_;
  StopFlag stop_;
  DatasetListing listing_;
};

DatasetListing list_images(const fs::path& folder, const std::string& split, StopFlag stop) {
  const Layout layout = find_layout(folder);
  const auto found = layout.splits.find(split);
  std::set<fs::path> read;
  for (const auto& [name, folders] : layout.splits) read.insert({folders.a, folders.b});
  const std::vector<std::string> overlooked = overlooked_pictures(folder, read);
  if (found == layout.splits.end()) {
    std::string present;
    for (const auto& [name, unused] : layout.splits) present += (present.empty() ? "" : ", ") + name;
    throw FileError(folder, "has no split '" + split + "'; it has " + present +
                                (overlooked.empty() ? "" : ":" + first_lines(overlooked)));
  }
  DatasetListing listing = Lister(folder, stop).list(layout.form, found->second);
  listing.warnings.insert(listing.warnings.begin(), overlooked.begin(), overlooked.end());
  return listing;
}

/// The channels and the sample kind of a data set are those of most of its pairs; the others become problems.
void keep_most_common_form(DatasetListing& listing, const fs::path& root) {
  const auto form_of = [](const PairEntry& pair) {
    return std::tuple(pair.a_header.channels, pair.b_header.channels, pair.a_header.kind);
  };
  std::map<decltype(form_of(PairEntry{})), std::size_t> counts;
  for (const PairEntry& pair : listing.pairs) ++counts[form_of(pair)];
  if (counts.size() < 2) return;
  const auto common = std::max_element(counts.begin(), counts.end(),
                                       [](const auto& x, const auto& y) { return x.second < y.second; });
  const auto is_common = [&](const PairEntry& pair) { return form_of(pair) == common->first; };
  const PairEntry example = *std::find_if(listing.pairs.begin(), listing.pairs.end(), is_common);
  const auto both = [](const PairEntry& pair) {
    return describe(pair.a_header) + " (A), " + describe(pair.b_header) + " (B)";
  };
  for (const PairEntry& pair : listing.pairs)
    if (!is_common(pair))
      listing.problems.push_back({name_within(root, pair.a), "is " + both(pair) + "; most pairs are like " +
                                                                 name_within(root, example.a) + ": " +
                                                                 both(example)});
  std::erase_if(listing.pairs, [&](const PairEntry& pair) { return !is_common(pair); });
}

/// What is known of two pictures before they are decoded.
PairFacts picture_facts(DatasetForm form, const PairEntry& pair) {
  PairFacts facts;
  const auto fill = [form](ImageFacts& of, const fs::path& file, const ImageHeader& header) {
    of.form = form;
    of.file = file;
    of.height = header.height;
    of.width = header.width;
    of.channels = header.channels;
    of.kind = header.kind;
  };
  fill(facts.a, pair.a, pair.a_header);
  fill(facts.b, pair.b, pair.b_header);
  return facts;
}

}  // namespace

bool natural_less(const std::string& a, const std::string& b) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (!is_digit(a[i]) || !is_digit(b[j])) {
      if (a[i] != b[j]) return static_cast<unsigned char>(a[i]) < static_cast<unsigned char>(b[j]);
      ++i, ++j;
      continue;
    }
    // Without leading zeros the longer run is the larger number, so no run is too long to be compared.
    while (i < a.size() && a[i] == '0') ++i;
    while (j < b.size() && b[j] == '0') ++j;
    std::size_t i_end = i, j_end = j;
    while (i_end < a.size() && is_digit(a[i_end])) ++i_end;
    while (j_end < b.size() && is_digit(b[j_end])) ++j_end;
    if (i_end - i != j_end - j) return i_end - i < j_end - j;
    if (const int order = a.compare(i, i_end - i, b, j, j_end - j); order != 0) return order < 0;
    i = i_end, j = j_end;
  }
  if (i < a.size() || j < b.size()) return j < b.size();
  return a < b;  // "01" and "1": any order, but always the same
}

std::string name_within(const fs::path& folder, const fs::path& file) {
  const std::string relative = file.lexically_normal().lexically_relative(folder.lexically_normal()).string();
  return relative.empty() || relative.starts_with("..") ? file.string() : relative;
}

bool has_split(const fs::path& folder, const std::string& split) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) throw FileError(folder, "is not a folder");
  if (!has_table(folder)) return find_layout(folder).splits.contains(split);
  // What the table may name is a question for who reads its files.
  const std::vector<CohortRow> rows = read_cohort(folder / "cohort.csv", {.allow_outside = true});
  return std::any_of(rows.begin(), rows.end(), [&](const CohortRow& r) { return r.split == split; });
}

DatasetListing list_pairs(const fs::path& folder, const std::string& split, const DatasetOptions& options) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) throw FileError(folder, "is not a folder");
  DatasetListing listing =
      has_table(folder) ? list_cohort(folder, split, options) : list_images(folder, split, options.stop);
  keep_most_common_form(listing, folder);
  if (listing.form != DatasetForm::cohort)
    for (PairEntry& pair : listing.pairs) pair.facts = picture_facts(listing.form, pair);
  std::sort(listing.pairs.begin(), listing.pairs.end(),
            [](const PairEntry& x, const PairEntry& y) { return natural_less(x.name, y.name); });
  std::sort(listing.problems.begin(), listing.problems.end(),
            [](const DatasetProblem& x, const DatasetProblem& y) { return natural_less(x.file, y.file); });
  return listing;
}

}  // namespace uptake::io
