#include "apps/admission.h"

#include <algorithm>
#include <iostream>
#include <map>

#include "io/base/file.h"

namespace uptake::apps {
namespace {

namespace fs = std::filesystem;

/// The same deviation of several frames is said once.
void merge(std::vector<gan::Deviation>& all, const std::vector<gan::Deviation>& more) {
  for (const gan::Deviation& deviation : more) {
    const auto same = [&](const gan::Deviation& known) {
      return known.quantity == deviation.quantity && known.found == deviation.found;
    };
    if (std::ranges::none_of(all, same)) all.push_back(deviation);
  }
}

std::string joined(const std::vector<std::string>& parts, const char* between) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : between) + part;
  return text;
}

std::string sentences(const std::vector<gan::Deviation>& deviations) {
  std::vector<std::string> parts;
  for (const gan::Deviation& deviation : deviations) parts.push_back(gan::sentence(deviation));
  return joined(parts, "; ");
}

/// What holds for some pairs: said once, with their number.
class Tally {
 public:
  void add(const std::string& key, const std::string& example) {
    const auto [at, fresh] = counts_.try_emplace(key, example, 0);
    ++at->second.second;
  }
  bool empty() const { return counts_.empty(); }
  std::string text() const {
    std::vector<std::string> parts;
    for (const auto& [key, entry] : counts_)
      parts.push_back(entry.first + " (" + std::to_string(entry.second) +
                      (entry.second == 1 ? " pair)" : " pairs)"));
    return joined(parts, "; ");
  }

 private:
  std::map<std::string, std::pair<std::string, std::size_t>> counts_;
};

}  // namespace

void add_force(Options& options, AdmissionOptions& chosen, const std::string& what) {
  options.add_flag("force", chosen.force, what + " that are not like those the model was trained on");
}

void add_match_spacing(Options& options, AdmissionOptions& chosen) {
  options.add_flag(
      "match-spacing", chosen.match_spacing,
      "resample images to the pixel spacing the model was trained on, and predictions back, keeping "
      "the sum of counts");
}

Admission::Admission(const gan::CheckpointInfo& info, const fs::path& checkpoint,
                     const AdmissionOptions& options)
    : info_(info), options_(options) {
  if (!info_.trained_on)
    std::cerr
        << "uptake: " << checkpoint.string()
        << " does not say what it was trained on (it is from an older version): nothing can be compared with "
           "that\n";
}

std::string Admission::admit(const Named& file, const std::vector<gan::SeenImage>& frames) const {
  if (!info_.trained_on) return "";
  std::vector<gan::Deviation> violations, notes;
  std::vector<std::string> unstated;
  for (const gan::SeenImage& frame : frames) {
    const gan::Comparison found = gan::compare(frame, info_.trained_on->input, info_.config.load_size > 0);
    merge(violations, found.violations);
    merge(notes, found.notes);
    for (const std::string& quantity : found.unstated)
      if (std::ranges::find(unstated, quantity) == unstated.end()) unstated.push_back(quantity);
  }
  const auto warn = [&](const std::string& text) {
    std::cerr << "uptake: " << file.name << ": " << text << "\n";
  };
  const bool forcible = std::ranges::all_of(violations, &gan::Deviation::forcible);
  if (!violations.empty() && !(options_.force && forcible)) {
    const bool spacing = std::ranges::any_of(
        violations, [](const gan::Deviation& violation) { return violation.quantity == "pixel spacing"; });
    throw io::FileError(file.path,
                        "is not like the images the model was trained on: " + sentences(violations) +
                            (spacing && !options_.match_spacing ? "; --match-spacing resamples it" : "") +
                            (forcible ? "; --force takes it all the same" : ""));
  }
  if (!violations.empty())
    warn("forced, though it is not like the images the model was trained on: " + sentences(violations));
  if (!notes.empty()) warn("unusual for the model: " + sentences(notes));
  if (!unstated.empty()) warn("does not state, so that it cannot be compared: " + joined(unstated, ", "));
  return gan::violated_ranges(violations);
}

