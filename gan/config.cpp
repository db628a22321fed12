#include "gan/config.h"

#include <map>
#include <stdexcept>
#include <vector>

#include "io/base/text.h"
#include "io/report/chart.h"

namespace uptake::gan {
namespace {

[[noreturn]] void refuse(const std::string& option, const std::string& found, const std::string& expected) {
  throw std::invalid_argument("--" + option + " is " + found + ", expected " + expected);
}

void require_between(const std::string& option, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value < least || value > most)
    refuse(option, std::to_string(value),
           "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
}

void require_not_negative(const std::string& option, double value) {
  if (!(value >= 0 && value <= 1e6)) refuse(option, io::number_text(value), "a number from 0 to 1e6");
}

// The value a name stands for; unknown names are refused with the list of known ones.
template <class T>
T named(const std::string& option, const std::string& name, const std::map<std::string, T>& known) {
  if (const auto found = known.find(name); found != known.end()) return found->second;
  std::vector<std::string> names;
  std::string list;
  for (const auto& [key, value] : known) {
    names.push_back(key);
    list += (list.empty() ? "" : ", ") + key;
  }
  const std::string nearest = io::nearest_name(name, names);
  refuse(option, "'" + name + "'",
         "one of " + list + (nearest.empty() ? "" : " (did you mean " + nearest + "?)"));
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
  constexpr std::int64_t kMany = 1'000'000'000;  // more than anybody trains, and no sum of two overflows
  constexpr std::int64_t kPixels = 65536, kFilters = 4096;
  named<bool>("direction", c.direction, {{"AtoB", true}, {"BtoA", false}});
  require_between("load-size", c.load_size, 0, kPixels);
  require_between("crop-size", c.crop_size, 0, kPixels);
  if (c.load_size > 0 && c.crop_size > c.load_size)
    throw std::invalid_argument("--crop-size " + std::to_string(c.crop_size) +
                                " is larger than --load-size " + std::to_string(c.load_size) +
                                ", so no crop fits");
  if (!is_generator_name(c.net_g)) {
    const std::string nearest = io::nearest_name(
        c.net_g, {"unet_256", "unet_128", "unet_64", "unet_32", "resnet_9blocks", "resnet_6blocks"});
    refuse("net-g", "'" + c.net_g + "'",
           "unet_N with N a power of two, or resnet_Kblocks" +
               (nearest.empty() ? "" : " (did you mean " + nearest + "?)"));
  }
  named<bool>("net-d", c.net_d, {{"basic", true}, {"n_layers", true}, {"pixel", true}});
  norm_kind(c);
  init_kind(c);
  gan_mode(c);
  lr_policy(c);
  require_between("n-layers-d", c.n_layers_d, 1, 10);
  if (c.n_layers_d != TrainConfig().n_layers_d && c.net_d != "n_layers")
    throw std::invalid_argument("--n-layers-d is for --net-d n_layers, but --net-d is " + c.net_d);
  require_between("ngf", c.ngf, 1, kFilters);
  require_between("ndf", c.ndf, 1, kFilters);
  require_not_negative("lambda-l1", c.lambda_l1);
  require_not_negative("init-gain", c.init_gain);
  require_not_negative("lr", c.lr);
  if (!(c.beta1 >= 0 && c.beta1 < 1)) refuse("beta1", io::number_text(c.beta1), "a number from 0 to below 1");
  require_between("batch-size", c.batch_size, 1, 65536);
  require_between("epochs", c.epochs, 0, kMany);
  require_between("epochs-decay", c.epochs_decay, 0, kMany);
  if (c.epochs + c.epochs_decay < 1)
    throw std::invalid_argument("--epochs and --epochs-decay are both 0: nothing to do");
  if (c.lr_policy == "cosine" && c.epochs == 0)
    throw std::invalid_argument("--lr-policy cosine has the period --epochs, which is 0");
  require_between("lr-decay-epochs", c.lr_decay_epochs, 1, kMany);
  if (c.lr_decay_epochs != TrainConfig().lr_decay_epochs && c.lr_policy != "step")
    throw std::invalid_argument("--lr-decay-epochs is for --lr-policy step, but --lr-policy is " +
                                c.lr_policy);
  require_between("steps", c.steps, 0, kMany);
  require_between("threads", c.threads, 0, 1024);
  named<bool>("norm-at-test", c.norm_at_test, {{"auto", true}, {"running", true}, {"batch", true}});
  named<bool>("precision", c.precision, {{"float32", true}, {"tf32", true}, {"bf16", true}});
  named<bool>("device", c.device, {{"auto", true}, {"cpu", true}, {"cuda", true}});
  named<bool>("conv", c.conv, {{"auto", true}, {"own", true}, {"cudnn", true}});
  if (c.device == "cpu" && c.precision != "float32")
    throw std::invalid_argument("--precision " + c.precision +
                                " is for the GPU, but --device is cpu, which computes in float32");
  require_between("input channels", c.input_channels, 0, 1024);
  require_between("output channels", c.output_channels, 0, 1024);
}

std::unique_ptr<Network> declare_generator(const TrainConfig& c, const nn::Machine& machine) {
  GeneratorOptions o;
  o.net = c.net_g;
  o.in = c.input_channels;
  o.out = c.output_channels;
  o.ngf = c.ngf;
  o.norm = norm_kind(c);
  o.dropout = c.dropout;
  o.dtype = machine.dtype;
  o.device = machine.device;
  return declare_generator(o);
}

std::unique_ptr<Network> declare_discriminator(const TrainConfig& c, const nn::Machine& machine) {
  DiscriminatorOptions o;
  o.net = c.net_d;
  o.in = c.input_channels + c.output_channels;
  o.ndf = c.ndf;
  o.layers = c.n_layers_d;
  o.norm = norm_kind(c);
  o.dtype = machine.dtype;
  o.device = machine.device;
  return declare_discriminator(o);
}

std::unique_ptr<Network> make_generator(const TrainConfig& c, const nn::Machine& machine) {
  auto network = declare_generator(c, machine);
  network->store().allocate();
  nn::initialise(network->store(), init_kind(c), c.init_gain, c.seed, 0);
  return network;
}

std::unique_ptr<Network> make_discriminator(const TrainConfig& c, const nn::Machine& machine) {
  auto network = declare_discriminator(c, machine);
  network->store().allocate();
  nn::initialise(network->store(), init_kind(c), c.init_gain, c.seed, 1);
  return network;
}

nn::MachineOptions machine_options(const TrainConfig& c) {
  return {c.device, c.precision, c.conv, c.autotune, c.graph};
}

Pix2PixOptions pix2pix_options(const TrainConfig& c) {
  Pix2PixOptions o;
  o.gan_mode = gan_mode(c);
  o.lambda_l1 = c.lambda_l1;
  o.adam.beta1 = c.beta1;
  o.graph = c.graph;
  return o;
}

nn::ScheduleOptions schedule_options(const TrainConfig& c) {
  return {lr_policy(c), c.lr, c.epochs, c.epochs_decay, c.lr_decay_epochs};
}

}  // namespace uptake::gan
