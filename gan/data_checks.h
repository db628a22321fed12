// What is asked of the data before the first step: images that fit the networks and each other, and splits that share
// nothing.
#pragma once
#include <filesystem>
#include <iosfwd>

#include "gan/config.h"
#include "gan/training_data.h"
#include "io/pairs/dataset.h"

namespace uptake::gan {

/// Tells on `out` what is odd, each sentence once and at most 20 of them. The test split, if there is one, is read as
/// `options` say, to be compared with the others. Throws io::FileError when a patient or a DICOM image is in two splits,
/// OptionError as check_sizes does.
void check_training_data(const TrainingData& data, const std::filesystem::path& folder,
                         const TrainConfig& config, io::DatasetOptions options, std::ostream& out);

/// Throws OptionError, naming files and their sizes, when the images cannot be put into batches, are smaller than the
/// crop, or too small for the networks; `size_multiple`: the generator's.
void check_sizes(const io::PairDataset& train, const io::PairDataset* validation, const TrainConfig& config,
                 std::int64_t size_multiple);

/// A sentence about the first training image that is padded to more than twice its height or width; "" if none is.
std::string padding_warning(const io::PairDataset& train, const TrainConfig& config,
                            std::int64_t size_multiple);

/// What was wanted when memory ran out: size of images and batches, and the networks. `train`: null before it is open.
OptionError out_of_memory(const TrainConfig& config, const io::PairDataset* train);

}  // namespace uptake::gan