std::size_t Admission::admit(const fs::path& data, const std::vector<gan::SeenPair>& pairs) const {
  if (!info_.trained_on) return 0;
  constexpr std::size_t kMostLines = 20;
  std::size_t outside = 0;
  std::string lines;
  bool forcible = true;
  Tally unusual, unstated;
  for (const gan::SeenPair& pair : pairs) {
    std::vector<std::string> parts;
    for (const bool target : {false, true}) {
      const std::string role = target ? "target" : "input";
      const gan::Comparison found = gan::compare(target ? pair.target : pair.input,
                                                 target ? info_.trained_on->target : info_.trained_on->input,
                                                 info_.config.load_size > 0);
      for (const gan::Deviation& violation : found.violations) {
        parts.push_back("of the " + role + " " + gan::sentence(violation));
        forcible &= violation.forcible;
      }
      for (const gan::Deviation& note : found.notes)
        unusual.add(role + " " + note.quantity, "of the " + role + " " + gan::sentence(note));
      for (const std::string& quantity : found.unstated)
        unstated.add(role + " " + quantity, role + ": " + quantity);
    }
    if (!parts.empty() && ++outside <= kMostLines) lines += "\n  " + pair.name + ": " + joined(parts, "; ");
  }
  if (outside > kMostLines) lines += "\n  and " + std::to_string(outside - kMostLines) + " more";
  const std::string count = std::to_string(outside) + " of " + std::to_string(pairs.size()) +
                            " pairs are not like those the model was trained on";
  if (outside > 0 && !(options_.force && forcible))
    throw io::FileError(data, count + (forcible ? "; --force judges them all the same:" : ":") + lines);
  const auto warn = [&](const std::string& text) {
    std::cerr << "uptake: " << data.string() << ": " << text << "\n";
  };
  if (outside > 0) warn("forced, though " + count + ":" + lines);
  if (!unusual.empty()) warn("unusual for the model: " + unusual.text());
  if (!unstated.empty()) warn("not stated, so that it cannot be compared: " + unstated.text());
  return outside;
}

io::Image Admission::input_half(const Named& file, const io::Image& image, SideBySide how) const {
  if (how == SideBySide::whole) return image;
  const std::string size = std::to_string(image.width) + " x " + std::to_string(image.height) + " pixels";
  const bool right = info_.config.direction == gan::Direction::b_to_a;
  if (how == SideBySide::automatic) {
    const gan::PairShape shape = info_.trained_on
                                     ? gan::pair_shape(*info_.trained_on, image.height, image.width)
                                     : gan::PairShape::single;
    if (shape == gan::PairShape::single) return image;
    if (shape == gan::PairShape::unclear)
      throw io::FileError(
          file.path, "may be a whole pair, or an input as wide as that (" + size +
                         "), for the model was trained on halves of many shapes: say --side-by-side half "
                         "or whole");
    std::cerr << "uptake: " << file.name << ": is a whole pair by its shape (" << size << "): its "
              << (right ? "right" : "left") << " half, the input, is translated\n";
  }
  if (image.width % 2 != 0)
    throw io::FileError(file.path, "is no pair side by side: its width is odd (" + size + ")");
  return io::crop(image, 0, right ? image.width / 2 : 0, image.height, image.width / 2);
}

std::optional<gan::Grid> Admission::matched_grid(const fs::path& file, const io::ImageFacts& facts) const {
  if (!options_.match_spacing) return std::nullopt;
  if (facts.row_spacing_mm <= 0 || facts.column_spacing_mm <= 0)
    throw io::FileError(file, "states no pixel spacing, which --match-spacing needs");
  const gan::Grid own{facts.height, facts.width, facts.row_spacing_mm, facts.column_spacing_mm};
  const auto grid = info_.trained_on ? gan::trained_grid(own, info_.trained_on->input) : std::nullopt;
  if (!grid)
    throw io::FileError(file, "cannot be resampled: the pixel spacing the model was trained on is not known");
  return grid;
}

Prediction Admission::predict(const gan::Translator& model, const Named& file, std::vector<io::Image> frames,
                              std::vector<io::ImageFacts> facts) const {
  std::vector<gan::SeenImage> seen;
  for (std::size_t f = 0; f < frames.size(); ++f) {
    if (const auto grid = matched_grid(file.path, facts[f])) {
      frames[f] = gan::resample_counts(frames[f], grid->height, grid->width);
      facts[f].row_spacing_mm = grid->row_mm;
      facts[f].column_spacing_mm = grid->column_mm;
    }
    const io::Image& frame = frames[f];
    gan::SeenImage& image = seen.emplace_back(gan::seen_image(facts[f], gan::summarize(frame)));
    image.height = frame.height, image.width = frame.width;
    image.channels = frame.channels, image.kind = frame.kind;
  }
  Prediction prediction{{}, admit(file, seen)};
  for (std::size_t f = 0; f < frames.size(); ++f) {
    const io::Image output = model(frames[f]);
    prediction.frames.push_back(
        options_.match_spacing ? gan::resample_counts(output, facts[f].height, facts[f].width) : output);
  }
  return prediction;
}

}  // namespace uptake::apps
