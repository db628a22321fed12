#include "apps/inputs.h"

#include <algorithm>
#include <set>
#include <system_error>

#include "io/base/file.h"
#include "io/base/folder.h"
#include "io/base/text.h"
#include "io/dicom/dicom.h"
#include "io/image/image.h"

namespace uptake::apps {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNamesShown = 10;

/// Is it named as a file that could be translated? Then that it cannot be is news.
bool promises_image(const fs::path& path) {
  const std::string extension = io::lower_extension(path);
  return io::has_image_extension(path) || extension == ".dcm" || extension == ".dicom" || extension == ".ima";
}

bool is_readable(const fs::path& path) {
  try {
    io::require_readable(path);
    return true;
  } catch (const io::FileError&) {
    return false;
  }
}

class Search {
 public:
  explicit Search(bool recursive) : recursive_(recursive) {}

  void add_argument(const fs::path& argument) {
    std::error_code error;
    const fs::file_status status = fs::status(argument, error);
    if (!fs::exists(status)) throw io::FileError(argument, "does not exist");
    if (fs::is_regular_file(status)) return add(argument, {}, content_of(argument));
    if (!fs::is_directory(status))
      throw io::FileError(argument, "is a pipe or a device, expected a file or a folder");
    const std::size_t before = inputs.files.size() + again_;
    walk(argument, {});
    if (inputs.files.size() + again_ > before) return;
    throw io::FileError(argument, std::string("holds no PNG, JPEG or DICOM file") +
                                      (recursive_ ? "" : " itself; --recursive searches the folders in it"));
  }

  Inputs inputs;

 private:
  void walk(const fs::path& folder, const fs::path& below) {
    std::vector<fs::path> entries;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
      entries.push_back(it->path());
    if (error) throw io::FileError(folder, "cannot be listed: " + error.message());
    std::ranges::sort(entries);
    for (const fs::path& entry : entries) {
      const fs::path name = entry.filename();
      const auto leave_out = [&](const char* why) {
        inputs.left_out.push_back((below / name).string() + why);
      };
      if (fs::is_directory(entry, error)) {
        if (!recursive_) {
          leave_out(" (a folder)");
        } else if (fs::is_symlink(entry, error)) {
          leave_out(" (a link to a folder)");
        } else if (io::is_litter(entry)) {
          leave_out(" (a folder of the system)");
        } else {
          walk(entry, below / name);
        }
      } else if (!io::is_regular(entry)) {
        leave_out(fs::is_symlink(entry, error) ? " (a broken link)" : " (no regular file)");
      } else if (io::is_litter(entry)) {
        leave_out("");
      } else if (fs::file_size(entry, error) == 0) {
        leave_out(" (empty)");
      } else if (const Content content = content_of(entry);
                 content != Content::unknown || promises_image(entry) || !is_readable(entry)) {
        add(entry, below, content);
      } else {
        leave_out("");
      }
    }
  }

  void add(const fs::path& path, const fs::path& below, Content content) {
    std::error_code error;
    fs::path same = fs::weakly_canonical(path, error);
    if (seen_.insert(error ? path : same).second) {
      inputs.files.push_back({path, below, content});
    } else {
      ++again_;
    }
  }

  bool recursive_;
  std::set<fs::path> seen_;
  std::size_t again_ = 0;
};

}  // namespace

Content content_of(const fs::path& path) {
  if (io::is_picture(path)) return Content::picture;
  return io::is_dicom(path) ? Content::dicom : Content::unknown;
}

Inputs find_inputs(const std::vector<fs::path>& arguments, bool recursive) {
  Search search(recursive);
  for (const fs::path& argument : arguments) search.add_argument(argument);
  return std::move(search.inputs);
}

std::string describe_left_out(const std::vector<std::string>& left_out) {
  if (left_out.empty()) return {};
  std::string text = "left out " + std::to_string(left_out.size()) +
                     (left_out.size() == 1 ? " entry of the folders: " : " entries of the folders: ");
  for (std::size_t i = 0; i < std::min(left_out.size(), kNamesShown); ++i)
    text += (i > 0 ? ", " : "") + left_out[i];
  if (left_out.size() > kNamesShown) text += ", ...";
  return text;
}

}  // namespace uptake::apps
