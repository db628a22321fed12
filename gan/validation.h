// The generator of a run judged at the end of an epoch, with a few sample pictures to look at.
#pragma once
#include <filesystem>

#include "gan/checkpoint.h"
#include "gan/evaluation.h"

namespace uptake::gan {

/// How much of the data set is looked at.
enum class Judged { every_pair, samples };

/// Metrics over a data set, or over the pairs of the sample pictures alone: up to four rows of input, prediction and
/// truth, written to `picture` in either case. Throws io::FileError, and io::Interrupted by `stop` after the pair
/// under way.
Summary validate(Network& generator, const io::PairDataset& data, Judged judged, const CheckpointInfo& info,
                 const std::filesystem::path& picture, io::StopFlag stop);

}  // namespace uptake::gan
