#include <algorithm>
#include <iostream>

#include "apps/cli.h"
#include "apps/inputs.h"
#include "apps/outputs.h"
#include "gan/translator.h"
#include "io/base/file.h"
#include "io/base/text.h"
#include "io/dicom/dicom_derived.h"
#include "io/image/image.h"

namespace uptake::apps {
namespace {

namespace fs = std::filesystem;

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
  description.series_description = "predicted from";
  description.names_source_series = true;
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
  io::write_png(output, model(image), png_marks("SHA-256 " + model.info().weights_sha256));
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
           "A single DICOM file keeps its name; results of several are called x_predicted_delayed.dcm, "
           "pictures "
           "x.png. Nothing is replaced but earlier results of uptake from the same source.\n"
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
  const bool single = files.size() == 1 && !fs::is_directory(files[0]);
  const std::vector<Output> outputs = find_outputs(inputs, {.out = out, .single = single});
  int failed = 0;
  for (const auto& [source, output, display] : outputs) {
    const fs::path& input = source.path;
    try {
      if (source.content == Content::unknown)
        throw io::FileError(input, fs::file_size(input) == 0 ? "is empty, expected a PNG, JPEG or DICOM file"
                                                             : "is neither PNG, JPEG nor DICOM");
      if (output.has_parent_path()) io::ensure_writable_folder(output.parent_path());
      if (source.content == Content::picture)
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
