// The data of a training run: its splits, opened and checked before the first step.
#pragma once
#include <filesystem>
#include <iosfwd>
#include <optional>

#include "gan/checkpoint.h"
#include "io/pairs/dataset.h"

namespace uptake::gan {

struct TrainingData {
  io::PairDataset train;
  std::optional<io::PairDataset> validation;
  IntensitySurvey intensity;  // of the train split
  TrainingDomain domain;      // of the train split, AtoB

  std::int64_t size() const { return static_cast<std::int64_t>(train.size()); }
  std::int64_t steps_per_epoch(std::int64_t batch_size) const {
    return (size() + batch_size - 1) / batch_size;
  }
};

/// Opens train and, if there is one, val, and decodes every file. What is left out, how many pairs there are and how
/// their samples are scaled is told on `out`. Throws TrainingError where the splits are at odds, io::FileError, and
/// io::Interrupted by `options.stop`.
TrainingData open_training_data(const std::filesystem::path& folder, io::DatasetOptions options,
                                std::ostream& out);

/// Writes into a new checkpoint's description what the data says: channels, intensity mapping, fingerprint,
/// and what was trained on.
void describe(const TrainingData& data, CheckpointInfo& info);

}  // namespace uptake::gan
