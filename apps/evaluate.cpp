#include <functional>
#include <iostream>

#include "apps/admission.h"
#include "apps/cli.h"
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
  bool skip_bad = false;
  AdmissionOptions admission;
};

Options declare(Request& r) {
  Options options(
      {.name = "evaluate",
       .synopsis = "uptake evaluate --model CKPT --data DIR --out DIR [OPTION]...",
       .summary = "judge a trained model on a split and write a report",
       .description =
           "Translates every pair of the split and compares prediction and truth: L1 in the units of the "
           "files (gray levels or counts), PSNR in dB and SSIM (Gaussian window 11x11, sigma 1.5), both for "
           "the data range of the model (255, 65535, or the largest training count). Writes metrics.csv "
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
  add_force(options, r.admission, "judge pairs");
  return options;
}

}  // namespace

ManPage evaluate_page() {
  Request request;
  return declare(request).page();
}

int evaluate(Arguments arguments) {
  Request request;
  if (!declare(request).parse(arguments)) return kExitOk;
  const auto& [checkpoint, data_path, out, split, norm, threads, device, skip_bad, admission] = request;
  if (checkpoint.empty()) throw UsageError("--model is missing: a checkpoint of uptake train");
  if (data_path.empty()) throw UsageError("--data is missing: the folder of the data set");
  if (out.empty()) throw UsageError("--out is missing: the folder for the results");

  use_threads(threads);
  gan::LoadedGenerator model = gan::load_generator(checkpoint, machine_for(device));
  const gan::CheckpointInfo& info = model.info;
  const nn::StatisticsFrom statistics_from =
      gan::statistics_at_test(norm.value_or(info.config.norm_at_test), info.config);
  io::PairDataset data(data_path, split, {skip_bad, 0});
  gan::PairExaminer examiner(data);
  data.verify(2, std::ref(examiner));
  for (const auto& problem : data.problems())
    std::cerr << "left out: " << problem.file << ": " << problem.reason << "\n";
  for (const auto& note : data.notes()) std::cerr << "warning: " << note << "\n";
  const std::size_t outside =
      Admission(info, checkpoint, admission).admit(data_path, examiner.pairs(info.config.direction));
  const gan::EvaluationResult result =
      gan::write_evaluation(model, data, statistics_from, {checkpoint, data_path, split, outside}, out);
  const auto line = [](const char* name, const gan::Statistics& s, const std::string& unit) {
    std::cout << name << io::number_text(s.mean) << unit << " (sd " << io::number_text(s.sd) << ")\n";
  };
  std::cout << "cases  " << result.cases << "\n";
  line("L1     ", result.l1, " " + result.unit);
  line("PSNR   ", result.psnr, " dB");
  line("SSIM   ", result.ssim, "");
  std::cout << "report " << result.report.string() << "\n";
  return kExitOk;
}

}  // namespace uptake::apps
