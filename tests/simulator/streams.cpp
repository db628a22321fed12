#include "tests/simulator/streams.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace uptake::sim {

Queues& queues() {
  static Queues& instance = *new Queues;  // outlives every static object that may still use the device
  return instance;
}

Queues::Queues() {
  const char* asked = std::getenv("UPTAKE_SIMULATOR_STREAMS");
  if (asked != nullptr && std::string_view(asked) == "lazy") mode = Streams::lazy;
}

void Graph::run(bool last_first) const {
  if (!last_first) {
    for (const Node& node : nodes) node.work();
    return;
  }
  std::vector<char> done(nodes.size());
  for (std::size_t left = nodes.size(); left > 0; --left) {
    std::size_t i = nodes.size();
    const auto may_run = [&](std::size_t n) {
      return !done[n] && std::all_of(nodes[n].after.begin(), nodes[n].after.end(),
                                     [&](std::size_t before) { return done[before] != 0; });
    };
    while (!may_run(--i)) {
    }
    done[i] = 1;
    nodes[i].work();
  }
}

bool Graph::all_before(const std::vector<std::size_t>& ends) const {
  std::vector<char> reached(nodes.size());
  for (const std::size_t end : ends) reached[end] = 1;
  for (std::size_t i = nodes.size(); i-- > 0;)  // a node comes after nodes with smaller numbers only
    if (reached[i])
      for (const std::size_t before : nodes[i].after) reached[before] = 1;
  return std::all_of(reached.begin(), reached.end(), [](char c) { return c != 0; });
}

void Queue::add(Work work) {
  if (capture_) {
    auto& nodes = capture_->graph.nodes;
    nodes.push_back({std::move(work), ends_});
    ends_ = {nodes.size() - 1};
    return;
  }
  queues().order_with_default(*this);
  if (queues().mode == Streams::eager)
    work();
  else
    work_.push_back({queues().next_number(), std::move(work)});
}

std::shared_ptr<Record> Queue::record() {
  auto record = std::make_shared<Record>();
  record->queue = shared_from_this();
  if (capture_) {
    record->capture = capture_;
    record->ends = ends_;
  } else {
    add([record] {
      record->done = true;
      record->time = std::chrono::steady_clock::now();
    });
  }
  return record;
}

void Queue::wait_for(const std::shared_ptr<Record>& record) {
  if (record->capture) {
    if (!capture_) begin_capture(record->capture, {});
    for (const std::size_t end : record->ends)
      if (std::find(ends_.begin(), ends_.end(), end) == ends_.end()) ends_.push_back(end);
  } else {
    add([record] { record->queue->run_until(*record); });
  }
}

void Queue::run_one() {
  const Work work = std::move(work_.front().work);
  work_.pop_front();
  work();
}

void Queue::run_all() {
  while (!work_.empty()) run_one();
}

void Queue::run_until(const Record& record) {
  while (!record.done && !work_.empty()) run_one();
}

void Queue::begin_capture(std::shared_ptr<Capture> capture, std::vector<std::size_t> after) {
  capture->queues.push_back(shared_from_this());
  capture_ = std::move(capture);
  ends_ = std::move(after);
}

void Queue::end_capture() {
  capture_ = nullptr;
  ends_.clear();
}

std::shared_ptr<Queue> Queues::create(bool waits_for_default) {
  drop_unused();
  queues_.push_back(std::make_shared<Queue>(waits_for_default));
  return queues_.back();
}

void Queues::drop_unused() {
  std::erase_if(queues_, [](const auto& queue) { return queue.use_count() == 1 && queue->empty(); });
}

void Queues::run_all() {
  for (;;) {
    Queue* worst = default_->empty() ? nullptr : default_.get();
    for (const auto& queue : queues_)
      if (!queue->empty() && (worst == nullptr || queue->oldest() > worst->oldest())) worst = queue.get();
    if (worst == nullptr) return;
    worst->run_all();
  }
}

void Queues::order_with_default(const Queue& queue) {
  if (&queue == default_.get()) {
    for (const auto& other : queues_)
      if (other->waits_for_default()) other->run_all();
  } else if (queue.waits_for_default()) {
    default_->run_all();
  }
}

void Queues::forget() {
  default_->forget();
  for (const auto& queue : queues_) queue->forget();
}

}  // namespace uptake::sim
