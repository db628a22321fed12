// Energy windows: which frames show the photopeak, and which only scattered photons.
#ifdef UPTAKE_HAS_DICOM
#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <utility>

#include "io/base/text.h"
#include "io/dicom/dicom_acquisition.h"

namespace uptake::io {
namespace {

struct Radionuclide {
  const char* name;     // as the product writes it
  const char* symbol;   // in small letters
  const char* element;  // in small letters, as in the meaning of codes
  const char* mass;
  std::array<double, 4> peaks_kev;  // of the photons imaged; 0: no more
};

// Energies: decay data of the NuDat data base, rounded; those of usual imaging windows only.
constexpr Radionuclide kRadionuclides[] = {
    {"Tc-99m", "tc", "technetium", "99m", {140.5}},
    {"I-131", "i", "iodine", "131", {364.5, 284.3, 637}},
    {"I-123", "i", "iodine", "123", {159}},
    {"In-111", "in", "indium", "111", {171.3, 245.4}},
    {"Tl-201", "tl", "thallium", "201", {70.8, 80.3, 135.3, 167.4}},
    {"Ga-67", "ga", "gallium", "67", {93.3, 184.6, 300.2, 393.5}},
    {"Lu-177", "lu", "lutetium", "177", {112.9, 208.4}},
    {"Sm-153", "sm", "samarium", "153", {103.2}},
    {"Re-186", "re", "rhenium", "186", {137.2}},
    {"Xe-133", "xe", "xenon", "133", {81}},
    {"Kr-81m", "kr", "krypton", "81m", {190.5}},
    {"Co-57", "co", "cobalt", "57", {122.1}},
    {"Cr-51", "cr", "chromium", "51", {320.1}},
    {"F-18", "f", "fluorine", "18", {511}},
};

/// Letters and digits only, in small letters.
std::string folded(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return c >= 'a' && c <= 'z'; }

/// The part, not as the middle of a longer number ("i13" of "i131") nor, at its start, of a longer word ("f18" of
/// "mdf18").
bool contains_name(const std::string& text, const std::string& part) {
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    const bool number_before = is_digit(part.front()) && at > 0 && is_digit(text[at - 1]);
    const bool word_before = is_letter(part.front()) && at > 0 && is_letter(text[at - 1]);
    const std::size_t end = at + part.size();
    const bool number_after = is_digit(part.back()) && end < text.size() && is_digit(text[end]);
    if (!number_before && !word_before && !number_after) return true;
  }
  return false;
}

struct Range {
  double lower, upper;
};

struct Window {
  EnergyWindow window;
  std::vector<Range> ranges;
  std::string radionuclide;  // that the name gives
};

constexpr double kPeakMarginKev = 1.5;  // a window may end on the photopeak, as halves of a split one do

bool holds(const Window& window, const std::vector<double>& peaks) {
  return std::any_of(window.ranges.begin(), window.ranges.end(), [&](const Range& r) {
    return std::any_of(peaks.begin(), peaks.end(), [&](double p) {
      return p >= r.lower - kPeakMarginKev && p <= r.upper + kPeakMarginKev;
    });
  });
}

Window read_window(DcmItem& item) {
  Window found;
  found.window.name = dcmtk::text(item, DCM_EnergyWindowName);
  found.radionuclide = radionuclide_in(found.window.name);
  for (DcmItem* range : dcmtk::sequence_items(item, DCM_EnergyWindowRangeSequence)) {
    const double lower = dcmtk::number(*range, DCM_EnergyWindowLowerLimit).value_or(0);
    const double upper = dcmtk::number(*range, DCM_EnergyWindowUpperLimit).value_or(0);
    if (lower < 0 || upper <= lower) continue;
    found.ranges.push_back({lower, upper});
    EnergyWindow& window = found.window;
    window.lower_kev = window.upper_kev > 0 ? std::min(window.lower_kev, lower) : lower;
    window.upper_kev = std::max(window.upper_kev, upper);
  }
  return found;
}

/// Photopeaks of everything the object says was given.
std::vector<double> peaks_of(DcmItem& data, const std::vector<Window>& windows, std::string& radionuclide) {
  std::vector<double> peaks;
  const auto add = [&](const std::string& name) {
    for (const double peak : photopeaks_kev(name)) peaks.push_back(peak);
    if (radionuclide.empty()) radionuclide = name;
  };
  for (DcmItem* given : dcmtk::sequence_items(data, DCM_RadiopharmaceuticalInformationSequence)) {
    std::string name;
    if (DcmItem* code = dcmtk::sequence_item(*given, DCM_RadionuclideCodeSequence, 0)) {
      const std::string value = dcmtk::text(*code, DCM_CodeValue);
      name = value == "C-163A8" || value == "72454007" ? "Tc-99m"
                                                       : radionuclide_in(dcmtk::text(*code, DCM_CodeMeaning));
    }
    if (name.empty()) name = radionuclide_in(dcmtk::text(*given, DCM_Radiopharmaceutical));
    if (!name.empty()) add(name);
  }
  if (!peaks.empty()) return peaks;
  for (const Window& window : windows)
    if (!window.radionuclide.empty() && !names_scatter(window.window.name)) add(window.radionuclide);
  if (!peaks.empty()) return peaks;
  const std::vector<double> usual = photopeaks_kev("Tc-99m");
  const bool likely =
      std::any_of(windows.begin(), windows.end(), [&](const Window& w) { return holds(w, usual); });
  return likely ? usual : std::vector<double>();
}

}  // namespace

