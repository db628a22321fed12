#include "gan/checkpoint_files.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "gan/trainer.h"
#include "io/base/file.h"

namespace uptake::gan {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kPrefix = "step_", kSuffix = ".safetensors";
constexpr std::size_t kDigits = 8;  // so that names sort as numbers do

std::string numbered_name(std::int64_t step) {
  std::string number = std::to_string(step);
  number.insert(0, number.size() < kDigits ? kDigits - number.size() : 0, '0');
  return std::string(kPrefix) + number + std::string(kSuffix);
}

/// The step of a numbered checkpoint; -1 for other files.
std::int64_t step_of(const std::string& name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return -1;
  const char *begin = name.data() + kPrefix.size(), *end = name.data() + name.size() - kSuffix.size();
  std::int64_t step = -1;
  const auto parsed = std::from_chars(begin, end, step);
  return parsed.ec == std::errc() && parsed.ptr == end && name == numbered_name(step) ? step : -1;
}

void require_finite(const CheckpointInfo& info, Pix2Pix& model) {
  if (!model.generator().store().values().all_finite() ||
      !model.discriminator().store().values().all_finite())
    throw Diverged("the weights are no longer finite after step " + std::to_string(info.progress.step) +
                   ": training has diverged; nothing was saved");
}

}  // namespace

CheckpointFiles::CheckpointFiles(fs::path folder, const TrainConfig& config)
    : folder_(std::move(folder)), config_(config) {}

bool CheckpointFiles::due_by_steps(const Progress& p) const {
  return config_.save_every > 0 && p.step % config_.save_every == 0;
}

bool CheckpointFiles::due_by_epochs(const Progress& p) const {
  return p.epoch % config_.save_every_epochs == 0;
}

bool CheckpointFiles::due_by_time() const {
  const std::chrono::duration<double> since = std::chrono::steady_clock::now() - saved_;
  return config_.save_every_minutes > 0 && since.count() >= 60 * config_.save_every_minutes;
}

void CheckpointFiles::save(const CheckpointInfo& info, Pix2Pix& model, Names names) {
  if (names.best) {
    save_best(info, model);
    io::link_or_copy(best(), last());
  } else {
    require_finite(info, model);
    save_checkpoint(last(), info, model);
  }
  if (names.numbered && config_.keep > 0) keep_numbered(info.progress.step);
  saved_ = std::chrono::steady_clock::now();
}

void CheckpointFiles::save_best(const CheckpointInfo& info, Pix2Pix& model) {
  require_finite(info, model);
  save_generator(folder_ / "generator.safetensors", info, model);
  save_checkpoint(best(), info, model);
}

void CheckpointFiles::keep_numbered(std::int64_t step) const {
  io::link_or_copy(last(), folder_ / numbered_name(step));
  std::vector<std::int64_t> steps;
  for (const auto& entry : fs::directory_iterator(folder_))
    if (const std::int64_t of_file = step_of(entry.path().filename().string()); of_file >= 0)
      steps.push_back(of_file);
  std::ranges::sort(steps);
  for (std::size_t i = 0; i + static_cast<std::size_t>(config_.keep) < steps.size(); ++i) {
    std::error_code ignored;  // one file too many is no reason to end a run
    fs::remove(folder_ / numbered_name(steps[i]), ignored);
  }
}

}  // namespace uptake::gan
