// A trained generator applied to images of any size.
#pragma once
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "gan/checkpoint.h"

namespace uptake::gan {

/// The statistics that a trained network normalises with (see NormAtTest): running or batch.
nn::StatisticsFrom statistics_at_test(NormAtTest norm, const TrainConfig& config);

/// The output for one image, in file units and of the same height and width: mapped to the network's range,
/// padded to its multiple by repeating the border, generated without dropout, cropped and mapped back.
io::Image translate(Network& generator, const io::Image& image, const Intensity& input,
                    const Intensity& output, nn::StatisticsFrom statistics = nn::StatisticsFrom::running);

/// A checkpoint ready to translate.
class Translator {
 public:
  /// Without `norm`: as the checkpoint's configuration says.
  explicit Translator(const std::filesystem::path& checkpoint, std::optional<NormAtTest> norm = {},
                      const nn::Machine& machine = {});

  /// The output has the size of the image; a model trained on resized images sees it at that size.
  /// Throws std::invalid_argument when the image's channels or kind are not those the model was trained on.
  /// Any number of threads may call at the same time (on a GPU: one).
  io::Image operator()(const io::Image& image) const;

  const CheckpointInfo& info() const { return loaded_.info; }

 private:
  LoadedGenerator loaded_;
  nn::StatisticsFrom statistics_;
  // Height and width of the last image, by pointer so that a Translator can be moved.
  std::unique_ptr<std::atomic<std::uint64_t>> last_size_ = std::make_unique<std::atomic<std::uint64_t>>(0);
};

}  // namespace uptake::gan
