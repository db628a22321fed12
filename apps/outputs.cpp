#include "apps/outputs.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>

#include "apps/cli.h"
#include "io/base/file.h"
#include "io/base/text.h"
#include "io/dicom/dicom_derived.h"
#include "io/image/image.h"

namespace uptake::apps {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSynthetic = "Synthetic";

// The name without what says its format; DICOM files are often named by a UID, whose last number is no
// extension.
std::string bare_name(const fs::path& input) {
  const std::string extension = io::lower_extension(input);
  const bool format =
      io::has_image_extension(input) || extension == ".dcm" || extension == ".dicom" || extension == ".ima";
  return (format ? input.stem() : input.filename()).string();
}

using FileId = std::pair<dev_t, ino_t>;

// An input of unknown content will be refused; until then its name says what it was meant to be.
bool is_picture(const Input& input) {
  return input.content == Content::picture ||
         (input.content == Content::unknown && io::has_image_extension(input.path));
}

std::set<FileId> files_of(const std::vector<Input>& sources) {
  std::set<FileId> ids;
  for (const Input& source : sources)
    if (struct stat s{}; stat(source.path.c_str(), &s) == 0) ids.emplace(s.st_dev, s.st_ino);
  return ids;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return text;
}

bool is_own_picture(const fs::path& path) {
  const io::PngTexts texts = io::read_png_texts(path);
  const auto holds = [&](const std::string& keyword, const std::string& start) {
    return std::ranges::any_of(
        texts, [&](const auto& entry) { return entry.first == keyword && entry.second.starts_with(start); });
  };
  return holds("Software", "uptake") && holds(kSynthetic, "yes");
}

// What may be replaced: nothing, or an earlier result of the same source.
void require_free(const fs::path& path, const Input& source, const std::set<FileId>& inputs, bool anonymous) {
  struct stat link {};
  if (lstat(path.c_str(), &link) != 0) return;
  if (S_ISDIR(link.st_mode)) throw io::FileError(path, "is a folder; choose another --out");
  if (S_ISLNK(link.st_mode))
    throw io::FileError(path,
                        "is a link, which uptake has not made, so it is not replaced; choose another --out");
  if (inputs.contains({link.st_dev, link.st_ino}))
    throw io::FileError(path, path == source.path ? "is the input itself; choose another --out"
                                                  : "is an input itself; choose another --out");
  if (anonymous)  // nobody could tell whose it was
    throw io::FileError(path, "is there already, and anonymous results replace none; choose another --out");
  bool own = false;
  if (io::lower_extension(path) == ".png") {
    own = is_own_picture(path);
  } else if (const auto from = io::predicted_from(path)) {
    if (*from != io::identity_of(source.path).sop_instance_uid)
      throw io::FileError(path, "is the prediction from another image than " + source.path.string() +
                                    "; choose another --out");
    own = true;
  }
  if (!own)
    throw io::FileError(path, "is there already, and uptake has not written it; choose another --out");
}

bool lies_in(const fs::path& file, const fs::path& folder) {
  std::error_code ignored;
  return fs::equivalent(file.has_parent_path() ? file.parent_path() : fs::path("."), folder, ignored);
}

std::string name_of(const Output& output, const OutputNames& names, std::size_t number) {
  const std::string extension = is_picture(output.source) ? ".png" : ".dcm";
  if (names.anonymous)
    return "case_" + std::to_string(number) + (is_picture(output.source) ? "" : "_predicted_delayed") +
           extension;
  const bool keeps_name =
      is_picture(output.source) || (names.single && !lies_in(output.source.path, names.out));
  return bare_name(output.source.path) + (keeps_name ? "" : "_predicted_delayed") + extension;
}

void require_fitting(const Input& source, const fs::path& output) {
  if (is_picture(source) != (io::lower_extension(output) == ".png"))
    throw io::FileError(output, is_picture(source) ? "a picture is translated into a .png file"
                                                   : "DICOM is translated into a .dcm file");
}

}  // namespace

std::vector<Output> find_outputs(const std::vector<Input>& sources, const OutputNames& names) {
  const fs::path& out = names.out;
  const std::string extension = io::lower_extension(out);
  if (!fs::is_directory(out) && (extension == ".jpg" || extension == ".jpeg" || extension == ".tif"))
    throw UsageError("--out is " + out.string() + ", but pictures are written as .png");
  const bool names_file =
      sources.size() == 1 && !fs::is_directory(out) && (extension == ".png" || extension == ".dcm");

  const std::set<FileId> inputs = files_of(sources);
  std::vector<Output> outputs;
  std::map<std::string, fs::path> taken;  // by their names in small letters: disks that ignore capitals
  const auto claim = [&](const fs::path& path, const Input& source) {
    const auto [other, fresh] = taken.emplace(lower(fs::weakly_canonical(path).string()), source.path);
    if (!fresh)
      throw io::FileError(source.path,
                          "would be written to " + path.string() + ", as " +
                              (other->second == source.path ? "the same input" : other->second.string()) +
                              " already is (capitals make no difference on some disks)");
    require_free(path, source, inputs, names.anonymous);
  };
  for (const Input& source : sources) {
    Output output{source, {}, {}};
    const fs::path folder = names.anonymous ? out : out / source.below;
    output.path = names_file ? out : folder / name_of(output, names, outputs.size() + 1);
    require_fitting(source, output.path);
    claim(output.path, source);
    if (!is_picture(source) && names.display != DisplayCopy::none) {
      output.display = output.path.parent_path() / (output.path.stem().string() + "_display" +
                                                    (names.display == DisplayCopy::png ? ".png" : ".dcm"));
      claim(output.display, source);
    }
    outputs.push_back(std::move(output));
  }
  return outputs;
}

void leave_out_own_results(std::vector<Input>& inputs, const std::vector<fs::path>& arguments,
                           std::vector<std::string>& left_out) {
  const auto is_own = [&](const Input& input) {
    if (std::ranges::find(arguments, input.path) != arguments.end()) return false;
    const bool own = input.content == Content::picture ? is_own_picture(input.path)
                                                       : io::predicted_from(input.path).has_value();
    if (own) left_out.push_back((input.below / input.path.filename()).string() + " (a result of uptake)");
    return own;
  };
  const auto [first, last] = std::ranges::remove_if(inputs, is_own);
  if (first == inputs.begin() && !inputs.empty())
    throw io::FileError(arguments[0], "holds nothing but results of uptake");
  inputs.erase(first, last);
}

std::vector<std::pair<std::string, std::string>> png_marks(const std::string& model_fingerprint) {
  return {{"Software", version()}, {kSynthetic, "yes"}, {"Model fingerprint", model_fingerprint}};
}

}  // namespace uptake::apps
