// A training run in a folder: data in, checkpoints, logs and sample pictures out.
//
// - OUT/*.safetensors: checkpoints, see gan/checkpoint_files.h. last is saved at the end of epochs, every so many steps
//   and minutes (save_every...), and when the run is stopped
// - OUT/losses.csv: every step, learning rate and the four losses
// - OUT/validation.csv: every epoch, the means over the val split of L1, PSNR, SSIM, relative L1, NRMSE and of the data
//   range of PSNR and SSIM (gan/metrics.h)
// - OUT/samples/: every epoch, input, prediction and truth of up to four pairs
// - OUT/.uptake.lock: while the run is going on
#pragma once
#include <atomic>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <stdexcept>

#include "gan/checkpoint.h"
#include "gan/translator.h"
#include "io/base/file.h"

namespace uptake::gan {

struct TrainRequest {
  TrainConfig config;
  nn::Machine machine;  // what choose_machine() made of it
  std::filesystem::path data, out;
  bool resume = false;  // go on from OUT/last.safetensors
  std::string version;  // goes into checkpoints
};

/// Training cannot go on: a loss is not finite, or the data is not what the run was started with.
struct TrainingError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The numbers have left what floating point can hold; a smaller learning rate may help.
struct Diverged : TrainingError {
  using TrainingError::TrainingError;
};

/// The folder of a run that is not to be resumed holds one.
struct RunExists : io::FileError {
  explicit RunExists(const std::filesystem::path& folder)
      : FileError(folder, "already holds a training run, which is not to be resumed") {}
};

struct TrainOutcome {
  bool stopped = false;  // before its end, by `stop`
  Progress progress;
};

/// Trains until the configuration's end, or until `stop` is set: then the step or the validated pair under way is
/// finished and everything saved. A resumed run ends with the bits of an uninterrupted one. What is going on is told on
/// `out`. Throws TrainingError, io::FileError (io::FolderInUse when another run writes into the folder), OptionError; and
/// io::Interrupted when `stop` is set while the data is being read, with nothing written.
/// `on_start` is called once when nothing stands in the way any more, before the first step. At least one step is taken
/// after it.
TrainOutcome train(const TrainRequest& request, const std::atomic<bool>& stop, std::ostream& out,
                   const std::function<void()>& on_start = {});

}  // namespace uptake::gan
