// A training run in one file (safetensors): networks under PyTorch's names ("g.", "d."), Adam's moments, and
// as JSON the configuration, the progress, the intensity mapping and what it was trained on. Self-describing: whoever loads it needs
// no flags.
//
// The generator's weights have a name that cannot be mistaken: their SHA-256, over the data of every tensor whose
// name begins with "g.", in the order of the names (by bytes), each as the file holds it (little-endian, row-major),
// with nothing before, between or after. It is written into the file, checked when the weights are read, and quoted
// by whatever was made with them; docs/dicom.md computes it without Uptake.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "gan/config.h"
#include "gan/intensity.h"
#include "gan/pix2pix.h"
#include "gan/training_domain.h"
#include "nn/schedule.h"

namespace uptake::gan {

/// How far a run is. Random numbers are functions of (seed, step) and the data order of (seed, epoch), so
/// these numbers are the whole random state.
struct Progress {
  std::int64_t step = 0;      // training steps taken
  std::int64_t epoch = 1;     // the epoch that is running, from 1
  std::int64_t position = 0;  // pairs of that epoch already used
  double epoch_l1_sum = 0;    // sum of G_L1 over the running epoch
  std::int64_t epoch_steps = 0;
  double best_metric = 1e300;   // smallest validation L1 so far
  std::int64_t best_epoch = 0;  // 0: none yet
  nn::Schedule::PlateauState plateau;
  std::string data_fingerprint;  // of the names of the training pairs, in order
  std::string data_pixels;  // of all pixels, of validation pairs too; "" in files from before it was written
};

/// What a checkpoint says besides its tensors.
struct CheckpointInfo {
  TrainConfig config;
  Progress progress;
  Intensity input, output;
  std::optional<TrainingDomain> trained_on;  // none in files from before it was kept
  std::string version;                       // of the program that wrote it
  std::string weights_sha256;   // as the file says, 64 hex digits; "" in files from before it was written
  bool generator_only = false;  // as read: a file of save_generator()
};

/// Atomically; computes weights_sha256, whatever `info` says. Throws io::FileError.
void save_checkpoint(const std::filesystem::path& path, const CheckpointInfo& info, Pix2Pix& model);

/// The generator alone: what translate and evaluate need, a third of the size. Cannot be trained on.
void save_generator(const std::filesystem::path& path, const CheckpointInfo& info, Pix2Pix& model);

/// The description only. Throws io::FileError when the file is damaged or no checkpoint of Uptake.
CheckpointInfo read_checkpoint_info(const std::filesystem::path& path);

/// Description and the trained generator, for inference. Its weights_sha256 is computed when the file has none.
struct LoadedGenerator {
  CheckpointInfo info;
  std::unique_ptr<Network> network;
};
/// Throws io::FileError, also when the weights are not those whose SHA-256 the file carries.
LoadedGenerator load_generator(const std::filesystem::path& path, const nn::Machine& machine = {});

/// Reads the whole file and throws io::FileError unless its weights are those its description asks for: to be
/// called before memory for a model of that description is allocated.
void require_checkpoint(const std::filesystem::path& path);

/// Everything into an existing model of the same configuration.
void load_checkpoint(const std::filesystem::path& path, Pix2Pix& model);

}  // namespace uptake::gan
