// The configuration of a training run: one struct, saved whole in every checkpoint, so that no later command
// needs to be told what the network looks like.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "gan/networks/networks.h"
#include "gan/pix2pix.h"
#include "nn/init.h"
#include "nn/machine.h"
#include "nn/schedule.h"

namespace uptake::gan {

/// Names and defaults are those of the pix2pix reference where it has the option.
struct TrainConfig {
  // Data. Sizes in pixels; 0: as the files are.
  std::string direction = "AtoB";  // AtoB: A is the input; BtoA: B is
  std::int64_t load_size = 286, crop_size = 256;
  bool flip = true;
  // Networks.
  std::string net_g = "unet_256", net_d = "basic", norm = "batch", init_type = "normal";
  std::int64_t n_layers_d = 3, ngf = 64, ndf = 64;
  bool dropout = true;
  double init_gain = 0.02;
  // Training.
  std::string gan_mode = "vanilla", lr_policy = "linear";
  double lambda_l1 = 100, lr = 2e-4, beta1 = 0.5;
  std::int64_t batch_size = 1, epochs = 100, epochs_decay = 100, lr_decay_epochs = 50;
  std::int64_t steps = 0;  // stop after so many steps; 0: after all epochs
  std::uint64_t seed = 0;
  // Machine.
  std::int64_t threads = 0;                                           // 0: all
  std::string precision = "float32", device = "auto", conv = "auto";  // see nn/machine.h
  bool autotune = false, graph = true;
  std::string norm_at_test =
      "auto";  // where batch normalisation takes its statistics from in use: gan/translator.h
  // What the data set says (not options): channels of input and output image.
  std::int64_t input_channels = 0, output_channels = 0;

  bool operator==(const TrainConfig&) const = default;
};

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(TrainConfig, direction, load_size, crop_size, flip, net_g,
                                                net_d, norm, init_type, n_layers_d, ngf, ndf, dropout,
                                                init_gain, gan_mode, lr_policy, lambda_l1, lr, beta1,
                                                batch_size, epochs, epochs_decay, lr_decay_epochs, steps,
                                                seed, threads, precision, device, conv, autotune, graph,
                                                norm_at_test, input_channels, output_channels)

/// Throws std::invalid_argument, one sentence naming the option, for values out of range or at odds with each
/// other.
void check(const TrainConfig& config);

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
