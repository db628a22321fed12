#include "gan/config.h"

#include <algorithm>

#include "io/base/text.h"

namespace uptake::gan {
namespace {

using nn::option_name;

// A bound as people write it: "65536", "1000000".
std::string bound_text(double bound) {
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, bound, std::chars_format::fixed).ptr};
}

template <class T>
void check_value(const Option<T, Any>& option, const T& value) {
  if constexpr (std::is_enum_v<T>) {
    const auto known = names(value);
    if (std::ranges::none_of(known, [&](const auto& name) { return name.first == value; }))
      refuse_name(option.name, std::to_string(static_cast<int>(value)), nn::all_names<T>());
  }
}

template <class T>
void check_value(const Option<T, Between>& option, T value) {
  const auto number = static_cast<double>(value);
  const Between& range = option.range;
  if (number >= range.least && (range.below ? number < range.most : number <= range.most)) return;
  throw OptionError(option.name, text_of(value),
                    (std::is_integral_v<T> ? "a whole number from " : "a number from ") + range_text(range));
}

void check_value(const Option<std::string, ConvName>&, const std::string&) {}

void check_value(const Option<std::string, GeneratorName>& option, const std::string& value) {
  if (is_generator_name(value)) return;
  const std::string nearest = io::nearest_name(
      value, {"unet_256", "unet_128", "unet_64", "unet_32", "resnet_9blocks", "resnet_6blocks"});
  throw OptionError(option.name, "'" + io::printable(value) + "'",
                    range_text(option.range) + (nearest.empty() ? "" : " (did you mean " + nearest + "?)"));
}

}  // namespace

void refuse_name(const std::string& option, const std::string& found, const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  const std::string nearest = io::nearest_name(found, names);
  throw OptionError(option, "'" + io::printable(found) + "'",
                    "one of " + list + (nearest.empty() ? "" : " (did you mean " + nearest + "?)"));
}

std::string range_text(const Between& range) {
  return bound_text(range.least) + " to " + (range.below ? "below " : "") + bound_text(range.most);
}

std::string range_text(const GeneratorName&) { return "unet_N with N a power of two, or resnet_Kblocks"; }

void check(const TrainConfig& c) {
  for_each_option([&](const auto& option) { check_value(option, c.*option.member); });
  const TrainConfig initial;
  if (c.load_size > 0 && c.crop_size > c.load_size)
    throw OptionError({option_name("crop_size"), " " + text_of(c.crop_size) + " is larger than ",
                       option_name("load_size"), " " + text_of(c.load_size) + ", so no crop fits"});
  if (c.n_layers_d != initial.n_layers_d && c.net_d != DiscriminatorKind::n_layers)
    throw OptionError({option_name("n_layers_d"), " is for ", option_name("net_d"), " n_layers, but ",
                       option_name("net_d"), " is " + text_of(c.net_d)});
  if (c.epochs + c.epochs_decay < 1)
    throw OptionError(
        {option_name("epochs"), " and ", option_name("epochs_decay"), " are both 0: nothing to do"});
  if (c.lr_policy == nn::LrPolicy::cosine && c.epochs == 0)
    throw OptionError(
        {option_name("lr_policy"), " cosine has the period ", option_name("epochs"), ", which is 0"});
  if (c.lr_decay_epochs != initial.lr_decay_epochs && c.lr_policy != nn::LrPolicy::step)
    throw OptionError({option_name("lr_decay_epochs"), " is for ", option_name("lr_policy"), " step, but ",
                       option_name("lr_policy"), " is " + text_of(c.lr_policy)});
  if (c.device == nn::DeviceChoice::cpu && c.precision != nn::Precision::float32)
    throw OptionError({option_name("precision"), " " + text_of(c.precision) + " is for the GPU, but ",
                       option_name("device"), " is cpu, which computes in float32"});
}

void check_resumable(const TrainConfig& saved, const TrainConfig& now) {
  for_each_option([&](const auto& option) {
    const auto &before = saved.*option.member, &after = now.*option.member;
    if (may_change(option.scope) || before == after) return;
    throw OptionError({option_name(option.name),
                       " is " + text_of(after) + ", but the run being resumed has " + text_of(before)});
  });
}

void to_json(nlohmann::json& json, const TrainConfig& c) {
  json = nlohmann::json::object();
  for_each_option([&](const auto& option) {
    const auto& value = c.*option.member;
    if constexpr (std::is_enum_v<std::remove_cvref_t<decltype(value)>>)
      json[option.name] = nn::name_of(value);
    else
      json[option.name] = value;
  });
}

void from_json(const nlohmann::json& json, TrainConfig& c) {
  c = {};
  for_each_option([&](const auto& option) {
    auto& value = c.*option.member;
    using T = std::remove_cvref_t<decltype(value)>;
    if constexpr (std::is_enum_v<T>)
      value = from_name<T>(option.name, json.value(option.name, nn::name_of(value)));
    else
      value = json.value(option.name, value);
  });
}

std::unique_ptr<Network> declare_generator(const TrainConfig& c, const nn::Machine& machine) {
  GeneratorOptions o;
  o.net = c.net_g;
  o.in = c.input_channels;
  o.out = c.output_channels;
  o.ngf = c.ngf;
  o.norm = c.norm;
  o.dropout = c.dropout;
  o.upsample = c.upsample;
  o.machine = machine;
  return declare_generator(o);
}

std::unique_ptr<Network> declare_discriminator(const TrainConfig& c, const nn::Machine& machine) {
  DiscriminatorOptions o;
  o.net = c.net_d;
  o.in = c.input_channels + c.output_channels;
  o.ndf = c.ndf;
  o.layers = c.n_layers_d;
  o.norm = c.norm;
  o.machine = machine;
  return declare_discriminator(o);
}

std::unique_ptr<Network> make_generator(const TrainConfig& c, const nn::Machine& machine) {
  auto network = declare_generator(c, machine);
  network->store().allocate();
  nn::initialise(network->store(), c.init_type, c.init_gain, c.seed, 0);
  return network;
}

std::unique_ptr<Network> make_discriminator(const TrainConfig& c, const nn::Machine& machine) {
  auto network = declare_discriminator(c, machine);
  network->store().allocate();
  nn::initialise(network->store(), c.init_type, c.init_gain, c.seed, 1);
  return network;
}

nn::MachineOptions machine_options(const TrainConfig& c) {
  return {c.device, c.precision, c.conv, c.autotune};
}

Pix2PixOptions pix2pix_options(const TrainConfig& c) {
  Pix2PixOptions o;
  o.gan_mode = c.gan_mode;
  o.lambda_l1 = c.lambda_l1;
  o.adam.beta1 = c.beta1;
  o.graph = c.graph;
  return o;
}

nn::ScheduleOptions schedule_options(const TrainConfig& c) {
  return {c.lr_policy, c.lr, c.epochs, c.epochs_decay, c.lr_decay_epochs};
}

}  // namespace uptake::gan
