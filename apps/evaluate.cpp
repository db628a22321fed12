#include <functional>
#include <iostream>

#include "apps/admission.h"
#include "apps/cli.h"
#include "apps/outputs.h"
#include "apps/signals.h"
#include "gan/data.h"
#include "gan/evaluation_report.h"
#include "io/base/text.h"
#include "io/pairs/dataset.h"

namespace uptake::apps {
namespace {

namespace fs = std::filesystem;

struct Request {
  fs::path checkpoint, data, out;
  std::string split = "test";
  std::optional<gan::NormAtTest> norm;
  std::int64_t threads = 0;
  nn::DeviceChoice device = nn::DeviceChoice::automatic;
  bool skip_bad = false, match_matrix = false, allow_synthetic = false, allow_outside = false,
       save_images = false;
  AdmissionOptions admission;
};

Options declare(Request& r) {
  Options options(
      {.name = "evaluate",
       .synopsis = "uptake evaluate --model CKPT --data DIR --out DIR [OPTION]...",
       .summary = "judge a trained model on a split and write a report",
       .description =
           "Translates every pair of the split and compares prediction and truth: L1 in the units of the "
           "files (gray levels or counts) and over the sum of the truth, NRMSE (root of the squared errors "
           "over "
           "the squares of the truth), PSNR in dB and SSIM (Gaussian window 11x11, sigma 1.5). The data "
           "range "
           "of PSNR and SSIM is 255 for 8-bit pictures, else that of each true image: its largest sample, or "
           "twice the 98 % quantile of its body if that is less; prediction and truth are shown up to the "
           "same level. Of counts, what predictions hold in the air is compared with the truth, and patterns "
           "that are the same in all of them are looked for. Writes metrics.csv "
           "(each case), summary.json (mean, sd, median) and report.html: one self-contained file with "
           "figures, the loss curves of the run the checkpoint lies in, and input, prediction and truth "
           "side by side. A model that was trained on resized images (--load-size) is judged at that size.\n"
           "\n"
           "Pairs that are not like those the model was trained on (see uptake inspect) are refused.",
       .example =
           "  uptake evaluate --model run/best.safetensors --data cohort --split test --out report\n"});
  options.add_path("model", r.checkpoint, "checkpoint of uptake train (required)");
  options.add_path("data", r.data, "folder of the data set (required)");
  options.add("split", r.split, "which part of the data set", {"train", "val", "test"});
  options.add_path("out", r.out, "folder for the results (required)");
  options.add("norm-at-test", r.norm,
              "statistics of batch normalisation (see uptake train); default: as trained");
  add_machine(options, r.device, r.threads);
  options.add_flag("skip-bad", r.skip_bad, "leave bad files out instead of refusing to start");
  options.add_flag(
      "match-matrix", r.match_matrix,
      "resample the output image of a pair to its input's matrix where both show one field of view");
  options.add_flag("allow-synthetic", r.allow_synthetic,
                   "judge on DICOM files that are derived or synthetic");
  options.add_flag("allow-outside", r.allow_outside,
                   "let cohort.csv name files outside of the folder of --data");
  add_force(options, r.admission, "judge pairs");
  options.add_flag(
      "save-images", r.save_images,
      "write every prediction, too: OUT/images/NAME.png, counts rounded to 16 bit (uptake translate "
      "makes DICOM of them)");
  return options;
}

void print_air(const io::FixedPattern& p) {
  using io::number_text;
  std::cout << "air    " << number_text(p.prediction_mean) << " counts a pixel (truth "
            << number_text(p.truth_mean) << "), " << number_text(p.prediction_hot)
            << " hot pixels an image (truth " << number_text(p.truth_hot) << "), in " << p.cases << " cases\n"
            << "       worst fixed pixel: row " << p.worst.row << ", column " << p.worst.column << ", "
            << number_text(p.worst.prediction_mean) << " (truth " << number_text(p.worst.truth_mean) << ")\n"
            << "       power of the mean residual over noise at period " << io::power_text(p)
            << (p.has_lattice() ? "  <- a fixed pattern" : "") << "\n";
}

int evaluate_until(const Request& request, io::StopFlag stop) {
  const auto& [checkpoint, data_path, out, split, norm, threads, device, skip_bad, match_matrix,
               allow_synthetic, allow_outside, save_images, admission] = request;
  use_threads(threads);
  gan::LoadedGenerator model = gan::load_generator(checkpoint, machine_for(device));
  const gan::CheckpointInfo& info = model.info;
  const nn::StatisticsFrom statistics_from =
      gan::statistics_at_test(norm.value_or(info.config.norm_at_test), info.config);
  gan::TrainConfig config = info.config;
  config.match_matrix |= match_matrix;
  config.allow_synthetic |= allow_synthetic;
  config.allow_outside |= allow_outside;
  config.skip_bad = skip_bad;
  io::DatasetOptions reading = gan::dataset_options(config);
  reading.stop = stop;
  io::PairDataset data(data_path, split, reading);
  gan::PairExaminer examiner(data);
  data.verify(2, std::ref(examiner));
  std::vector<std::string> left_out, warnings = data.notes();
  for (const auto& problem : data.problems()) left_out.push_back(problem.file + ": " + problem.reason);
  for (const std::string& sentence : io::check_splits(data_path, {&data})) warnings.push_back(sentence);
  io::tell_first(std::cerr, "left out: ", left_out);
  io::tell_first(std::cerr, "warning: ", warnings);
  const std::size_t outside =
      Admission(info, checkpoint, admission).admit(data_path, examiner.pairs(info.config.direction));
  const gan::EvaluationResult result = gan::write_evaluation(
      model, data, statistics_from, {checkpoint, data_path, split, outside}, out,
      {.save_images = save_images, .image_texts = png_marks("SHA-256 " + info.weights_sha256), .stop = stop});
  const auto line = [](const char* name, const gan::Statistics& s, const std::string& unit) {
    std::cout << name << io::number_text(s.mean) << unit << " (sd " << io::number_text(s.sd) << ")\n";
  };
  std::cout << "cases  " << result.cases << "\n";
  line("L1     ", result.l1, " " + result.unit);
  line("L1 rel ", result.relative_l1, "");
  line("NRMSE  ", result.nrmse, "");
  line("PSNR   ", result.psnr, " dB");
  line("SSIM   ", result.ssim, "");
  std::cout << "range  0 to " << io::number_text(result.data_range.mean)
            << " (mean; of PSNR and SSIM, see --help)\n";
  if (result.fixed_pattern) print_air(*result.fixed_pattern);
  std::cout << "report " << result.report.string() << "\n";
  return kExitOk;
}

}  // namespace

ManPage evaluate_page() {
  Request request;
  return declare(request).page();
}

int evaluate(Arguments arguments) {
  Request request;
  if (!declare(request).parse(arguments)) return kExitOk;
  if (request.checkpoint.empty()) throw UsageError("--model is missing: a checkpoint of uptake train");
  if (request.data.empty()) throw UsageError("--data is missing: the folder of the data set");
  if (request.out.empty()) throw UsageError("--out is missing: the folder for the results");

  const SignalGuard signals;
  try {
    return evaluate_until(request, &signals.stop());
  } catch (const io::Interrupted& e) {
    std::cerr << "uptake: " << e.what() << "\n";
    return signals.exit_code();
  }
}

}  // namespace uptake::apps
