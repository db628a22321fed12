// A trained generator applied to images of any size.
#pragma once
#include <filesystem>
#include <string>

#include "gan/checkpoint.h"

namespace uptake::gan {

/// Where a trained network's batch normalisation takes its statistics from: those gathered in training, which
/// make the output independent of everything but the weights, or those of the image at hand, as the
/// reference's test program does (which also leaves dropout on).
enum class NormAtTest { running, batch };

/// "running", "batch", or "auto": batch for a model trained with batches of one, whose normalisation always
/// saw the statistics of one image and no others, else running. Throws std::invalid_argument for any other
/// name.
NormAtTest norm_at_test(const std::string& name, const TrainConfig& config);

/// The output for one image, in file units and of the same height and width: mapped to the network's range,
/// padded to its multiple by repeating the border, generated without dropout, cropped and mapped back.
io::Image translate(Network& generator, const io::Image& image, const Intensity& input,
                    const Intensity& output, NormAtTest norm = NormAtTest::running);

/// A checkpoint ready to translate.
class Translator {
 public:
  /// `norm`: running, batch or auto; empty: as the checkpoint's configuration says.
  explicit Translator(const std::filesystem::path& checkpoint, const std::string& norm = "",
                      const nn::Machine& machine = {});

  /// The output has the size of the image; a model trained on resized images sees it at that size.
  /// Throws std::invalid_argument when the image's channels or kind are not those the model was trained on.
  io::Image operator()(const io::Image& image);

  const CheckpointInfo& info() const { return loaded_.info; }
  /// Identifies the generator's weights, 16 hex digits.
  const std::string& fingerprint() const { return loaded_.fingerprint; }

 private:
  LoadedGenerator loaded_;
  NormAtTest norm_;
  std::int64_t height_ = 0, width_ = 0;  // of the last image
};

}  // namespace uptake::gan
