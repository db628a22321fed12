// The configuration of a run: a file of lines 'name = value', or the JSON of a checkpoint (a text that begins with '{').
#include <algorithm>

#include "apps/cli.h"
#include "target.h"

using namespace uptake;

namespace {

struct Impossible : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Turns what the JSON's reader may throw into one kind: a checkpoint's reader does the same.
gan::TrainConfig config_of(std::string_view text) {
  try {
    auto config = nlohmann::json::parse(text).get<gan::TrainConfig>();
    gan::check(config);
    return config;
  } catch (const nlohmann::json::exception&) {
    throw Impossible("no JSON of a configuration");
  } catch (const nn::OptionError& e) {
    throw Impossible(e.what());
  }
}

void read_json(std::string_view text) {
  gan::TrainConfig config;
  if (!tests::accepts<Impossible>([&] { config = config_of(text); })) return;
  tests::require(config_of(nlohmann::json(config).dump()) == config,
                 "a configuration is written and read back");
}

// As `uptake train` declares them.
apps::Options options_of(gan::TrainConfig& config) {
  apps::Options options({.name = "train", .synopsis = "", .summary = "", .description = "", .example = ""});
  gan::for_each_option([&](const auto& option) {
    if (option.scope == gan::Scope::data) return;
    options.add(apps::spelled(option.name).substr(2), config.*option.member, option.help);
  });
  return options;
}

// The effective configuration as the text of a file.
std::string parse_file(const std::filesystem::path& path, gan::TrainConfig& config) {
  const apps::Options first = options_of(config);
  const std::vector<std::string> arguments = first.arguments_from(path);
  apps::Options options = options_of(config);
  options.parse(arguments);
  try {
    gan::check(config);
    const auto convolutions = nn::conv_names();
    if (std::ranges::find(convolutions, config.conv) == convolutions.end())
      throw apps::UsageError("no such convolutions");
  } catch (const nn::OptionError& e) {
    throw apps::UsageError(apps::explain(e));
  }
  std::string text;
  for (const auto& [name, value] : options.effective()) text += name + " = " + value + "\n";
  return text;
}

void read_file(std::string_view text) {
  gan::TrainConfig config, again;
  std::string effective;
  const auto path = tests::put_file("config.ini", text);
  if (!tests::accepts<apps::UsageError>([&] { effective = parse_file(path, config); })) return;
  tests::require(parse_file(tests::put_file("again.ini", effective), again) == effective && again == config,
                 "the effective configuration is written and read back");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = tests::view_of(data, size);
  if (text.starts_with("{")) {
    read_json(text);
  } else {
    read_file(text);
  }
  return 0;
}
