// Where the results of `uptake translate` go, and that nothing of the user's is in their place.
#pragma once
#include <array>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "apps/inputs.h"

namespace uptake::apps {

/// The copy to look at that each DICOM result gets.
enum class DisplayCopy { none, png, dicom };
constexpr auto names(DisplayCopy) {
  return std::to_array<std::pair<DisplayCopy, const char*>>(
      {{DisplayCopy::none, "none"}, {DisplayCopy::png, "png"}, {DisplayCopy::dicom, "dicom"}});
}

struct OutputNames {
  std::filesystem::path out;  // as given: a folder, or the file for a single input
  bool single = false;        // the only argument is a file
  bool anonymous = false;     // names tell nothing of the inputs
  DisplayCopy display = DisplayCopy::none;
};

/// What becomes of one input.
struct Output {
  Input source;
  std::filesystem::path path;
  std::filesystem::path display;  // "" without one
};

/// One for each input, in their order. A single file keeps its name, OUT/<stem>.dcm, unless it lies in OUT; of several, DICOM results are
/// OUT/<folders>/<stem>_predicted_delayed.dcm, since they lie about where their sources do. Pictures are <stem>.png.
/// Anonymous results are case_1_predicted_delayed.dcm, case_2...
///
/// Throws, so that nothing is written at all: UsageError for an OUT of another format; FileError if two results would
/// have the same name (also if only in capitals) or if something is there already that is no earlier result of this
/// program from the same source: a file of the user's, an input under whatever name, a link, a folder.
std::vector<Output> find_outputs(const std::vector<Input>& inputs, const OutputNames& names);

/// Takes earlier results of this program out of inputs that were found in folders, and adds them to what was left out.
void leave_out_own_results(std::vector<Input>& inputs, const std::vector<std::filesystem::path>& arguments,
                           std::vector<std::string>& left_out);

/// The words in the PNG files that translate writes.
std::vector<std::pair<std::string, std::string>> png_marks(const std::string& model_fingerprint);

}  // namespace uptake::apps
