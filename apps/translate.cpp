#include <algorithm>
#include <iostream>
#include <map>
#include <set>

#include "apps/cli.h"
#include "apps/inputs.h"
#include "gan/translator.h"
#include "io/base/file.h"
#include "io/base/text.h"
#include "io/dicom/dicom.h"
#include "io/image/image.h"

namespace uptake::apps {
namespace {

namespace fs = std::filesystem;

// The name without what says its format; DICOM files are often named by a UID, whose last number is no
// extension.
std::string bare_name(const fs::path& input) {
  const std::string extension = io::lower_extension(input);
  const bool format =
      io::has_image_extension(input) || extension == ".dcm" || extension == ".dicom" || extension == ".ima";
  return (format ? input.stem() : input.filename()).string();
}

// Where each input's translation goes: OUT itself for one input if OUT names a file, else OUT/<stem>.png or
// .dcm, below the folders that the input lies in below its argument.
std::map<fs::path, fs::path> find_outputs(const std::vector<Input>& inputs, const fs::path& out) {
  const std::string extension = io::lower_extension(out);
  if (!fs::is_directory(out) && (extension == ".jpg" || extension == ".jpeg" || extension == ".tif"))
    throw UsageError("--out is " + out.string() + ", but pictures are written as .png");
  std::map<fs::path, fs::path> outputs;
  std::set<fs::path> taken;
  const bool one_file = inputs.size() == 1 && !fs::is_directory(out) &&
                        (io::lower_extension(out) == ".png" || io::lower_extension(out) == ".dcm");
  for (const auto& [input, below, content] : inputs) {
    const bool picture =
        content == Content::picture || (content == Content::unknown && io::has_image_extension(input));
    const fs::path output = one_file ? out : out / below / (bare_name(input) + (picture ? ".png" : ".dcm"));
    if (picture != (io::lower_extension(output) == ".png"))
      throw io::FileError(output, picture ? "a picture is translated into a .png file"
                                          : "DICOM is translated into a .dcm file");
    if (!taken.insert(fs::weakly_canonical(output)).second)
      throw io::FileError(input, "would be written to " + output.string() + ", as another input already is");
    if (fs::exists(output) && fs::equivalent(output, input))
      throw io::FileError(output, "is the input itself; choose another --out");
    outputs[input] = output;
  }
  return outputs;
}

void translate_dicom(gan::Translator& model, const fs::path& checkpoint, const fs::path& input,
                     const fs::path& output) {
  const io::DicomImage source = io::read_dicom(input);
  io::require_planar(input, source);
  for (const auto& warning : source.warnings)
    std::cerr << "uptake: " << input.string() << ": " << warning << "\n";
  std::vector<io::Image> frames;
  std::vector<int> source_frames;
  for (const std::size_t f : source.photopeak_frames()) {
    frames.push_back(model(source.frames[f]));
    source_frames.push_back(static_cast<int>(f) + 1);
  }
  const gan::TrainConfig& c = model.info().config;
  io::DerivedDescription description;
  description.source_frames = source_frames;
  description.series_description =
      "predicted from " + (source.series_description.empty() ? "NM" : source.series_description);
  description.model_name = "pix2pix " + c.net_g;
  description.model_fingerprint = "SHA-256 " + model.info().weights_sha256;
  description.software_version = version();
  description.derivation_description =
      "Predicted by a pix2pix network (" + c.net_g + ", ngf " + std::to_string(c.ngf) + ", step " +
      std::to_string(model.info().progress.step) + ", checkpoint " + checkpoint.filename().string() +
      "). Not acquired from the patient. Not for diagnostic use.";
  io::write_derived_nm(output, input, frames, description);
}

void translate_picture(gan::Translator& model, const fs::path& input, const fs::path& output) {
  std::vector<std::string> notes;
  const io::Image image = io::read_image(input, notes);
  for (const auto& note : notes) std::cerr << "uptake: " << input.string() << ": " << note << "\n";
  io::write_png(output, model(image));
}

struct Request {
  fs::path checkpoint, out;
  std::vector<fs::path> files;
  bool recursive = false;
  std::optional<gan::NormAtTest> norm;
  std::int64_t threads = 0;
  nn::DeviceChoice device = nn::DeviceChoice::automatic;
};

Options declare(Request& r) {
  Options options(
      {.name = "translate",
       .synopsis = "uptake translate --model CKPT --out OUT INPUT...",
       .summary = "apply a trained model to PNG, JPEG and DICOM files",
       .description =
           "Writes the model's output for every INPUT; folders stand for the PNG, JPEG and DICOM files in "
           "them, told by their content, whatever they are called; what else lies there is left out and "
           "named. "
           "The checkpoint describes itself: no option tells what the network looks like. Pictures "
           "become PNG of the model's bit depth, DICOM becomes a derived NM image in the same study, with "
           "16-bit counts, new UIDs and the synthetic-data flag. The output has the size of the input; a "
           "model that was trained on resized images (--load-size) sees the input at that size. Frames of a "
           "scatter window are not translated.\n"
           "\n"
           "A file that cannot be translated is named and the others are done; the exit code is then 1.",
       .example = "  uptake translate --model run/best.safetensors --out predicted "
                  "cohort/dicom/P003_bloodpool.dcm\n"});
  options.add_path("model", r.checkpoint, "checkpoint of uptake train (required)");
  options.add_path("out", r.out,
                   "folder for the results; for a single INPUT also a .png or .dcm file (required)");
  options.add_flag("recursive", r.recursive, "search the folders in folders, too; OUT gets the same folders");
  options.add("norm-at-test", r.norm,
              "statistics of batch normalisation (see uptake train); default: as trained");
  add_machine(options, r.device, r.threads);
  options.add_files(r.files, "INPUT", "files and folders to translate");
  return options;
}

}  // namespace

ManPage translate_page() {
  Request request;
  return declare(request).page();
}

int translate(Arguments arguments) {
  Request request;
  if (!declare(request).parse(arguments)) return kExitOk;
  const auto& [checkpoint, out, files, recursive, norm, threads, device] = request;
  if (checkpoint.empty()) throw UsageError("--model is missing: a checkpoint of uptake train");
  if (out.empty()) throw UsageError("--out is missing: the folder for the results");
  if (files.empty()) throw UsageError("no input given: files or folders to translate");

  use_threads(threads);
  gan::Translator model(checkpoint, norm, machine_for(device));
  const auto [inputs, left_out] = find_inputs(files, recursive);
  if (!left_out.empty()) std::cerr << "uptake: " << describe_left_out(left_out) << "\n";
  const auto outputs = find_outputs(inputs, out);
  int failed = 0;
  for (const auto& [input, below, content] : inputs) {
    const fs::path& output = outputs.at(input);
    try {
      if (content == Content::unknown)
        throw io::FileError(input, fs::file_size(input) == 0 ? "is empty, expected a PNG, JPEG or DICOM file"
                                                             : "is neither PNG, JPEG nor DICOM");
      if (output.has_parent_path()) io::ensure_writable_folder(output.parent_path());
      if (content == Content::picture)
        translate_picture(model, input, output);
      else
        translate_dicom(model, checkpoint, input, output);
      std::cout << input.string() << " -> " << output.string() << "\n";
    } catch (const io::FileError& e) {
      std::cerr << "uptake: " << explain(e) << "\n";
      ++failed;
    } catch (const std::exception& e) {  // of the image or the model: names no file itself
      std::cerr << "uptake: " << input.string() << ": " << explain(e) << "\n";
      ++failed;
    }
  }
  if (failed > 0)
    std::cerr << "uptake: " << failed << " of " << inputs.size() << " files could not be translated\n";
  return failed > 0 ? kExitFailed : kExitOk;
}

}  // namespace uptake::apps
