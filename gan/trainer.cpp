#include "gan/trainer.h"

#include <array>
#include <cmath>
#include <deque>
#include <new>
#include <optional>
#include <ostream>
#include <sstream>

#include "gan/checkpoint_files.h"
#include "gan/data.h"
#include "gan/data_checks.h"
#include "gan/random_streams.h"
#include "gan/training_data.h"
#include "gan/validation.h"
#include "gan/validation_log.h"
#include "io/base/folder_lock.h"
#include "io/logs/csv_log.h"
#include "io/logs/progress.h"
#include "kernels/base/host.h"

namespace uptake::gan {
namespace fs = std::filesystem;
namespace {

constexpr int kLoaderThreads = 2;
constexpr std::size_t kStepsInFlight = 8;  // the host is at most so far ahead of the GPU

std::string text(double value) {
  std::ostringstream s;
  s.precision(4);
  s << value;
  return s.str();
}

std::string text(const Losses& l) {
  return "G_GAN " + text(l.g_gan) + "  G_L1 " + text(l.g_l1) + "  D_real " + text(l.d_real) + "  D_fake " +
         text(l.d_fake);
}

class Run {
 public:
  Run(const TrainRequest& request, const std::atomic<bool>& stop, std::ostream& out)
      : request_(request), stop_(stop), out_(out) {}

  TrainOutcome operator()(const std::function<void()>& on_start) {
    prepare();
    if (on_start) on_start();
    begin_bar();
    bool stopped = was_not_judged() && end_epoch();
    while (!finished() && !stopped) stopped = epoch();
    bar_->finish();
    return {stopped, info_.progress};
  }

  OptionError out_of_memory() const { return gan::out_of_memory(config(), data_ ? &data_->train : nullptr); }

 private:
  const TrainConfig& config() const { return info_.config; }
  fs::path file(const char* name) const { return request_.out / name; }
  std::int64_t last_epoch() const { return config().epochs + config().epochs_decay; }
  bool enough_steps() const { return config().steps > 0 && info_.progress.step >= config().steps; }
  bool finished() const { return info_.progress.epoch > last_epoch() || enough_steps(); }
  // Resumed, with nothing left to train, but stopped before the judgement at its end.
  bool was_not_judged() const {
    const Progress& p = info_.progress;
    return p.position > 0 && (enough_steps() || p.position >= data_->size());
  }
  std::int64_t total_steps() const {
    const std::int64_t all = last_epoch() * data_->steps_per_epoch(config().batch_size);
    return config().steps > 0 ? std::min(config().steps, all) : all;
  }

  void prepare() {
    info_.config = request_.config;
    info_.version = request_.version;
    check(info_.config);
    if (request_.resume && !holds_a_run())
      throw io::FileError(request_.out, "holds no last.safetensors to resume from");
    if (fs::exists(request_.out)) claim_folder();
    kernels::set_threads(static_cast<int>(config().threads));
    io::DatasetOptions reading = dataset_options(config());
    reading.stop = &stop_;
    data_.emplace(open_training_data(request_.data, reading, out_));
    describe(*data_, info_);
    check_training_data(*data_, request_.data, config(), reading, out_);
    if (request_.resume) require_checkpoint(files_.last());
    if (!lock_) claim_folder();
    model_.emplace(make_generator(config(), request_.machine), make_discriminator(config(), request_.machine),
                   pix2pix_options(config()));
    if (request_.resume) resume();
    open_logs();
  }

  bool holds_a_run() const { return fs::exists(files_.last()); }

  // Nobody else writes into the folder from here on.
  void claim_folder() {
    io::ensure_writable_folder(request_.out);
    lock_.emplace(request_.out);
    if (!lock_->problem().empty())
      out_ << "no lock on " << request_.out.string() << " (" << lock_->problem()
           << "): take care that no second run writes into it\n";
    if (!request_.resume && holds_a_run()) throw RunExists(request_.out);
    io::remove_leftovers(request_.out);
    io::remove_leftovers(file("samples"));
  }

