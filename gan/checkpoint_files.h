// The checkpoints in the folder of a run: when they are due, and which files they become.
//
// - OUT/last.safetensors: the newest; a run is resumed from it, and it is always written last
// - OUT/best.safetensors: the whole run after its best epoch; the same file as last (a hard link) where both are equal
// - OUT/generator.safetensors: the generator of the best epoch alone: what is given away
// - OUT/step_N.safetensors: the newest `keep` of those that were due by steps or epochs; links, too
#pragma once
#include <chrono>
#include <filesystem>

#include "gan/checkpoint.h"

namespace uptake::gan {

class CheckpointFiles {
 public:
  /// `config` must outlive the object.
  CheckpointFiles(std::filesystem::path folder, const TrainConfig& config);

  std::filesystem::path last() const { return folder_ / "last.safetensors"; }
  std::filesystem::path best() const { return folder_ / "best.safetensors"; }

  bool due_by_steps(const Progress& progress) const;
  bool due_by_epochs(const Progress& progress) const;  // at the end of the epoch that is running
  bool due_by_time() const;

  /// Which names the state of a run gets. Each is replaced at once or not at all, last.safetensors after the others: a
  /// run that is killed in between goes on from the one before and writes the same bits again.
  struct Names {
    bool best = false, numbered = false;
  };
  /// Throws Diverged, with nothing written, when a weight is not finite; io::FileError.
  void save(const CheckpointInfo& info, Pix2Pix& model, Names names);
  /// best.safetensors and the generator alone; last.safetensors stays.
  void save_best(const CheckpointInfo& info, Pix2Pix& model);

 private:
  void keep_numbered(std::int64_t step) const;

  std::filesystem::path folder_;
  const TrainConfig& config_;
  std::chrono::steady_clock::time_point saved_ = std::chrono::steady_clock::now();
};

}  // namespace uptake::gan
