#include <algorithm>
#include <iostream>

#include "apps/admission.h"
#include "apps/anonymous_key.h"
#include "apps/cli.h"
#include "apps/dicom_results.h"
#include "apps/inputs.h"
#include "apps/outputs.h"
#include "apps/signals.h"
#include "gan/translator.h"
#include "io/base/file.h"
#include "io/base/folder.h"
#include "io/base/text.h"
#include "io/dicom/dicom_derived.h"
#include "io/image/image.h"

namespace uptake::apps {
namespace {

namespace fs = std::filesystem;

void translate_dicom(const gan::Translator& model, const Admission& admission, DicomResults& results,
                     const Output& output, const std::string& name, bool sum_dynamic) {
  const fs::path& input = output.source.path;
  const io::DicomImage source = sum_dynamic ? io::read_summed_dicom(input) : io::read_dicom(input);
  io::require_planar(input, source);
  for (const auto& warning : source.warnings) std::cerr << "uptake: " << name << ": " << warning << "\n";
  std::vector<io::Image> frames;
  std::vector<io::ImageFacts> facts;
  std::vector<int> source_frames;
  for (const std::size_t f : source.photopeak_frames()) {
    frames.push_back(source.frames[f]);
    facts.push_back(io::dicom_facts(input, source, static_cast<std::int64_t>(f)));
    source_frames.push_back(static_cast<int>(f) + 1);
  }
  const Prediction prediction = admission.predict(model, {input, name}, frames, facts);
  results.write(output, source, source_frames, prediction.frames, prediction.outside);
}

void translate_picture(const gan::Translator& model, const Admission& admission, SideBySide how,
                       const fs::path& input, const fs::path& output, const std::string& name) {
  std::vector<std::string> notes;
  const io::Image image = io::read_image(input, notes);
  for (const auto& note : notes) std::cerr << "uptake: " << name << ": " << note << "\n";
  const io::Image half = admission.input_half({input, name}, image, how);
  io::ImageFacts facts;
  facts.synthetic = facts.derived = std::ranges::any_of(
      io::read_png_texts(input), [](const auto& text) { return text.first == "Synthetic"; });
  const Prediction prediction = admission.predict(model, {input, name}, {half}, {facts});
  io::PngTexts marks = png_marks("SHA-256 " + model.info().weights_sha256);
  if (!prediction.outside.empty()) marks.emplace_back("Outside training", prediction.outside);
  io::write_png(output, prediction.frames[0], marks);
}

struct Request {
  fs::path checkpoint, out;
  std::vector<fs::path> files;
  bool recursive = false, anonymous = false, sum_dynamic = false;
  DisplayCopy display = DisplayCopy::none;
  std::optional<gan::NormAtTest> norm;
  std::int64_t threads = 0;
  nn::DeviceChoice device = nn::DeviceChoice::automatic;
  AdmissionOptions admission;
  SideBySide side_by_side = SideBySide::automatic;
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
           "The checkpoint knows what it was trained on (see uptake inspect). An image that is not like that "
           "is refused: another body part or view, a whole-body scan, other counts, spacing, times or energy "
           "window, a prediction.\n"
           "\n"
           "With --anonymous, derived images follow the basic confidentiality profile of DICOM (PS3.15 E): "
           "new "
           "UIDs, a pseudonym, no dates and names; they are called case_1..., and so are their sources in "
           "messages. Who is behind them is in OUT/key.csv, which only its owner may read.\n"
           "\n"
           "Everything that is written is synthetic and says so: for research, not for diagnosis.\n"
           "\n"
           "A file that cannot be translated is named and the others are done; the exit code is then 1.",
       .example = "  uptake translate --model run/best.safetensors --out predicted "
                  "cohort/dicom/P003_bloodpool.dcm\n"});
  options.add_path("model", r.checkpoint, "checkpoint of uptake train (required)");
  options.add_path("out", r.out,
                   "folder for the results; for a single INPUT also a .png or .dcm file (required)");
  options.add_flag("recursive", r.recursive, "search the folders in folders, too; OUT gets the same folders");
  options.add("display-copy", r.display,
              "beside each DICOM result, a copy to look at, with the word SYNTHETIC, the sides, the view and "
              "the scale "
              "in its pixels: x_display.png, or x_display.dcm as Secondary Capture");
  options.add_flag("anonymous", r.anonymous, "hide the patients of DICOM files");
  options.add_flag(
      "sum-dynamic", r.sum_dynamic,
      "add up the frames of a dynamic series, such as a blood pool taken as a film, for each detector");
  options.add("norm-at-test", r.norm,
              "statistics of batch normalisation (see uptake train); default: as trained");
  add_force(options, r.admission, "translate images");
  add_match_spacing(options, r.admission);
  options.add(
      "side-by-side", r.side_by_side,
      "pictures that are whole pairs, input and target side by side: half translates the input half of "
      "every picture, whole never; auto: the half of those twice as wide as what a model of such pairs was "
      "trained on");
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
  const auto& [checkpoint, out, files, recursive, anonymous, sum_dynamic, display_copy, norm, threads, device,
               admit, side_by_side] = request;
  if (checkpoint.empty()) throw UsageError("--model is missing: a checkpoint of uptake train");
  if (out.empty()) throw UsageError("--out is missing: the folder for the results");
  if (files.empty()) throw UsageError("no input given: files or folders to translate");