  void resume() {
    const fs::path path = files_.last();
    const CheckpointInfo saved = read_checkpoint_info(path);
    if (saved.config.input_channels != config().input_channels ||
        saved.config.output_channels != config().output_channels ||
        saved.progress.data_fingerprint != info_.progress.data_fingerprint ||
        saved.progress.position > data_->size())
      throw TrainingError(path.string() + " was trained on other pairs than those in " +
                          request_.data.string() + "; a run can only be resumed on its own data");
    const std::string pixels = info_.progress.data_pixels;
    if (!saved.progress.data_pixels.empty() && saved.progress.data_pixels != pixels)
      throw TrainingError(path.string() + " was trained on pairs of the same names as those in " +
                          request_.data.string() +
                          ", but with other pixels; a run can only be resumed on its own data");
    load_checkpoint(path, *model_);
    info_.progress = saved.progress;
    info_.progress.data_pixels = pixels;
    info_.input = saved.input;
    info_.output = saved.output;
    if (saved.trained_on) info_.trained_on = saved.trained_on;
    out_ << "resuming after step " << saved.progress.step << ", in epoch " << saved.progress.epoch << "\n";
  }

  void open_logs() {
    schedule_.emplace(schedule_options(config()));
    schedule_->plateau = info_.progress.plateau;
    std::optional<std::int64_t> step, epoch;
    if (request_.resume) {
      step = info_.progress.step;
      epoch = info_.progress.epoch - 1;
    }
    losses_.emplace(file("losses.csv"),
                    std::vector<std::string>{"epoch", "lr", "G_GAN", "G_L1", "D_real", "D_fake"}, step);
    tell_repair("losses.csv", *losses_);
    if (step && *step > losses_->last_step().value_or(0))
      out_ << "losses.csv: the rows of steps " << losses_->last_step().value_or(0) + 1 << " to " << *step
           << " are lost; the run itself is not harmed\n";
    if (data_->validation) {
      metrics_.emplace(file("validation.csv"), epoch, out_);
      tell_repair("validation.csv", metrics_->log());
    }
    io::ensure_writable_folder(file("samples"));
  }

  void tell_repair(const char* name, const io::CsvLog& log) {
    if (!log.repair().empty()) out_ << name << " " << log.repair() << "\n";
  }

  void begin_bar() {
    io::ProgressOptions options;
    options.total = total_steps();
    options.start = info_.progress.step;
    options.images_per_step = config().batch_size;
    options.out = &out_;
    bar_.emplace(options);
  }

  // Runs the rest of an epoch. True: stopped before its end.
  bool epoch() {
    Progress& p = info_.progress;
    bar_->stage("epoch " + std::to_string(p.epoch) + "/" + std::to_string(last_epoch()));
    std::vector<io::Draw> draws = epoch_draws(data_->train, config(), p.epoch);
    draws.erase(draws.begin(), draws.begin() + p.position);
    const auto ahead = static_cast<std::size_t>(2 * config().batch_size + 2);
    io::PairLoader loader(data_->train, training_preparation(config()), draws, kLoaderThreads, ahead);
    while (p.position < data_->size()) {
      step(loader);
      if (enough_steps()) break;
      if (stop_) {
        save({});
        return true;
      }
      const bool by_steps = files_.due_by_steps(p) && p.position < data_->size();
      if (by_steps || files_.due_by_time()) save({.numbered = by_steps});
    }
    return end_epoch();
  }

  // A file that has vanished, or is no longer what it was, ends the run; what was learned is saved before.
  std::optional<io::Pair> next_pair(io::PairLoader& loader) {
    try {
      return loader.next();
    } catch (const io::FileError&) {
      record_losses(0);
      if (info_.progress.step > 0) save({});
      throw;
    }
  }

  void step(io::PairLoader& loader) {
    Progress& p = info_.progress;
    std::vector<nn::Tensor> inputs, targets;
    while (static_cast<std::int64_t>(inputs.size()) < config().batch_size) {
      const auto pair = next_pair(loader);
      if (!pair) break;
      const Example example = oriented(*pair, config());
      const std::int64_t multiple = model_->generator().size_multiple();
      inputs.push_back(pad_to_multiple(to_network(example.input, info_.input), multiple));
      targets.push_back(pad_to_multiple(to_network(example.target, info_.output), multiple));
    }
    const double rate = schedule_->rate(p.epoch);
    const auto number = static_cast<std::uint32_t>(p.step);
    model_->start_step(stack(inputs), stack(targets), rate, {config().seed, streams::kDropout, number});
    ++p.step;
    p.position += static_cast<std::int64_t>(inputs.size());
    ++p.epoch_steps;
    started_.push_back({p.step, p.epoch, rate});
    record_losses(kStepsInFlight);
  }

