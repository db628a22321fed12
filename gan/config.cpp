#include "gan/config.h"

#include <map>
#include <stdexcept>

namespace uptake::gan {
namespace {

[[noreturn]] void refuse(const std::string& option, const std::string& found, const std::string& expected) {
  throw std::invalid_argument("--" + option + " is " + found + ", expected " + expected);
}

void require_at_least(const std::string& option, double value, double least) {
  if (!(value >= least))
    refuse(option, nlohmann::json(value).dump(), "at least " + nlohmann::json(least).dump());
}

// The value a name stands for; unknown names are refused with the list of known ones.
template <class T>
T named(const std::string& option, const std::string& name, const std::map<std::string, T>& known) {
  if (const auto found = known.find(name); found != known.end()) return found->second;
  std::string names;
  for (const auto& [key, value] : known) names += (names.empty() ? "" : ", ") + key;
  refuse(option, "'" + name + "'", "one of " + names);
}

NormKind norm_kind(const TrainConfig& c) {
  return named<NormKind>(
      "norm", c.norm,
      {{"batch", NormKind::batch}, {"instance", NormKind::instance}, {"none", NormKind::none}});
}

nn::InitKind init_kind(const TrainConfig& c) {
  using enum nn::InitKind;
  return named<nn::InitKind>(
      "init-type", c.init_type,
      {{"normal", normal}, {"xavier", xavier}, {"kaiming", kaiming}, {"orthogonal", orthogonal}});
}

nn::GanMode gan_mode(const TrainConfig& c) {
  using enum nn::GanMode;
  return named<nn::GanMode>("gan-mode", c.gan_mode,
                            {{"vanilla", vanilla}, {"lsgan", lsgan}, {"hinge", hinge}});
}

nn::LrPolicy lr_policy(const TrainConfig& c) {
  using enum nn::LrPolicy;
  return named<nn::LrPolicy>("lr-policy", c.lr_policy,
                             {{"linear", linear}, {"step", step}, {"cosine", cosine}, {"plateau", plateau}});
}

}  // namespace

void check(const TrainConfig& c) {
  if (c.direction != "AtoB" && c.direction != "BtoA")
    refuse("direction", "'" + c.direction + "'", "AtoB or BtoA");
  require_at_least("load-size", static_cast<double>(c.load_size), 0);
  require_at_least("crop-size", static_cast<double>(c.crop_size), 0);
  if (c.load_size > 0 && c.crop_size > c.load_size)
    throw std::invalid_argument("--crop-size " + std::to_string(c.crop_size) +
                                " is larger than --load-size " + std::to_string(c.load_size) +
                                ", so no crop fits");
  if (!is_generator_name(c.net_g))
    refuse("net-g", "'" + c.net_g + "'",
           "unet_N (unet_128, unet_256, ...) or resnet_Kblocks (resnet_6blocks, ...)");
  if (!is_discriminator_name(c.net_d)) refuse("net-d", "'" + c.net_d + "'", "basic, n_layers or pixel");
  norm_kind(c);
  init_kind(c);
  gan_mode(c);
  lr_policy(c);
  require_at_least("n-layers-d", static_cast<double>(c.n_layers_d), 1);
  require_at_least("ngf", static_cast<double>(c.ngf), 1);
  require_at_least("ndf", static_cast<double>(c.ndf), 1);
  require_at_least("lambda-l1", c.lambda_l1, 0);
  require_at_least("init-gain", c.init_gain, 0);
  require_at_least("lr", c.lr, 0);
  if (!(c.beta1 >= 0 && c.beta1 < 1))
    refuse("beta1", nlohmann::json(c.beta1).dump(), "a number from 0 to below 1");
  require_at_least("batch-size", static_cast<double>(c.batch_size), 1);
  require_at_least("epochs", static_cast<double>(c.epochs), 0);
  require_at_least("epochs-decay", static_cast<double>(c.epochs_decay), 0);
  if (c.epochs + c.epochs_decay < 1)
    throw std::invalid_argument("--epochs and --epochs-decay are both 0: nothing to do");
  if (c.lr_policy == "cosine") require_at_least("epochs", static_cast<double>(c.epochs), 1);
  require_at_least("lr-decay-epochs", static_cast<double>(c.lr_decay_epochs), 1);
  require_at_least("steps", static_cast<double>(c.steps), 0);
  require_at_least("threads", static_cast<double>(c.threads), 0);
  if (c.norm_at_test != "running" && c.norm_at_test != "batch")
    refuse("norm-at-test", "'" + c.norm_at_test + "'", "running or batch");
  if (c.precision != "float32")
    refuse("precision", "'" + c.precision + "'", "float32 (the only one the CPU backend trains in)");
  if (c.device != "auto" && c.device != "cpu" && c.device != "cuda")
    refuse("device", "'" + c.device + "'", "auto, cpu or cuda");
  if (c.device == "cuda")
    throw std::invalid_argument("--device is cuda, but this build of uptake has no CUDA backend");
}

std::unique_ptr<Network> make_generator(const TrainConfig& c) {
  GeneratorOptions o;
  o.net = c.net_g;
  o.in = c.input_channels;
  o.out = c.output_channels;
  o.ngf = c.ngf;
  o.norm = norm_kind(c);
  o.dropout = c.dropout;
  auto network = make_generator(o);
  nn::initialise(network->store(), init_kind(c), c.init_gain, c.seed, 0);
  return network;
}

std::unique_ptr<Network> make_discriminator(const TrainConfig& c) {
  DiscriminatorOptions o;
  o.net = c.net_d;
  o.in = c.input_channels + c.output_channels;
  o.ndf = c.ndf;
  o.layers = c.n_layers_d;
  o.norm = norm_kind(c);
  auto network = make_discriminator(o);
  nn::initialise(network->store(), init_kind(c), c.init_gain, c.seed, 1);
  return network;
}

Pix2PixOptions pix2pix_options(const TrainConfig& c) {
  Pix2PixOptions o;
  o.gan_mode = gan_mode(c);
  o.lambda_l1 = c.lambda_l1;
  o.adam.beta1 = c.beta1;
  return o;
}

nn::ScheduleOptions schedule_options(const TrainConfig& c) {
  return {lr_policy(c), c.lr, c.epochs, c.epochs_decay, c.lr_decay_epochs};
}

}  // namespace uptake::gan
