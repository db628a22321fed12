#include "gan/training_data.h"

#include <functional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "gan/data.h"
#include "gan/fingerprint.h"
#include "gan/seen_pairs.h"
#include "gan/trainer.h"

namespace uptake::gan {
namespace {

constexpr std::uintmax_t kCacheBytes = std::uintmax_t{1} << 30;
constexpr int kThreads = 2;

void require_alike(const io::PairDataset& train, const io::PairDataset& validation) {
  if (validation.kind() != train.kind() || validation.a_channels() != train.a_channels() ||
      validation.b_channels() != train.b_channels())
    throw TrainingError("the val split has other channels or another bit depth than the train split");
}

void tell_problems(const io::PairDataset& data, std::ostream& out) {
  std::vector<std::string> left_out;
  for (const auto& problem : data.problems()) left_out.push_back(problem.file + ": " + problem.reason);
  io::tell_first(out, "left out: ", left_out);
}

}  // namespace

TrainingData open_training_data(const std::filesystem::path& folder, io::DatasetOptions options,
                                std::ostream& out) {
  options.cache_bytes = kCacheBytes;
  TrainingData data{io::PairDataset(folder, "train", options), {}, IntensitySurvey(), {}};
  data.intensity = IntensitySurvey(data.train.size());
  PairExaminer examiner(data.train);
  data.train.verify(kThreads, [&](std::size_t i, const io::Pair& pair) {
    examiner(i, pair);
    data.intensity(i, pair);
  });
  data.domain = examiner.domain(Direction::a_to_b);
  if (io::has_split(folder, "val")) {
    data.validation.emplace(folder, "val", options);
    data.validation->verify(kThreads);
  }
  tell_problems(data.train, out);
  if (data.validation) {
    tell_problems(*data.validation, out);
    require_alike(data.train, *data.validation);
  }
  out << "data: " << data.size() << " training pairs, "
      << (data.validation ? std::to_string(data.validation->size()) + " validation pairs"
                          : std::string("no val split"))
      << "\n";
  for (const std::string& remark : data.intensity.remarks()) out << remark << "\n";
  return data;
}

void describe(const TrainingData& data, CheckpointInfo& info) {
  const io::PairDataset& train = data.train;
  const bool a_to_b = info.config.direction == Direction::a_to_b;
  info.config.input_channels = a_to_b ? train.a_channels() : train.b_channels();
  info.config.output_channels = a_to_b ? train.b_channels() : train.a_channels();
  info.input = a_to_b ? data.intensity.a() : data.intensity.b();
  info.output = a_to_b ? data.intensity.b() : data.intensity.a();
  info.trained_on = data.domain;
  if (!a_to_b) std::swap(info.trained_on->input, info.trained_on->target);
  info.progress.data_fingerprint = fingerprint(train);
  Fingerprint pixels;
  add_pixels(train, pixels);
  if (data.validation) add_pixels(*data.validation, pixels);
  info.progress.data_pixels = pixels.hex();
}

}  // namespace uptake::gan