  // Takes note of the losses that have arrived, and waits until no more than `in_flight` steps are out.
  void record_losses(std::size_t in_flight) {
    Progress& p = info_.progress;
    while (const auto losses = model_->next_losses(started_.size() > in_flight)) {
      const Started step = started_.front();
      started_.pop_front();
      require_finite(*losses, step.number);
      p.epoch_l1_sum += losses->g_l1;
      losses_->append(step.number, std::array{static_cast<double>(step.epoch), step.rate, losses->g_gan,
                                              losses->g_l1, losses->d_real, losses->d_fake});
      bar_->update(step.number, text(*losses));
    }
  }

  void require_finite(const Losses& l, std::int64_t step) const {
    const std::pair<const char*, double> named[] = {
        {"G_GAN", l.g_gan}, {"G_L1", l.g_l1}, {"D_real", l.d_real}, {"D_fake", l.d_fake}};
    for (const auto& [name, value] : named)
      if (!std::isfinite(value))
        throw Diverged(
            std::string("loss ") + name + " is " + text(value) + " at step " + std::to_string(step) +
            ": training has diverged" +
            (holds_a_run() ? "; the checkpoints in " + request_.out.string() + " are from before" : ""));
  }

  // True: stopped in it, with everything as before the judgement, or right after it.
  bool end_epoch() {
    record_losses(0);
    try {
      judge_epoch();
    } catch (const io::Interrupted&) {
      save({});
      return true;
    }
    return stop_ && !finished();
  }

  // Judges the generator, keeps the best one, and turns the page.
  void judge_epoch() {
    Progress& p = info_.progress;
    double metric = p.epoch_l1_sum / static_cast<double>(p.epoch_steps);
    if (data_->validation) {
      const Summary s = validate(*data_->validation, Judged::every_pair);
      metric = s.mean.l1;
      metrics_->append(p.epoch, s.mean);
      bar_->message("epoch " + std::to_string(p.epoch) + ": validation L1 " + text(s.mean.l1) + " (" +
                    text(100 * s.mean.relative_l1) + " % of the truth), PSNR " + text(s.mean.psnr) +
                    " dB, SSIM " + text(s.mean.ssim));
    } else {
      validate(data_->train, Judged::samples);
      bar_->message("epoch " + std::to_string(p.epoch) + ": mean training G_L1 " + text(metric));
    }
    const bool best = metric < p.best_metric;
    const auto remember_best = [&] {
      if (!best) return;
      p.best_metric = metric;
      p.best_epoch = p.epoch;
    };
    if (p.position < data_->size()) {
      // `steps` ends the run within an epoch. What the run goes on from must not know of this judgement.
      save({.numbered = files_.due_by_steps(p)});
      remember_best();
      if (best) files_.save_best(info_, *model_);
      return;
    }
    const bool due = files_.due_by_epochs(p) || files_.due_by_steps(p);
    schedule_->observe(metric);
    p.plateau = schedule_->plateau;
    remember_best();
    ++p.epoch;
    p.position = p.epoch_steps = 0;
    p.epoch_l1_sum = 0;
    if (due || best || finished() || stop_) save({.best = best, .numbered = due});
  }

  Summary validate(const io::PairDataset& data, Judged judged) {
    std::string number = std::to_string(info_.progress.epoch);
    number.insert(0, number.size() < 4 ? 4 - number.size() : 0, '0');
    return gan::validate(model_->generator(), data, judged, info_,
                         file("samples") / ("epoch_" + number + ".png"), &stop_);
  }

  // Everything up to this step, on the disk: the rows of the logs before the checkpoint that expects them.
  void save(CheckpointFiles::Names names) {
    record_losses(0);
    losses_->sync();
    if (metrics_) metrics_->sync();
    files_.save(info_, *model_, names);
  }

  // A step whose losses are not in yet.
  struct Started {
    std::int64_t number, epoch;
    double rate;
  };

  const TrainRequest& request_;
  const std::atomic<bool>& stop_;
  std::ostream& out_;
  CheckpointInfo info_;
  CheckpointFiles files_{request_.out, info_.config};
  std::optional<io::FolderLock> lock_;
  std::optional<TrainingData> data_;
  std::optional<Pix2Pix> model_;
  std::optional<nn::Schedule> schedule_;
  std::optional<io::CsvLog> losses_;
  std::optional<ValidationLog> metrics_;
  std::optional<io::Progress> bar_;
  std::deque<Started> started_;
};

}  // namespace

TrainOutcome train(const TrainRequest& request, const std::atomic<bool>& stop, std::ostream& out,
                   const std::function<void()>& on_start) {
  Run run(request, stop, out);
  try {
    return run(on_start);
  } catch (const std::bad_alloc&) {
    throw run.out_of_memory();
  }
}

}  // namespace uptake::gan
