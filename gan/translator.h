// A trained generator applied to images of any size.
#pragma once
#include <filesystem>
#include <string>

#include "gan/checkpoint.h"

namespace uptake::gan {

/// Where a trained network's batch normalisation takes its statistics from. The reference's test program uses
/// the image at hand (and leaves dropout on); running statistics make the output of one image independent of
/// its batch.
enum class NormAtTest { running, batch };

/// Throws std::invalid_argument for a name that is neither "running" nor "batch".
NormAtTest norm_at_test(const std::string& name);

/// The output for one image, in file units and of the same height and width: mapped to the network's range,
/// padded to its multiple by repeating the border, generated without dropout, cropped and mapped back.
io::Image translate(Network& generator, const io::Image& image, const Intensity& input,
                    const Intensity& output, NormAtTest norm = NormAtTest::running);

/// A checkpoint ready to translate.
class Translator {
 public:
  /// `norm`: running or batch; empty: as the checkpoint's configuration says.
  explicit Translator(const std::filesystem::path& checkpoint, const std::string& norm = "");

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
