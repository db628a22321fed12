// Learning-rate schedules, by epoch, as the pix2pix reference defines them.
#pragma once
#include <cstdint>
#include <limits>
#include <string>

#include "nn/enum_names.h"

namespace uptake::nn {

enum class LrPolicy { linear, step, cosine, plateau };
constexpr auto names(LrPolicy) {
  return std::to_array<std::pair<LrPolicy, const char*>>({{LrPolicy::linear, "linear"},
                                                          {LrPolicy::step, "step"},
                                                          {LrPolicy::cosine, "cosine"},
                                                          {LrPolicy::plateau, "plateau"}});
}

struct ScheduleOptions {
  LrPolicy policy = LrPolicy::linear;
  double lr = 2e-4;
  std::int64_t epochs = 100;        // at the initial rate (linear), or the period (cosine)
  std::int64_t epochs_decay = 100;  // linear: then down towards zero
  std::int64_t decay_every = 50;    // step: times 0.1 every so many epochs
};

/// The rate of each epoch, counted from 1:
///   linear   lr (1 - max(0, epoch - epochs) / (epochs_decay + 1))
///   step     lr 0.1^floor((epoch - 1) / decay_every)
///   cosine   lr (1 + cos(pi (epoch - 1) / epochs)) / 2              Loshchilov & Hutter 2017
///   plateau  times 0.2 when the metric has not fallen by 1 % of its best for more than 5 epochs, unless that
///            changes the rate by less than 1e-8
/// The rate falls after each epoch, so the last one still trains, at lr / (epochs_decay + 1). (Later versions
/// of the reference step the schedule before each epoch instead: there epoch e has the rate of e + 1, and the
/// last has 0.) The reference feeds its plateau rule a constant 0; here it is fed the validation L1.
class Schedule {
 public:
  explicit Schedule(const ScheduleOptions& options) : options_(options) {}

  /// The rate of epoch `epoch` (from 1).
  double rate(std::int64_t epoch) const;

  /// plateau: the metric of a finished epoch, smaller is better. Ignored by the other policies.
  void observe(double metric);

  /// What plateau remembers, for a checkpoint.
  struct PlateauState {
    double best = std::numeric_limits<double>::infinity();
    std::int64_t bad_epochs = 0;
    double factor = 1;
  } plateau;

 private:
  ScheduleOptions options_;
};

}  // namespace uptake::nn
