#include "gan/validation.h"

#include <vector>

#include "io/image/band.h"
#include "io/image/montage.h"

namespace uptake::gan {
namespace {
constexpr std::size_t kSamples = 4;
}  // namespace

Summary validate(Network& generator, const io::PairDataset& data, Judged judged, const CheckpointInfo& info,
                 const std::filesystem::path& picture, io::StopFlag stop) {
  std::vector<std::vector<io::Image>> rows;
  const auto look = [&](const CaseResult& r) {
    io::throw_if_set(stop);
    if (rows.size() >= kSamples) return;
    const CaseDisplay shown = display(r);
    rows.push_back({shown.input, shown.prediction, shown.truth});
  };
  const TrainConfig& config = info.config;
  const Summary summary = evaluate(generator, data, config, info.input, info.output,
                                   statistics_at_test(config.norm_at_test, config), look,
                                   judged == Judged::every_pair ? data.size() : kSamples);
  if (info.output.kind == io::SampleKind::counts)  // of patients: the pixels say which one was not acquired
    for (auto& row : rows) row[1] = io::with_band(row[1], {{"", "SYNTHETIC", ""}});
  io::write_png(picture, io::montage(rows, 4),
                {{"Software", info.version}, {"Synthetic", "yes: the second picture of each row"}});
  return summary;
}

}  // namespace uptake::gan
