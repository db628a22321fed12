#include <algorithm>
#include <fstream>
#include <iostream>
#include <sstream>

#include "apps/cli.h"
#include "apps/inputs.h"
#include "gan/checkpoint.h"
#include "io/base/file.h"
#include "io/base/folder.h"
#include "io/base/text.h"
#include "io/dicom/dicom.h"
#include "io/image/image.h"
#include "io/image/marks.h"

namespace uptake::apps {
namespace {

namespace fs = std::filesystem;

enum class Kind { checkpoint, picture, dicom };

// By content, so that a wrong or missing extension misleads nobody.
Kind kind_of(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) throw io::FileError(path, "no such file");
  if (!io::is_regular(path)) throw io::FileError(path, "not a regular file");
  switch (content_of(path)) {
    case Content::dicom:
      return Kind::dicom;
    case Content::picture:
      return Kind::picture;
    case Content::unknown:
      break;
  }
  io::require_readable(path);  // what cannot be opened is of no kind
  char head[9] = {};
  std::ifstream(path, std::ios::binary).read(head, sizeof head);
  if (head[8] == '{' || io::lower_extension(path) == ".safetensors") return Kind::checkpoint;
  if (io::lower_extension(path) == ".dcm") return Kind::dicom;  // whose reader says what is wrong with it
  throw io::FileError(path, "is neither a checkpoint, nor PNG, JPEG or DICOM");
}

std::string describe_checkpoint(const fs::path& path) {
  const gan::CheckpointInfo info = gan::read_checkpoint_info(path);
  const gan::TrainConfig& c = info.config;
  std::ostringstream text;
  text << (info.generator_only ? "generator alone, not to be resumed from, written by "
                               : "checkpoint written by ")
       << info.version << "\n"
       << "  generator      " << c.net_g << ", ngf " << c.ngf << ", norm " << gan::text_of(c.norm) << ", "
       << c.input_channels << " -> " << c.output_channels << " channels, "
       << declare_generator(c)->store().parameter_count() << " parameters\n"
       << "  discriminator  " << gan::text_of(c.net_d) << ", ndf " << c.ndf << ", "
       << declare_discriminator(c)->store().parameter_count() << " parameters"
       << (info.generator_only ? ", not in this file\n" : "\n") << "  trained        " << info.progress.step
       << " steps, " << std::min(info.progress.epoch - 1, c.epochs + c.epochs_decay) << " of "
       << c.epochs + c.epochs_decay << " epochs finished\n";
  if (info.progress.best_epoch > 0)
    text << "  best           epoch " << info.progress.best_epoch << ", L1 " << info.progress.best_metric
         << "\n";
  text << "  weights        "
       << (info.weights_sha256.empty() ? "without a SHA-256" : "SHA-256 " + info.weights_sha256) << "\n"
       << "  input          " << nlohmann::json(info.input).dump() << "\n"
       << "  output         " << nlohmann::json(info.output).dump() << "\n"
       << "  trained on     "
       << (info.trained_on ? "\n" + gan::describe(*info.trained_on, "    ") : "unknown\n")
       << "  configuration\n";
  const nlohmann::json config = c;
  for (const auto& [key, value] : config.items()) text << "    " << key << " = " << value.dump() << "\n";
  return text.str();
}

std::string describe_picture(const fs::path& path) {
  std::vector<std::string> notes;
  const io::Image image = io::read_image(path, notes);
  const io::PictureMarks marks = io::read_marks(path);
  std::string text = "picture, " + std::to_string(image.width) + "x" + std::to_string(image.height) +
                     " pixels, " + std::to_string(image.channels) +
                     (image.channels == 1 ? " channel, " : " channels, ") +
                     (image.kind == io::SampleKind::u16 ? "16" : "8") + " bit\n";
  const auto add = [&](bool is, const std::string& what) {
    if (is) text += "  " + what + "\n";
  };
  add(marks.palette, "palette, turned into RGB");
  const auto says_alpha = [](const std::string& note) { return note.starts_with("alpha"); };
  add(marks.alpha && std::ranges::none_of(notes, says_alpha), "alpha channel, opaque everywhere");
  add(marks.profile, "color profile or gamma, not applied");
  add(marks.significant_bits > 0, std::to_string(marks.significant_bits) + " significant bits a sample");
  for (const std::string& note : notes) add(true, "warning: " + note);
  return text;
}

Options declare(std::vector<fs::path>& files) {
  Options options(
      {.name = "inspect",
       .synopsis = "uptake inspect FILE...",
       .summary = "explain a checkpoint or a DICOM file",
       .description =
           "Prints what each FILE is: of a checkpoint its networks, progress, intensity mapping and "
           "whole configuration; of a DICOM file its kind, frames, views, counts, spacing, "
           "identity and transfer syntax; of a picture its size and depth, and what of alpha, orientation or "
           "CMYK "
           "was turned into plain pixels.",
       .example = "  uptake inspect run/best.safetensors cohort/dicom/P001_bloodpool.dcm\n"});
  options.add_files(files, "FILE", "files to explain");
  return options;
}

}  // namespace

ManPage inspect_page() {
  std::vector<fs::path> files;
  return declare(files).page();
}

int inspect(Arguments arguments) {
  std::vector<fs::path> files;
  if (!declare(files).parse(arguments)) return kExitOk;
  if (files.empty()) throw UsageError("no file given (see uptake inspect --help)");
  for (const fs::path& file : files) {
    std::string text;
    switch (kind_of(file)) {
      case Kind::checkpoint:
        text = file.string() + ": " + describe_checkpoint(file);
        break;
      case Kind::picture:
        text = file.string() + ": " + describe_picture(file);
        break;
      case Kind::dicom:
        text = io::describe_dicom(file);
        break;
    }
    std::cout << text << std::flush;
  }
  return kExitOk;
}

}  // namespace uptake::apps
