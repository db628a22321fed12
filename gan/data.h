// How pairs become batches: the random draws of an epoch, and what is done to an image before the network
// sees it.
#pragma once
#include <string>
#include <vector>

#include "gan/config.h"
#include "io/pairs/dataset.h"
#include "io/pairs/loader.h"

namespace uptake::gan {

/// Input and output of the network, which of A and B they are being a matter of the direction.
struct Example {
  const io::Image& input;
  const io::Image& target;
};
Example oriented(const io::Pair& pair, const TrainConfig& config);

/// In training: resize to load_size, crop to crop_size (0: as the files are).
io::Preparation training_preparation(const TrainConfig& config);

/// In validation and test: resize straight to the size trained on, no crop; native size if load_size is 0.
io::Preparation test_preparation(const TrainConfig& config);

/// Order, crops and flips of one epoch (from 1): a function of the seed and the epoch alone.
/// Throws OptionError naming the pair whose image is smaller than the crop.
std::vector<io::Draw> epoch_draws(const io::PairDataset& data, const TrainConfig& config, std::int64_t epoch);

/// What the configuration says about how a data set is read.
io::DatasetOptions dataset_options(const TrainConfig& config);

/// 16 hex digits that change with the name of any pair: a run is resumed only on the pairs it was trained on.
std::string fingerprint(const io::PairDataset& data);

class Fingerprint;
/// Adds the pixels of all pairs, after verify().
void add_pixels(const io::PairDataset& data, Fingerprint& fingerprint);

}  // namespace uptake::gan
