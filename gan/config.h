// The configuration of a training run: one struct, saved whole in every checkpoint, so that no later command
// needs to be told what the network looks like. Its fields are the entries of the table in gan/options.h.
#pragma once
#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>

#include "gan/options.h"
#include "gan/pix2pix.h"
#include "nn/enum_names.h"
#include "nn/machine.h"
#include "nn/option_error.h"

namespace uptake::gan {

using nn::OptionError;

struct TrainConfig {
#define UPTAKE_FIELD(type, name, initial, range, scope, help) type name = initial;
  UPTAKE_TRAIN_OPTIONS(UPTAKE_FIELD)
#undef UPTAKE_FIELD

  bool operator==(const TrainConfig&) const = default;
};

/// An entry of the table. T: bool, std::int64_t, std::uint64_t, double, std::string or an enum with names. Range: see
/// gan/options.h.
template <class T, class Range>
struct Option {
  const char* name;
  T TrainConfig::*member;
  Range range;
  Scope scope;
  const char* help;
};

/// Calls visit(option) for every entry, in order.
template <class Visit>
void for_each_option(const Visit& visit) {
#define UPTAKE_VISIT(type, name, initial, range, scope, help) \
  visit(Option<type, decltype(range)>{#name, &TrainConfig::name, range, Scope::scope, help});
  UPTAKE_TRAIN_OPTIONS(UPTAKE_VISIT)
#undef UPTAKE_VISIT
}

/// The shortest text that reads back as the same value: "0.0002", "true", "AtoB".
template <class T>
std::string text_of(const T& value) {
  if constexpr (nn::NamedEnum<T>) {
    return nn::name_of(value);
  } else if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_arithmetic_v<T>) {
    char buffer[32];
    return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr};
  } else {
    return value;
  }
}

/// The value a name stands for. Throws OptionError with the list of names, and the nearest one.
[[noreturn]] void refuse_name(const std::string& option, const std::string& found,
                              const std::vector<std::string>& names);
template <nn::NamedEnum E>
E from_name(const std::string& option, const std::string& text) {
  if (const auto value = nn::from_name<E>(text)) return *value;
  refuse_name(option, text, nn::all_names<E>());
}

/// What an option may be, for its help: "1 to 4096"; empty where its type or its names say it.
std::string range_text(const Between& range);
std::string range_text(const GeneratorName& range);
inline std::string range_text(const ConvName&) { return {}; }
inline std::string range_text(const Any&) { return {}; }

/// Throws OptionError for a value out of range, or for options at odds with each other.
void check(const TrainConfig& config);

/// Throws OptionError for an option that differs and may not (see Scope).
void check_resumable(const TrainConfig& saved, const TrainConfig& now);

/// One key an option, names for enums. Keys that are missing get their default, unknown ones are ignored. from_json
/// throws OptionError for an unknown name and nlohmann's errors for a value of another type.
void to_json(nlohmann::json& json, const TrainConfig& config);
void from_json(const nlohmann::json& json, TrainConfig& config);

/// The networks the configuration asks for, without memory for their parameters (see gan/networks/networks.h).
std::unique_ptr<Network> declare_generator(const TrainConfig& config, const nn::Machine& machine = {});
std::unique_ptr<Network> declare_discriminator(const TrainConfig& config, const nn::Machine& machine = {});

/// The same, allocated and initialised from the seed.
std::unique_ptr<Network> make_generator(const TrainConfig& config, const nn::Machine& machine = {});
std::unique_ptr<Network> make_discriminator(const TrainConfig& config, const nn::Machine& machine = {});

/// What choose_machine() is asked.
nn::MachineOptions machine_options(const TrainConfig& config);

Pix2PixOptions pix2pix_options(const TrainConfig& config);
nn::ScheduleOptions schedule_options(const TrainConfig& config);

}  // namespace uptake::gan
