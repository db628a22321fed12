// The options of a training run, each declared once. The struct TrainConfig, the JSON in a checkpoint, check(), the
// command line, the config file and the rule of what may change on resume are visits of this table
// (for_each_option in gan/config.h): a new option is a new entry, and nothing else.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "gan/networks/networks.h"
#include "nn/init.h"
#include "nn/losses.h"
#include "nn/machine.h"
#include "nn/schedule.h"

namespace uptake::gan {

/// Which image of a pair the network is given.
enum class Direction { a_to_b, b_to_a };
constexpr auto names(Direction) {
  return std::to_array<std::pair<Direction, const char*>>(
      {{Direction::a_to_b, "AtoB"}, {Direction::b_to_a, "BtoA"}});
}

/// Where a trained network's batch normalisation takes its statistics from: those gathered in training, which make
/// the output independent of everything but the weights, or those of the image at hand, as the reference's test
/// program does (which also leaves dropout on). automatic: of the image for a model trained with batches of one, whose
/// normalisation always saw the statistics of one image and no others, else those gathered.
enum class NormAtTest { automatic, running, batch };
constexpr auto names(NormAtTest) {
  return std::to_array<std::pair<NormAtTest, const char*>>(
      {{NormAtTest::automatic, "auto"}, {NormAtTest::running, "running"}, {NormAtTest::batch, "batch"}});
}

/// What an option belongs to.
enum class Scope {
  run,      // holds from a run's first step to its last
  length,   // how long to train; may change on resume
  files,    // what is read and saved, and when; may change on resume
  machine,  // where to compute and how; may change on resume
  data      // what the data set says: in the checkpoint, but no option
};
constexpr bool may_change(Scope scope) {
  return scope == Scope::length || scope == Scope::files || scope == Scope::machine;
}

/// The values an option may have: every one of its type,
struct Any {};
/// numbers, `most` itself excluded if `below`,
struct Between {
  double least, most;
  bool below = false;
};
constexpr Between between(double least, double most) { return {least, most}; }
constexpr Between from_to_below(double least, double most) { return {least, most, true}; }
/// names that is_generator_name() knows,
struct GeneratorName {};
/// or names that nn::choose_machine() knows: not refused before, for a checkpoint may come from a build with others.
struct ConvName {};

constexpr double kMany = 1e9;  // more than anybody trains, and no sum of two overflows
constexpr double kPixels = 65536, kFilters = 4096;

// OPTION(type, name, default, range, scope, help). The name is that of the field and the JSON key, and with '-' for '_'
// that on the command line and in config files. Names and defaults are those of the pix2pix reference where it has the
// option. The help of an option with names for values need not list them.
#define UPTAKE_TRAIN_OPTIONS(OPTION)                                                                         \
  /* Data. */                                                                                                \
  OPTION(Direction, direction, Direction::a_to_b, Any{}, run,                                                \
         "AtoB: A is the input, B the output; BtoA: the other way round")                                    \
  OPTION(std::int64_t, load_size, 286, between(0, kPixels), run,                                             \
         "size images are resized to before cropping, pixels; 0: as they are")                               \
  OPTION(std::int64_t, crop_size, 256, between(0, kPixels), run,                                             \
         "size of the random square crop, pixels; 0: the whole image")                                       \
  OPTION(bool, flip, true, Any{}, run, "mirror half of the pairs left to right")                             \
  OPTION(bool, match_matrix, false, Any{}, run,                                                              \
         "where the two DICOM files of a pair show one field of view with different matrices, resample the " \
         "output image to the input's, keeping its counts, instead of refusing the pair")                    \
  OPTION(bool, allow_synthetic, false, Any{}, run,                                                           \
         "train on DICOM files that are derived or synthetic (predictions, for example); what the phantom "  \
         "writes is always taken")                                                                           \
  OPTION(bool, allow_outside, false, Any{}, run,                                                             \
         "let cohort.csv name files outside of the folder of --data")                                        \
  /* Networks. */                                                                                            \
  OPTION(std::string, net_g, "unet_256", GeneratorName{}, run,                                               \
         "generator: unet_256, unet_128, resnet_9blocks, resnet_6blocks, others")                            \
  OPTION(DiscriminatorKind, net_d, DiscriminatorKind::basic, Any{}, run,                                     \
         "discriminator: basic (70x70 patches), n_layers, pixel")                                            \
  OPTION(std::int64_t, n_layers_d, 3, between(1, 10), run, "layers of the n_layers discriminator")           \
  OPTION(std::int64_t, ngf, 64, between(1, kFilters), run, "filters of the generator's first level")         \
  OPTION(std::int64_t, ndf, 64, between(1, kFilters), run, "filters of the discriminator's first level")     \
  OPTION(NormKind, norm, NormKind::batch, Any{}, run, "normalisation")                                       \
  OPTION(bool, dropout, true, Any{}, run, "dropout of 0.5 in the generator")                                 \
  OPTION(Upsampling, upsample, Upsampling::convtranspose, Any{}, run,                                        \
         "how the generator doubles the size on its way up: convtranspose (transposed convolution, as the "  \
         "reference), nearest or bilinear (enlarge, then a 3x3 convolution: no lattice of fixed pixels)")    \
  OPTION(nn::InitKind, init_type, nn::InitKind::normal, Any{}, run, "initial weights")                       \
  OPTION(double, init_gain, 0.02, between(0, 1e6), run, "their scale")                                       \
  /* Training. */                                                                                            \
  OPTION(nn::GanMode, gan_mode, nn::GanMode::vanilla, Any{}, run,                                            \
         "adversarial loss: vanilla (cross-entropy), lsgan (squares), hinge")                                \
  OPTION(double, lambda_l1, 100, between(0, 1e6), run, "weight of the L1 loss")                              \
  OPTION(double, lr, 2e-4, between(0, 1e6), run, "initial learning rate of Adam")                            \
  OPTION(double, beta1, 0.5, from_to_below(0, 1), run, "first momentum of Adam")                             \
  OPTION(nn::LrPolicy, lr_policy, nn::LrPolicy::linear, Any{}, run, "learning rate over epochs")             \
  OPTION(std::int64_t, lr_decay_epochs, 50, between(1, kMany), run,                                          \
         "epochs between the tenfold reductions of the policy step")                                         \
  OPTION(std::int64_t, batch_size, 1, between(1, 65536), run, "pairs a step")                                \
  OPTION(std::int64_t, epochs, 100, between(0, kMany), length, "epochs at the initial learning rate")        \
  OPTION(std::int64_t, epochs_decay, 100, between(0, kMany), length,                                         \
         "epochs after these, in which it falls to zero")                                                    \
  OPTION(std::int64_t, steps, 0, between(0, kMany), length, "stop after so many steps; 0: after all epochs") \
  OPTION(std::uint64_t, seed, 0, Any{}, run, "of all random numbers")                                        \
  OPTION(NormAtTest, norm_at_test, NormAtTest::automatic, Any{}, run,                                        \
         "where batch normalisation takes its statistics from when the model is used: running (gathered in " \
         "training), batch (of the image at hand, as the reference's test program does), auto (batch if it " \
         "was trained with batches of one, else running)")                                                   \
  /* Files. */                                                                                               \
  OPTION(std::int64_t, save_every, 0, between(0, kMany), files,                                              \
         "save last.safetensors every so many steps, too; 0: not by steps")                                  \
  OPTION(std::int64_t, save_every_epochs, 1, between(1, kMany), files,                                       \
         "save it at the end of every so many epochs; at the end of the best one in any case")               \
  OPTION(double, save_every_minutes, 10, between(0, 1e6), files,                                             \
         "save it when that was last done so many minutes ago; 0: not by time")                              \
  OPTION(std::int64_t, keep, 0, between(0, 1e6), files,                                                      \
         "so many older checkpoints stay, too, as step_N.safetensors: those due by steps and epochs")        \
  OPTION(bool, skip_bad, false, Any{}, files,                                                                \
         "leave unpaired, unreadable and mismatched files out instead of refusing to start")                 \
  /* Machine: see nn/machine.h. */                                                                           \
  OPTION(std::int64_t, threads, 0, between(0, 1024), machine, "CPU threads; 0: all")                         \
  OPTION(nn::DeviceChoice, device, nn::DeviceChoice::automatic, Any{}, machine,                              \
         "where to compute: auto (the GPU if one can be used), cpu, cuda")                                   \
  OPTION(nn::Precision, precision, nn::Precision::float32, Any{}, machine,                                   \
         "of images and convolutions: float32; on the GPU also tf32 (float32, with cuDNN's convolutions "    \
         "rounding to 10 bits of mantissa) and bf16 (weights and statistics stay float32)")                  \
  OPTION(std::string, conv, "auto", ConvName{}, machine,                                                     \
         "who computes convolutions: the first of these that supports a shape, from the named one on")       \
  OPTION(bool, autotune, false, Any{}, machine,                                                              \
         "time cuDNN's plans for each convolution that is new and keep the fastest (remembered in "          \
         "~/.cache/uptake; a run is then deterministic only together with that file)")                       \
  OPTION(bool, graph, true, Any{}, machine, "replay training steps on the GPU as one CUDA graph")            \
  /* Channels of input and output image; 0: not known yet. */                                                \
  OPTION(std::int64_t, input_channels, 0, between(0, 1024), data, "")                                        \
  OPTION(std::int64_t, output_channels, 0, between(0, 1024), data, "")

}  // namespace uptake::gan
