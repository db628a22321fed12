#include <algorithm>
#include <atomic>
#include <csignal>
#include <fstream>
#include <iostream>
#include <string_view>

#include "apps/cli.h"
#include "gan/trainer.h"
#include "io/base/file.h"

namespace uptake::apps {
namespace {

namespace fs = std::filesystem;
using gan::TrainConfig;

std::atomic<bool> stop_requested = false;

// The first Ctrl-C asks the run to finish its step and save; a second one ends the process as usual.
void on_interrupt(int signal) {
  stop_requested = true;
  std::signal(signal, SIG_DFL);
}

struct Request {
  TrainConfig config;
  fs::path data, out, config_file;
  bool resume = false, skip_bad = false;
};

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
           "losses.csv, validation.csv, samples/ and config.ini. Ctrl-C finishes the step, saves and says "
           "how to "
           "resume; a resumed run ends with the very bits of an uninterrupted one.\n"
           "\n"
           "Options carry the names and defaults of the public pix2pix reference where it has them. For a "
           "DICOM "
           "cohort --load-size and --crop-size are 0 (native) and --flip is off, for the sides of a patient "
           "are "
           "not interchangeable.",
       .example = "  uptake phantom --out cohort --patients 30 --seed 1\n"
                  "  uptake train --data cohort --out run --net-g unet_64 --ngf 16 --ndf 16 --epochs 5 "
                  "--epochs-decay 5\n"});
  TrainConfig& c = r.config;
  o.add_path("data", r.data, "folder of the data set (required)");
  o.add_path("out", r.out, "folder of the run, created if need be (required)");
  o.add_path("config", r.config_file,
             "file of lines 'name = value' with the options below; the command line has precedence");
  o.add_flag(
      "resume", r.resume,
      "go on with the run in --out: its configuration holds, only --epochs, --epochs-decay, --steps and the "
      "machine (--threads, --device, --precision, --conv, --autotune, --graph) may differ");
  o.add_flag("skip-bad", r.skip_bad,
             "leave unpaired, unreadable and mismatched files out instead of refusing to start");
  o.add("direction", c.direction, "AtoB: A is the input, B the output; BtoA: the other way round");
  o.add("load-size", c.load_size, "size images are resized to before cropping, pixels; 0: as they are");
  o.add("crop-size", c.crop_size, "size of the random square crop, pixels; 0: the whole image");
  o.add_switch("flip", c.flip, "mirror half of the pairs left to right");
  o.add("net-g", c.net_g,
        "generator: unet_256, unet_128, unet_N (N a power of two), resnet_9blocks, resnet_6blocks");
  o.add("net-d", c.net_d, "discriminator: basic (70x70 patches), n_layers, pixel");
  o.add("n-layers-d", c.n_layers_d, "layers of the n_layers discriminator");
  o.add("ngf", c.ngf, "filters of the generator's first level");
  o.add("ndf", c.ndf, "filters of the discriminator's first level");
  o.add("norm", c.norm, "normalisation: batch, instance, none");
  o.add_switch("dropout", c.dropout, "dropout of 0.5 in the generator");
  o.add("init-type", c.init_type, "initial weights: normal, xavier, kaiming, orthogonal");
  o.add("init-gain", c.init_gain, "their scale");
  o.add("gan-mode", c.gan_mode, "adversarial loss: vanilla (cross-entropy), lsgan (squares), hinge");
  o.add("lambda-l1", c.lambda_l1, "weight of the L1 loss");
  o.add("lr", c.lr, "initial learning rate of Adam");
  o.add("beta1", c.beta1, "first momentum of Adam");
  o.add("lr-policy", c.lr_policy, "learning rate over epochs: linear, step, cosine, plateau");
  o.add("lr-decay-epochs", c.lr_decay_epochs, "epochs between the tenfold reductions of --lr-policy step");
  o.add("batch-size", c.batch_size, "pairs a step");
  o.add("epochs", c.epochs, "epochs at the initial learning rate");
  o.add("epochs-decay", c.epochs_decay, "epochs after these, in which it falls to zero");
  o.add("steps", c.steps, "stop after so many steps; 0: after all epochs");
  o.add("seed", c.seed, "of all random numbers");
  o.add("norm-at-test", c.norm_at_test,
        "where batch normalisation takes its statistics from when the model is used: running (gathered in "
        "training), "
        "batch (of the image at hand, as the reference's test program does), auto (batch if --batch-size is "
        "1, else "
        "running)");
  o.add("threads", c.threads, "CPU threads; 0: all");
  o.add("device", c.device, "where to compute: auto (the GPU if one can be used), cpu, cuda");
  o.add("precision", c.precision,
        "of images and convolutions: float32; on the GPU also tf32 (float32, with cuDNN's convolutions "
        "rounding "
        "to 10 bits of mantissa) and bf16 (weights and statistics stay float32)");
  o.add("conv", c.conv,
        "convolutions on the GPU: cudnn, own (Uptake's kernels), auto (cudnn if built with it)");
  o.add_switch("autotune", c.autotune,
               "time cuDNN's plans for each convolution that is new and keep the fastest (remembered in "
               "~/.cache/uptake; a "
               "run is then deterministic only together with that file)");
  o.add_switch("graph", c.graph, "replay training steps on the GPU as one CUDA graph");
  return o;
}