std::string radionuclide_in(std::string_view text) {
  const std::string in = folded(text);
  for (const Radionuclide& nuclide : kRadionuclides)
    for (const std::string& part :
         {std::string(nuclide.symbol) + nuclide.mass, nuclide.mass + std::string(nuclide.symbol),
          std::string(nuclide.element) + nuclide.mass, nuclide.mass + std::string(nuclide.element)})
      if (contains_name(in, part)) return nuclide.name;
  return {};
}

std::vector<double> photopeaks_kev(std::string_view radionuclide) {
  for (const Radionuclide& nuclide : kRadionuclides) {
    if (nuclide.name != radionuclide) continue;
    std::vector<double> peaks;
    for (const double peak : nuclide.peaks_kev)
      if (peak > 0) peaks.push_back(peak);
    return peaks;
  }
  return {};
}

bool names_scatter(std::string_view name) {
  std::string word;
  std::vector<std::string> words;
  for (const char c : std::string(name) + " ") {
    if (std::isalpha(static_cast<unsigned char>(c)) != 0) {
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else {
      words.push_back(std::exchange(word, {}));
    }
  }
  return std::any_of(words.begin(), words.end(), [](const std::string& w) {
    return w == "sc" || w.starts_with("sct") || w.starts_with("scat") || w.ends_with("scatter") ||
           w.starts_with("compton") || w.starts_with("streu");
  });
}

void read_windows(DcmItem& data, int frames, DicomImage& image) {
  std::vector<Window> windows;
  for (DcmItem* item : dcmtk::sequence_items(data, DCM_EnergyWindowInformationSequence))
    windows.push_back(read_window(*item));
  const std::vector<double> peaks = peaks_of(data, windows, image.radionuclide);
  bool any_scatter = false;
  for (Window& window : windows) {
    const bool beside = !window.ranges.empty() && !peaks.empty() && !holds(window, peaks);
    window.window.scatter = names_scatter(window.window.name) || beside;
    any_scatter = any_scatter || window.window.scatter;
  }

  image.windows.assign(static_cast<std::size_t>(frames), {});
  std::map<std::string, std::pair<int, std::size_t>> scattered;  // by window: the first frame, and how many
  for (int f = 0; f < frames; ++f) {
    const auto number = vector_value(data, DCM_EnergyWindowVector, f, frames);
    const bool only = !number && windows.size() == 1;
    const long at = only ? 1 : number.value_or(0);
    if (at < 1 || at > static_cast<long>(windows.size())) continue;
    EnergyWindow& window = image.windows[static_cast<std::size_t>(f)];
    window = windows[static_cast<std::size_t>(at - 1)].window;
    if (!window.scatter) continue;
    const std::string name = (window.name.empty() ? "without a name" : printable(window.name)) + ", " +
                             number_text(window.lower_kev) + " to " + number_text(window.upper_kev) + " keV";
    ++scattered.try_emplace(name, f + 1, 0).first->second.second;
  }
  for (const auto& [name, frames_of_it] : scattered)
    image.warnings.push_back("frame " + std::to_string(frames_of_it.first) +
                             (frames_of_it.second > 1
                                  ? " and " + std::to_string(frames_of_it.second - 1) + " more"
                                  : std::string()) +
                             " of a scatter window, not of the photopeak (" + name + ")");
  const bool untold = std::any_of(image.windows.begin(), image.windows.end(),
                                  [](const EnergyWindow& w) { return w == EnergyWindow(); });
  if (any_scatter && untold && windows.size() > 1 && image.not_planar.empty())
    image.not_planar =
        "one of its energy windows is of scatter, and EnergyWindowVector does not say which frames are";
}

}  // namespace uptake::io
#endif
