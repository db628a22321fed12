#include <iostream>

#include "apps/cli.h"
#include "apps/signals.h"
#include "gan/trainer.h"
#include "io/base/file.h"
#include "io/base/interrupt.h"

namespace uptake::apps {
namespace {

namespace fs = std::filesystem;
using gan::TrainConfig;

struct Request {
  TrainConfig config;
  fs::path data, out, config_file;
  bool resume = false;
};

// The words of the table, what the values may be, and whether they may change.
template <class T, class Range>
std::string help_of(const gan::Option<T, Range>& option) {
  std::string notes = gan::range_text(option.range);
  const auto note = [&](const char* text) { notes += (notes.empty() ? "" : "; ") + std::string(text); };
  if (option.scope == gan::Scope::machine) note("of the machine");
  if (gan::may_change(option.scope)) note("may change on --resume");
  return option.help + (notes.empty() ? "" : " (" + notes + ")");
}

std::vector<std::string> words_of(const gan::ConvName&) { return nn::conv_names(); }
template <class Range>
std::vector<std::string> words_of(const Range&) {
  return {};
}

Options declare(Request& r) {
  Options o(
      {.name = "train",
       .synopsis = "uptake train --data DIR --out RUN [OPTION]...",
       .summary = "train a model on image pairs",
       .description =
           "Trains pix2pix (Isola et al. 2017) on the pairs in DIR, which is one of: a folder with train/ "
           "(and "
           "val/, test/) of pictures holding A on the left and B on the right; two folders A/ and B/ with "
           "equal "
           "file names, or such a pair inside train/, val/, test/; a DICOM cohort, that is a folder with "
           "cohort.csv naming blood-pool (A) and delayed (B) file, patient and split. PNG and JPEG are read, "
           "gray or color, 8 or 16 bit; channels follow the data.\n"
           "\n"
           "RUN receives last.safetensors and best.safetensors (complete, self-describing checkpoints), "
           "generator.safetensors (the best epoch's generator alone, a third of the size: for translate, "
           "evaluate and whom the model is given to), losses.csv, validation.csv, samples/ and config.ini. "
           "Ctrl-C finishes the step (or the validated image), saves and says how to resume, as do a closed "
           "terminal, kill and a closed pipe; a second Ctrl-C ends at once. last.safetensors is also saved "
           "every ten minutes, so that a power cut costs no more (see --save-every-minutes, --save-every, "
           "--save-every-epochs, --keep). A resumed run ends with the very bits of an uninterrupted one.\n"
           "\n"
           "Options carry the names and defaults of the public pix2pix reference where it has them. For a "
           "DICOM "
           "cohort --load-size and --crop-size are 0 (native), --flip is off, for the sides of a patient "
           "are "
           "not interchangeable, --upsample is bilinear and --lambda-l1 500, for transposed convolutions, "
           "and an adversarial loss that weighs more, put hot pixels at fixed places into the air of every "
           "prediction.",
       .example = "  uptake phantom --out cohort --patients 30 --seed 1\n"
                  "  uptake train --data cohort --out run --net-g unet_64 --ngf 16 --ndf 16 --epochs 5 "
                  "--epochs-decay 5\n"});
  TrainConfig& c = r.config;
  o.add_path("data", r.data, "folder of the data set (required)");
  o.add_path("out", r.out, "folder of the run, created if need be (required)");
  o.add_path("config", r.config_file,
             "file of lines 'name = value' with --data and the options below, such as config.ini of another "
             "run; the command line has precedence");
  o.add_flag(
      "resume", r.resume,
      "go on with the run in --out: its data and its configuration hold, only options that say so below may "
      "change");
  gan::for_each_option([&](const auto& option) {
    if (option.scope == gan::Scope::data) return;
    o.add(spelled(option.name).substr(2), c.*option.member, help_of(option), words_of(option.range));
  });
  return o;
}

// A DICOM cohort keeps its pixels and its sides, and its air free of a lattice (docs/results/fixed_pixels.md). Differences
// of counts weigh as much against the adversarial loss as they would if the largest ordinary count were +1: see
// gan/intensity.h.
TrainConfig defaults_for(const fs::path& data) {
  TrainConfig c;
  if (fs::exists(data / "cohort.csv")) {
    c.load_size = c.crop_size = 0;
    c.flip = false;
    c.upsample = gan::Upsampling::bilinear;
    c.lambda_l1 = 500;
  }
  return c;
}

void write_config(const fs::path& path, const fs::path& data, const Options& options) {
  std::string text = "# The effective configuration of this run, as --config reads it.\n";
  text += "data = " + config_quoted(fs::absolute(data).string()) + "\n";
  for (const auto& [name, value] : options.effective()) text += name + " = " + value + "\n";
  io::write_file_atomically(path, text);
}

// The data of a run that is to be resumed without being told again.
fs::path data_of(const fs::path& run) {
  const fs::path file = run / "config.ini";
  for (const ConfigLine& line : fs::exists(file) ? read_config(file) : std::vector<ConfigLine>{})
    if (line.name == "data") return line.value;
  return {};
}

// A run that was started on another machine may name convolutions that this one has not: then it goes on with its own.
nn::Machine machine_of(gan::TrainConfig& config, bool conv_is_inherited) {
  try {
    return nn::choose_machine(gan::machine_options(config), std::cout);
  } catch (const nn::OptionError& e) {
    if (!conv_is_inherited || config.conv == "auto" || e.option() != "conv") throw;
  }
  std::cout << "convolutions: the run used " << config.conv
            << ", which is not for this machine; auto from here on\n";
  config.conv = "auto";
  return nn::choose_machine(gan::machine_options(config), std::cout);
}

}  // namespace

ManPage train_page() {
  Request request;
  return declare(request).page();
}

int train(Arguments arguments) {
  const SignalGuard signals(true);
  Request request;
  if (!declare(request).parse(arguments)) return kExitOk;  // a first look: which file, which run
  const bool resume = request.resume;
  std::vector<std::string> all;
  if (!request.config_file.empty()) {
    all = declare(request).arguments_from(request.config_file);
    all.insert(all.end(), arguments.begin(), arguments.end());
    request = {};
    declare(request).parse(all);
  } else {
    all.assign(arguments.begin(), arguments.end());
  }
  if (request.out.empty()) throw UsageError("--out is missing: the folder for the run");
  if (request.data.empty() && resume) request.data = data_of(request.out);
  if (request.data.empty()) throw UsageError("--data is missing: the folder of the data set");

  TrainConfig base = defaults_for(request.data);
  if (resume) base = gan::read_checkpoint_info(request.out / "last.safetensors").config;
  request.config = base;
  Options options = declare(request);
  options.parse(all);
  nn::Machine machine;
  try {
    gan::check(request.config);
    if (resume) gan::check_resumable(base, request.config);
    machine = machine_of(request.config, resume && request.config.conv == base.conv);
  } catch (const std::invalid_argument& e) {
    throw UsageError(explain(e));
  }

  std::cout << "configuration:";
  for (const auto& [name, value] : options.effective()) std::cout << " " << name << "=" << value;
  std::cout << std::endl;

  const gan::TrainRequest run{request.config, machine, request.data, request.out, resume, version()};
  const auto write = [&] { write_config(request.out / "config.ini", request.data, options); };
  gan::TrainOutcome outcome;
  try {
    outcome = gan::train(run, signals.stop(), std::cout, write);
  } catch (const io::Interrupted&) {
    std::cout << "stopped before the first step: nothing is changed" << std::endl;
    return signals.exit_code();
  }
  if (outcome.stopped) {
    std::cout << "stopped after step " << outcome.progress.step << "; go on with: uptake train --data "
              << shell_quoted(request.data) << " --out " << shell_quoted(request.out) << " --resume"
              << std::endl;
    return signals.exit_code();
  }
  std::cout << "done after step " << outcome.progress.step << "; best epoch " << outcome.progress.best_epoch
            << ", model in " << (request.out / "best.safetensors").string() << std::endl;
  return kExitOk;
}

}  // namespace uptake::apps
