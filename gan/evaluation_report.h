// An evaluation as files: the metrics of every case, their statistics, and a page to look at.
#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "gan/checkpoint.h"
#include "gan/evaluation.h"

namespace uptake::gan {

/// What was judged, as the files name it; the folder of the checkpoint is also where a run's curves are looked for.
struct EvaluationNames {
  std::filesystem::path checkpoint, data;
  std::string split;
  std::size_t outside = 0;  // pairs that are not like those trained on, and judged all the same
};

struct EvaluationOptions {
  bool save_images = false;     // write every prediction, too
  io::PngTexts image_texts{};   // into their files
  io::StopFlag stop = nullptr;  // ends it by io::Interrupted
};

struct EvaluationResult {
  std::size_t cases = 0;
  Statistics l1, relative_l1, nrmse, psnr, ssim;
  Statistics data_range;                          // of PSNR and SSIM, one for each case (see data_range_of)
  std::string unit;                               // of L1: "counts", "of 255" or "of 65535"
  std::optional<io::FixedPattern> fixed_pattern;  // of counts, where there are cases enough
  std::filesystem::path report;
};

/// Judges the model on every pair of the data set and writes into `out`:
///   metrics.csv   a line for each case: case, l1 (units of the files), relative_l1, nrmse, psnr_db, ssim, data_range;
///                 15 digits
///   summary.json  names, SHA-256 of the weights, number of cases and of files left out, Statistics of each metric and
///                 of the data ranges, fixed_pattern (null where none could be measured)
///   report.html   one self-contained page: figures, up to 24 cases as pictures (large ones reduced), the curves of
///                 the run, every case
///   key.csv       for cohorts and counts, whose cases are numbers everywhere else: which patient and files each one is;
///                 mode 0600
///   images/       with save_images: NAME.png, or case_1.png, for each case: the prediction in the samples of the files,
///                 at the size it was judged at; counts are rounded, 16 bit
/// Throws io::Interrupted when it is stopped before all pairs are judged (then there is no report), io::FileError
/// when the images are not of the channels and kind the model was trained on (before anything
/// is written), or a file cannot be written.
EvaluationResult write_evaluation(LoadedGenerator& model, const io::PairDataset& data,
                                  nn::StatisticsFrom statistics, const EvaluationNames& names,
                                  const std::filesystem::path& out, const EvaluationOptions& options = {});

}  // namespace uptake::gan
