#include "gan/trainer.h"

#include <array>
#include <cmath>
#include <deque>
#include <new>
#include <optional>
#include <ostream>
#include <sstream>

#include "gan/data.h"
#include "gan/data_checks.h"
#include "gan/random_streams.h"
#include "gan/training_data.h"
#include "gan/validation.h"
#include "io/base/file.h"
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
    bool stopped = false;
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
  std::int64_t total_steps() const {
    const std::int64_t all = last_epoch() * data_->steps_per_epoch(config().batch_size);
    return config().steps > 0 ? std::min(config().steps, all) : all;
  }

  void prepare() {
    info_.config = request_.config;
    info_.version = request_.version;
    check(info_.config);
    const bool holds_a_run = fs::exists(file("last.safetensors"));
    if (request_.resume && !holds_a_run)
      throw io::FileError(request_.out, "holds no last.safetensors to resume from");
    if (!request_.resume && holds_a_run) throw RunExists(request_.out);
    kernels::set_threads(static_cast<int>(config().threads));
    io::DatasetOptions reading = dataset_options(config());
    reading.skip_bad = request_.skip_bad;
    data_.emplace(open_training_data(request_.data, reading, out_));
    describe(*data_, info_);
    check_training_data(*data_, request_.data, config(), reading, out_);
    if (request_.resume) require_checkpoint(file("last.safetensors"));
    io::ensure_writable_folder(request_.out);
    model_.emplace(make_generator(config(), request_.machine), make_discriminator(config(), request_.machine),
                   pix2pix_options(config()));
    if (request_.resume) resume();
    open_logs();
  }

  void resume() {
    const fs::path path = file("last.safetensors");
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
    if (data_->validation)
      metrics_.emplace(file("validation.csv"), std::vector<std::string>{"L1", "PSNR", "SSIM"}, epoch);
    io::ensure_writable_folder(file("samples"));
  }

  void begin_bar() {
    io::ProgressOptions options;
    options.title = "training";
    options.total = total_steps();
    options.start = info_.progress.step;
    options.images_per_step = config().batch_size;
    options.out = &out_;
    bar_.emplace(options);
  }

  // Runs the rest of an epoch. True: stopped in the middle of it.
  bool epoch() {
    Progress& p = info_.progress;
    std::vector<io::Draw> draws = epoch_draws(data_->train, config(), p.epoch);
    draws.erase(draws.begin(), draws.begin() + p.position);
    const auto ahead = static_cast<std::size_t>(2 * config().batch_size + 2);
    io::PairLoader loader(data_->train, training_preparation(config()), draws, kLoaderThreads, ahead);
    while (p.position < data_->size()) {
      step(loader);
      if (enough_steps()) break;
      if (stop_) {
        record_losses(0);
        save("last.safetensors");
        return true;
      }
    }
    end_of_epoch();
    return false;
  }

  void step(io::PairLoader& loader) {
    Progress& p = info_.progress;
    std::vector<nn::Tensor> inputs, targets;
    while (static_cast<std::int64_t>(inputs.size()) < config().batch_size) {
      const auto pair = loader.next();
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
        throw Diverged(std::string("loss ") + name + " is " + text(value) + " at step " +
                       std::to_string(step) + ": training has diverged" +
                       (fs::exists(file("last.safetensors"))
                            ? "; the checkpoints in " + request_.out.string() + " are from before"
                            : ""));
  }

  // Judges the generator, keeps the best one, and turns the page.
  void end_of_epoch() {
    record_losses(0);
    Progress& p = info_.progress;
    double metric = p.epoch_l1_sum / static_cast<double>(p.epoch_steps);
    if (data_->validation) {
      const Summary s = validate(*data_->validation, Judged::every_pair);
      metric = s.mean.l1;
      metrics_->append(p.epoch, std::array{s.mean.l1, s.mean.psnr, s.mean.ssim});
      bar_->message("epoch " + std::to_string(p.epoch) + ": validation L1 " + text(s.mean.l1) + ", PSNR " +
                    text(s.mean.psnr) + " dB, SSIM " + text(s.mean.ssim));
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
      save("last.safetensors");
      remember_best();
      if (best) save("best.safetensors");
      return;
    }
    schedule_->observe(metric);
    p.plateau = schedule_->plateau;
    remember_best();
    ++p.epoch;
    p.position = p.epoch_steps = 0;
    p.epoch_l1_sum = 0;
    save("last.safetensors");
    if (best) save("best.safetensors");
  }

  Summary validate(const io::PairDataset& data, Judged judged) {
    std::string number = std::to_string(info_.progress.epoch);
    number.insert(0, number.size() < 4 ? 4 - number.size() : 0, '0');
    return gan::validate(model_->generator(), data, judged, info_,
                         file("samples") / ("epoch_" + number + ".png"), nullptr);
  }

  void save(const char* name) {
    if (!model_->generator().store().values().all_finite() ||
        !model_->discriminator().store().values().all_finite())
      throw Diverged("the weights are no longer finite after step " + std::to_string(info_.progress.step) +
                     ": training has diverged; nothing was saved");
    save_checkpoint(file(name), info_, *model_);
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
  std::optional<TrainingData> data_;
  std::optional<Pix2Pix> model_;
  std::optional<nn::Schedule> schedule_;
  std::optional<io::CsvLog> losses_, metrics_;
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
