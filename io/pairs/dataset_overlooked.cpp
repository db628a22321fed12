// What lies in the folder of a data set and belongs to no pair.
#include <algorithm>
#include <map>

#include "io/base/folder.h"
#include "io/base/text.h"
#include "io/pairs/cohort.h"
#include "io/pairs/dataset_list.h"

namespace uptake::io {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kMostEntries = 1000000;  // of a folder tree: more are not looked at
constexpr int kDeepest = 8;

std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> all;
  std::error_code error;
  for (fs::directory_iterator it(folder.empty() ? "." : folder, error), end; !error && it != end;
       it.increment(error))
    if (!is_litter(it->path())) all.push_back(it->path().lexically_normal());
  std::sort(all.begin(), all.end());
  return all;
}

class Walk {
 public:
  Walk(const fs::path& root, const std::set<fs::path>& read,
       const std::function<bool(const fs::path&)>& wanted)
      : root_(root), read_(read), wanted_(wanted) {}

  /// Calls tell(folder, files) for the topmost folders that hold wanted files and are not read.
  void visit(const fs::path& folder, const std::function<void(const fs::path&, std::size_t)>& tell,
             int depth = 0) {
    if (depth > kDeepest) return;
    const bool is_read = read_.contains(folder);
    if (!is_read && folder != root_ && !leads_to_read(folder)) {
      if (const std::size_t files = count(folder, depth); files > 0) tell(folder, files);
      return;
    }
    std::size_t loose = 0;
    for (const fs::path& entry : entries(folder)) {
      if (++seen_ > kMostEntries) return;
      if (is_folder(entry))
        visit(entry, tell, depth + 1);
      else if (!is_read && wanted_(entry))
        ++loose;
    }
    if (loose > 0) tell(folder, loose);
  }

 private:
  static bool is_folder(const fs::path& path) {
    std::error_code error;
    return fs::is_directory(path, error) && !fs::is_symlink(path, error);
  }
  bool leads_to_read(const fs::path& folder) const {
    return std::ranges::any_of(read_, [&](const fs::path& read) {
      return std::mismatch(folder.begin(), folder.end(), read.begin(), read.end()).first == folder.end();
    });
  }
  std::size_t count(const fs::path& folder, int depth) {
    std::error_code error;
    if (depth > kDeepest || fs::exists(folder / "losses.csv", error)) return 0;  // a run's folder
    std::size_t files = 0;
    for (const fs::path& entry : entries(folder)) {
      if (++seen_ > kMostEntries) return files;
      if (is_folder(entry))
        files += count(entry, depth + 1);
      else if (wanted_(entry))
        ++files;
    }
    return files;
  }

  const fs::path& root_;
  const std::set<fs::path>& read_;
  const std::function<bool(const fs::path&)>& wanted_;
  std::size_t seen_ = 0;
};

/// Paths are compared as text, so all of them are written one way: without "." and a slash at the end.
fs::path plain(const fs::path& folder) { return (folder / "x").lexically_normal().parent_path(); }

std::string number_of(std::size_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

}  // namespace

std::vector<std::string> overlooked_pictures(const fs::path& folder, const std::set<fs::path>& folders) {
  const fs::path root = plain(folder);
  std::set<fs::path> read;
  for (const fs::path& of_split : folders) read.insert(plain(of_split));
  std::vector<std::string> lines;
  const std::function<bool(const fs::path&)> wanted = [](const fs::path& file) {
    return has_image_extension(file);
  };
  Walk(root, read, wanted).visit(root, [&](const fs::path& unread, std::size_t files) {
    const std::string name =
        unread == root ? "the folder itself" : "the folder " + name_within(root, unread) + "/";
    const std::string split(likely_split(unread.filename().string()));
    const bool in_split = read.contains(unread.parent_path());
    std::string why = in_split && unread.parent_path() != root
                          ? "only those directly in " + name_within(root, unread.parent_path()) + "/ are"
                          : "splits are folders called train, val and test";
    if (!split.empty() && unread.filename() != split && (!in_split || unread.parent_path() == root))
      why += "; did you mean " + split + "?";
    lines.push_back(name + " holds " + number_of(files, "picture") + ", which " +
                    (files == 1 ? "is" : "are") + " not read: " + why);
  });
  return lines;
}

std::vector<std::string> overlooked_dicom(const fs::path& root, const std::set<fs::path>& named) {
  std::map<fs::path, std::pair<std::size_t, fs::path>> unnamed;  // by folder: how many, the first
  std::set<fs::path> folders{plain(root)};
  for (const fs::path& file : named) folders.insert(file.parent_path());
  for (const fs::path& folder : folders)
    for (const fs::path& file : entries(folder)) {
      if (lower_extension(file) != ".dcm" || named.contains(file)) continue;
      auto& [count, first] = unnamed[folder];
      if (count++ == 0) first = file;
    }
  std::vector<std::string> lines;
  for (const auto& [folder, found] : unnamed)
    lines.push_back(number_of(found.first, "DICOM file") + " beside those of cohort.csv " +
                    (found.first == 1 ? "is" : "are") + " named in none of its rows and not read: " +
                    name_within(root, found.second) + (found.first == 1 ? "" : " and others"));
  return lines;
}

std::string unread_kinds(const fs::path& root, const fs::path& folder,
                         const std::map<std::string, std::size_t>& kinds) {
  std::size_t files = 0;
  std::string list;
  for (const auto& [kind, count] : kinds) {
    files += count;
    list += (list.empty() ? "" : ", ") + (kind.empty() ? "no extension" : printable(kind)) + ": " +
            std::to_string(count);
  }
  return "the folder " + (folder == root ? std::string("itself") : name_within(root, folder) + "/") +
         " holds " + number_of(files, "file") + " of other kinds, which " + (files == 1 ? "is" : "are") +
         " not read (" + list + ")";
}

}  // namespace uptake::io
