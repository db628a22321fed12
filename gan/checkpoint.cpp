#include "gan/checkpoint.h"

#include <cmath>
#include <limits>

#include "io/base/file.h"
#include "io/base/sha256.h"
#include "io/tensors/safetensors.h"
#include "nn/state.h"

namespace uptake::gan {
namespace {

constexpr const char* kFormat = "uptake-checkpoint-1";
constexpr const char* kWeightsHash = "weights_sha256";
constexpr const char* kTrainedOn = "trained_on";
constexpr const char *kContents = "contents", *kGeneratorOnly = "generator";

// JSON has no infinity: a plateau that has seen nothing is null.
nlohmann::json number_or_null(double value) {
  return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json();
}

nlohmann::json to_json_text(const Progress& p) {
  return {{"step", p.step},
          {"epoch", p.epoch},
          {"position", p.position},
          {"epoch_l1_sum", p.epoch_l1_sum},
          {"epoch_steps", p.epoch_steps},
          {"best_metric", p.best_metric},
          {"best_epoch", p.best_epoch},
          {"plateau_best", number_or_null(p.plateau.best)},
          {"plateau_bad_epochs", p.plateau.bad_epochs},
          {"plateau_factor", p.plateau.factor},
          {"data_fingerprint", p.data_fingerprint},
          {"data_pixels", p.data_pixels}};
}

// Numbers that a training run can have reached; data is checked against them again when the run goes on.
void check(const Progress& p) {
  const bool possible = p.step >= 0 && p.epoch >= 1 && p.position >= 0 && p.epoch_steps >= 0 &&
                        p.best_epoch >= 0 && p.plateau.bad_epochs >= 0 && p.step < (std::int64_t{1} << 32) &&
                        p.plateau.factor > 0 && p.plateau.factor <= 1 && std::isfinite(p.epoch_l1_sum);
  if (!possible) throw std::invalid_argument("its progress is impossible");
}

Progress progress_from(const nlohmann::json& j) {
  Progress p;
  j.at("step").get_to(p.step);
  j.at("epoch").get_to(p.epoch);
  j.at("position").get_to(p.position);
  j.at("epoch_l1_sum").get_to(p.epoch_l1_sum);
  j.at("epoch_steps").get_to(p.epoch_steps);
  j.at("best_metric").get_to(p.best_metric);
  j.at("best_epoch").get_to(p.best_epoch);
  const auto& best = j.at("plateau_best");
  p.plateau.best = best.is_null() ? std::numeric_limits<double>::infinity() : best.get<double>();
  j.at("plateau_bad_epochs").get_to(p.plateau.bad_epochs);
  j.at("plateau_factor").get_to(p.plateau.factor);
  j.at("data_fingerprint").get_to(p.data_fingerprint);
  p.data_pixels = j.value("data_pixels", "");
  check(p);
  return p;
}

CheckpointInfo info_of(const io::Safetensors& file) {
  const auto format = file.metadata.find("format");
  if (format == file.metadata.end() || format->second != kFormat)
    throw io::FileError(file.source,
                        std::string("is a safetensors file, but no checkpoint of Uptake (its format is ") +
                            (format == file.metadata.end() ? "not named" : "'" + format->second + "'") +
                            ", expected '" + kFormat + "')");
  try {
    CheckpointInfo info;
    info.config = nlohmann::json::parse(file.metadata.at("config")).get<TrainConfig>();
    check(info.config);
    info.progress = progress_from(nlohmann::json::parse(file.metadata.at("progress")));
    const auto intensity = nlohmann::json::parse(file.metadata.at("intensity"));
    info.input = intensity.at("input").get<Intensity>();
    info.output = intensity.at("output").get<Intensity>();
    if (const auto domain = file.metadata.find(kTrainedOn); domain != file.metadata.end())
      info.trained_on = nlohmann::json::parse(domain->second).get<TrainingDomain>();
    info.version = file.metadata.at("version");
    if (const auto hash = file.metadata.find(kWeightsHash); hash != file.metadata.end())
      info.weights_sha256 = hash->second;
    if (const auto contents = file.metadata.find(kContents); contents != file.metadata.end())
      info.generator_only = contents->second == kGeneratorOnly;
    if (info.config.input_channels < 1 || info.config.output_channels < 1)
      throw std::invalid_argument("its networks have no channels");
    return info;
  } catch (const std::exception& e) {
    throw io::FileError(file.source, std::string("its description cannot be understood: ") + e.what());
  }
}

std::string weights_sha256(const io::Safetensors& file) {
  io::Sha256 hash;
  for (const auto& [name, tensor] : file.tensors)
    if (name.starts_with("g.")) hash.add(tensor.data);
  return hash.hex();
}

/// info_of a file with the generator's tensors, which are checked against their hash.
CheckpointInfo checked_info_of(const io::Safetensors& file) {
  CheckpointInfo info = info_of(file);
  const std::string hash = weights_sha256(file);
  if (!info.weights_sha256.empty() && info.weights_sha256 != hash)
    throw io::FileError(file.source, "is damaged: its weights have the SHA-256 " + hash + ", expected " +
                                         info.weights_sha256);
  info.weights_sha256 = hash;
  return info;
}

/// A file that says what the checkpoint says, without tensors.
io::Safetensors described(const CheckpointInfo& info) {
  io::Safetensors file;
  file.metadata["format"] = kFormat;
  file.metadata["version"] = info.version;
  file.metadata["config"] = nlohmann::json(info.config).dump();
  file.metadata["progress"] = to_json_text(info.progress).dump();
  file.metadata["intensity"] = nlohmann::json{{"input", info.input}, {"output", info.output}}.dump();
  if (info.trained_on) file.metadata[kTrainedOn] = nlohmann::json(*info.trained_on).dump();
  return file;
}

void put_counter(io::Safetensors& file, const char* name, std::int64_t value) {
  file.put(name, {}, std::span<const std::int64_t>(&value, 1));
}

std::int64_t counter(const io::Safetensors& file, const char* name) {
  const auto values = file.as_i64(name);
  if (values.size() != 1 || values[0] < 0)
    throw io::FileError(file.source, std::string(name) + " is not a number of steps");
  return values[0];
}

}  // namespace

void save_checkpoint(const std::filesystem::path& path, const CheckpointInfo& info, Pix2Pix& model) {
  io::Safetensors file = described(info);
  auto &g = model.generator().store(), &d = model.discriminator().store();
  put_state(file, "g.", g);
  put_state(file, "d.", d);
  put_adam(file, "adam.g.", g, model.generator_adam());
  put_adam(file, "adam.d.", d, model.discriminator_adam());
  put_counter(file, "adam.g.step", model.generator_adam().steps_taken);
  put_counter(file, "adam.d.step", model.discriminator_adam().steps_taken);
  file.metadata[kWeightsHash] = weights_sha256(file);
  io::write_safetensors(path, file);
}

void save_generator(const std::filesystem::path& path, const CheckpointInfo& info, Pix2Pix& model) {
  io::Safetensors file = described(info);
  file.metadata[kContents] = kGeneratorOnly;
  put_state(file, "g.", model.generator().store());
  file.metadata[kWeightsHash] = weights_sha256(file);
  io::write_safetensors(path, file);
}

CheckpointInfo read_checkpoint_info(const std::filesystem::path& path) {
  return info_of(io::read_safetensors(path, [](std::string_view) { return false; }));
}

LoadedGenerator load_generator(const std::filesystem::path& path, const nn::Machine& machine) {
  const auto file = io::read_safetensors(path, [](std::string_view name) { return name.starts_with("g."); });
  LoadedGenerator loaded{checked_info_of(file), nullptr};
  loaded.network = declare_generator(loaded.info.config, machine);
  require_state(file, "g.", loaded.network->store());
  loaded.network->store().allocate();
  get_state(file, "g.", loaded.network->store());
  return loaded;
}

void require_checkpoint(const std::filesystem::path& path) {
  const auto file = io::read_safetensors(path);
  const CheckpointInfo info = checked_info_of(file);
  if (info.generator_only)
    throw io::FileError(
        path,
        "holds the generator alone, for translation and evaluation: there is nothing to resume "
        "from, expected a last.safetensors of a run");
  require_state(file, "g.", declare_generator(info.config)->store());
  require_state(file, "d.", declare_discriminator(info.config)->store());
}

void load_checkpoint(const std::filesystem::path& path, Pix2Pix& model) {
  const auto file = io::read_safetensors(path);
  checked_info_of(file);
  auto &g = model.generator().store(), &d = model.discriminator().store();
  get_state(file, "g.", g);
  get_state(file, "d.", d);
  get_adam(file, "adam.g.", g, model.generator_adam());
  get_adam(file, "adam.d.", d, model.discriminator_adam());
  model.generator_adam().steps_taken = counter(file, "adam.g.step");
  model.discriminator_adam().steps_taken = counter(file, "adam.d.step");
}

}  // namespace uptake::gan