// A DICOM cohort keeps its pixels and its sides.
TrainConfig defaults_for(const fs::path& data) {
  TrainConfig c;
  if (fs::exists(data / "cohort.csv")) {
    c.load_size = c.crop_size = 0;
    c.flip = false;
  }
  return c;
}

// Of a run being resumed only its length and the machine may change.
void refuse_changes(const TrainConfig& saved, const TrainConfig& now) {
  const nlohmann::json before = saved, after = now;
  for (const auto& [key, value] : before.items()) {
    constexpr std::string_view kMayChange[] = {"epochs",    "epochs_decay", "steps",    "threads", "device",
                                               "precision", "conv",         "autotune", "graph"};
    if (std::ranges::find(kMayChange, key) != std::end(kMayChange)) continue;
    if (after.at(key) == value) continue;
    std::string option = key;
    std::replace(option.begin(), option.end(), '_', '-');
    throw UsageError("--" + option + " is " + after.at(key).dump() + ", but the run being resumed has " +
                     value.dump());
  }
}

void write_config(const fs::path& path, const Options& options) {
  std::string text = "# The effective configuration of this run, as --config reads it.\n";
  for (const auto& [name, value] : options.effective()) text += name + " = " + value + "\n";
  io::write_file_atomically(path, text);
}

}  // namespace

int train(Arguments arguments) {
  Request request;
  if (!declare(request).parse(arguments)) return kExitOk;  // a first look: which data, which run, which file
  if (request.data.empty()) throw UsageError("--data is missing: the folder of the data set");
  if (request.out.empty()) throw UsageError("--out is missing: the folder for the run");

  TrainConfig base = defaults_for(request.data);
  const bool resume = request.resume;
  if (resume) base = gan::read_checkpoint_info(request.out / "last.safetensors").config;

  const fs::path config_file = request.config_file;
  request.config = base;
  Options options = declare(request);
  std::vector<std::string> all;
  if (!config_file.empty()) all = options.arguments_from(config_file);
  all.insert(all.end(), arguments.begin(), arguments.end());
  options.parse(all);
  nn::Machine machine;
  try {
    gan::check(request.config);
    machine = nn::choose_machine(gan::machine_options(request.config), std::cout);
  } catch (const std::invalid_argument& e) {
    throw UsageError(e.what());
  }
  if (resume) refuse_changes(base, request.config);

  std::cout << "configuration:";
  for (const auto& [name, value] : options.effective()) std::cout << " " << name << "=" << value;
  std::cout << std::endl;

  stop_requested = false;
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  const gan::TrainRequest run{request.config, machine,          request.data, request.out,
                              resume,         request.skip_bad, version()};
  const auto write = [&] { write_config(request.out / "config.ini", options); };
  const gan::TrainOutcome outcome = gan::train(run, stop_requested, std::cout, write);
  if (outcome.stopped) {
    std::cout << "stopped after step " << outcome.progress.step << "; go on with: uptake train --data "
              << shell_quoted(request.data) << " --out " << shell_quoted(request.out) << " --resume"
              << std::endl;
    return kExitInterrupted;
  }
  std::cout << "done after step " << outcome.progress.step << "; best epoch " << outcome.progress.best_epoch
            << ", model in " << (request.out / "best.safetensors").string() << std::endl;
  return kExitOk;
}

}  // namespace uptake::apps
