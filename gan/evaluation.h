// A generator judged on a split: metrics of every pair, and their summary.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gan/data.h"
#include "gan/metrics.h"
#include "gan/translator.h"
#include "io/scan/fixed_pattern.h"

namespace uptake::gan {

/// One pair: its name, its metrics, and the three images in file units.
struct CaseResult {
  std::string name;
  ImageMetrics metrics;
  io::Image input, prediction, truth;
};

/// Of the finite values only, since PSNR is infinite where prediction and truth are equal: mean, standard deviation
/// of the sample (n - 1; 0 for one value) and median (of an even number the mean of the middle two). Without a finite
/// value mean and median are infinite and sd is 0.
struct Statistics {
  double mean = 0, sd = 0, median = 0;
};
Statistics statistics(std::vector<double> values);

struct Summary {
  std::size_t cases = 0;
  ImageMetrics mean;  // psnr, relative_l1, nrmse: over the cases with a finite one, infinite if none has
  std::optional<io::FixedPattern> fixed_pattern;  // of counts, where there are cases enough
};

/// Translates the first `count` pairs of the data set (all when it has fewer), in order, and hands each
/// result to `on_case`. Each case has the data range of its own truth (data_range_of).
Summary evaluate(Network& generator, const io::PairDataset& data, const TrainConfig& config,
                 const Intensity& input, const Intensity& output, nn::StatisticsFrom statistics,
                 const std::function<void(const CaseResult&)>& on_case = {}, std::size_t count = SIZE_MAX);

/// As gray or color levels for people, from 0 to `window`: pictures linearly from black to white, counts on a square-root
/// scale from white to black, as bone scans are shown.
io::Image display(const io::Image& image, double window);

/// A case as people compare it, each image up to its data_range_of but the prediction up to the truth's; and what captions
/// say of these windows: "0 to 312 counts".
struct CaseDisplay {
  io::Image input, prediction, truth;
  std::string input_window, window;
};
CaseDisplay display(const CaseResult& result);

}  // namespace uptake::gan