  use_threads(threads);
  gan::Translator model(checkpoint, norm, machine_for(device));
  const Admission admission(model.info(), checkpoint, admit);
  auto [inputs, left_out] = find_inputs(files, recursive);
  leave_out_own_results(inputs, files, left_out);
  if (!left_out.empty() && !anonymous) std::cerr << "uptake: " << describe_left_out(left_out) << "\n";
  const bool single = files.size() == 1 && !fs::is_directory(files[0]);
  const std::vector<Output> outputs = find_outputs(inputs, {out, single, anonymous, display_copy});
  std::optional<AnonymousKey> key;
  if (anonymous) key.emplace(outputs);
  DicomResults results(model.info(), checkpoint, key ? &*key : nullptr);
  int failed = 0;
  const SignalGuard signals;  // until here there is nothing to be kept
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (signals.stop()) {
      std::cerr << "uptake: stopped after " << i << " of " << outputs.size()
                << " files; the others are not begun\n";
      return signals.exit_code();
    }
    const auto& [source, output, display] = outputs[i];
    const fs::path& input = source.path;
    const std::string name = anonymous ? "case " + std::to_string(i + 1) : input.string();
    try {
      if (source.content == Content::unknown) {
        io::require_readable(input);
        throw io::FileError(input, fs::file_size(input) == 0 ? "is empty, expected a PNG, JPEG or DICOM file"
                                                             : "is neither PNG, JPEG nor DICOM");
      }
      if (output.has_parent_path()) io::ensure_writable_folder(output.parent_path());
      if (source.content == Content::picture)
        translate_picture(model, admission, side_by_side, input, output, name);
      else
        translate_dicom(model, admission, results, outputs[i], name, sum_dynamic);
      std::cout << name << " -> " << output.string() << (display.empty() ? "" : ", " + display.string())
                << "\n";
    } catch (const io::FileError& e) {
      const bool names_input = anonymous && e.path() == input;
      std::cerr << "uptake: " << (names_input ? name + ": " + e.problem() : explain(e)) << "\n";
      ++failed;
    } catch (const std::exception& e) {  // of the image or the model: names no file itself
      std::cerr << "uptake: " << name << ": " << explain(e) << "\n";
      ++failed;
    }
  }
  if (failed > 0)
    std::cerr << "uptake: " << failed << " of " << inputs.size() << " files could not be translated\n";
  return failed > 0 ? kExitFailed : kExitOk;
}

}  // namespace uptake::apps
