#include "io/pairs/loader.h"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "io/base/file.h"

namespace uptake::io {
namespace {

Image prepare(Image image, const Preparation& how, const Draw& draw) {
  const std::int64_t load_h = how.load_h == 0 ? image.height : how.load_h;
  const std::int64_t load_w = how.load_w == 0 ? image.width : how.load_w;
  if (load_h != image.height || load_w != image.width) image = resize_bicubic(image, load_h, load_w);
  const std::int64_t crop_h = how.crop_h == 0 ? load_h : how.crop_h;
  const std::int64_t crop_w = how.crop_w == 0 ? load_w : how.crop_w;
  if (crop_h != load_h || crop_w != load_w) image = crop(image, draw.crop_y, draw.crop_x, crop_h, crop_w);
  return draw.flip ? flip_horizontal(image) : image;
}

}  // namespace

Pair prepare(Pair pair, const Preparation& preparation, const Draw& draw) {
  pair.a = prepare(std::move(pair.a), preparation, draw);
  pair.b = prepare(std::move(pair.b), preparation, draw);
  return pair;
}

struct PairLoader::State {
  struct Slot {
    std::optional<Pair> pair;
    std::exception_ptr failure;
    bool done = false;
  };

  State(const PairDataset& data, const Preparation& how, std::vector<Draw> which, std::size_t ahead)
      : dataset(data), preparation(how), draws(std::move(which)), slots(ahead) {}

  ~State() {
    {
      const std::lock_guard lock(mutex);
      stop = true;
    }
    changed.notify_all();
    threads.clear();  // joins
  }

  /// One thread: claim the next draw as soon as its slot is free, prepare it, put it there.
  void work() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock,
                   [&] { return stop || claimed == draws.size() || claimed < handed_out + slots.size(); });
      if (stop || claimed == draws.size()) return;
      const std::size_t turn = claimed++;
      lock.unlock();
      Slot result = make(draws[turn]);
      lock.lock();
      slots[turn % slots.size()] = std::move(result);
      changed.notify_all();
    }
  }

  Slot make(const Draw& draw) const {
    Slot slot;
    slot.done = true;
    try {
      slot.pair = prepare(dataset.load(draw.index), preparation, draw);
    } catch (const FileError&) {
      slot.failure = std::current_exception();
    } catch (const std::bad_alloc&) {
      slot.failure = std::current_exception();  // whoever knows what all was wanted says it
    } catch (const std::exception& error) {
      slot.failure = std::make_exception_ptr(FileError(dataset.entry(draw.index).a, error.what()));
    }
    return slot;
  }

  const PairDataset& dataset;
  const Preparation preparation;
  const std::vector<Draw> draws;

  std::mutex mutex;  // guards everything below
  std::condition_variable changed;
  std::vector<Slot> slots;  // a ring: draw i is prepared in slot i % size
  std::size_t claimed = 0, handed_out = 0;
  bool stop = false;
  std::vector<std::jthread> threads;
};

PairLoader::PairLoader(const PairDataset& dataset, const Preparation& preparation, std::vector<Draw> draws,
                       int threads, std::size_t ahead) {
  if (threads < 1 || ahead < 1)
    throw std::invalid_argument("a loader needs at least one thread and room for one pair, got " +
                                std::to_string(threads) + " threads and room for " + std::to_string(ahead));
  for (const Draw& draw : draws)
    if (draw.index >= dataset.size())
      throw std::invalid_argument("pair " + std::to_string(draw.index) + " of a data set of " +
                                  std::to_string(dataset.size()));
  state_ = std::make_unique<State>(dataset, preparation, std::move(draws), ahead);
  for (int t = 0; t < threads; ++t) state_->threads.emplace_back([state = state_.get()] { state->work(); });
}

PairLoader::~PairLoader() = default;

std::optional<Pair> PairLoader::next() {
  std::unique_lock lock(state_->mutex);
  if (state_->handed_out == state_->draws.size()) return std::nullopt;
  State::Slot& slot = state_->slots[state_->handed_out % state_->slots.size()];
  state_->changed.wait(lock, [&] { return slot.done; });
  State::Slot result = std::exchange(slot, {});
  ++state_->handed_out;
  state_->changed.notify_all();
  if (result.failure) std::rethrow_exception(result.failure);
  return std::move(result.pair);
}

}  // namespace uptake::io
