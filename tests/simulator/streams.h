// Streams and graphs of the simulated device. A stream is a queue of work. In eager mode a queue never holds
// anything; in lazy mode work stays in it until somebody waits for it, so what was not waited for has not happened
// yet: a forgotten wait shows.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "simulator/runtime_types.h"
#include "tests/simulator/simulator.h"

namespace uptake::sim {

using Work = std::function<void()>;

/// What a capture has recorded and a graph replays. A node runs after the nodes it depends on.
struct Graph {
  struct Node {
    Work work;
    std::vector<std::size_t> after;
  };
  std::vector<Node> nodes;

  /// In the order of recording, or always the last node that may run: that shows a missing dependency.
  void run(bool last_first) const;
  /// Whether every node is one of `ends` or comes before one of them.
  bool all_before(const std::vector<std::size_t>& ends) const;
};

class Queue;

/// A capture in progress.
struct Capture {
  Graph graph;
  std::vector<std::shared_ptr<Queue>> queues;  // that of the beginning first
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  std::thread::id owner;
  bool invalid = false;  // something was done that cannot be captured
};

/// One recording of an event: a point in a queue, or during a capture a point in the graph.
struct Record {
  std::shared_ptr<Queue> queue;
  bool done = false;
  std::chrono::steady_clock::time_point time;
  std::shared_ptr<Capture> capture;
  std::vector<std::size_t> ends;
};

class Queue : public std::enable_shared_from_this<Queue> {
 public:
  explicit Queue(bool waits_for_default) : waits_for_default_(waits_for_default) {}

  /// Runs the work (eager), keeps it (lazy) or makes it a node of the graph (during a capture).
  void add(Work work);
  std::shared_ptr<Record> record();
  /// What is added from now on comes after the record.
  void wait_for(const std::shared_ptr<Record>& record);

  void run_all();
  void run_until(const Record& record);
  bool empty() const { return work_.empty(); }
  std::uint64_t oldest() const { return work_.front().number; }
  void forget() { work_.clear(); }

  bool waits_for_default() const { return waits_for_default_; }
  void begin_capture(std::shared_ptr<Capture> capture, std::vector<std::size_t> after);
  void end_capture();
  const std::shared_ptr<Capture>& capture() const { return capture_; }
  const std::vector<std::size_t>& ends() const { return ends_; }

 private:
  struct Numbered {
    std::uint64_t number;  // counted over all queues
    Work work;
  };
  void run_one();

  bool waits_for_default_;
  std::deque<Numbered> work_;
  std::shared_ptr<Capture> capture_;
  std::vector<std::size_t> ends_;  // the nodes that the next node comes after
};

/// All queues of the device, those of destroyed streams that still hold work included.
class Queues {
 public:
  Queues();
  Streams mode = Streams::eager;

  std::shared_ptr<Queue> create(bool waits_for_default);
  Queue& default_queue() { return *default_; }
  /// Everything, in the worst order that the program allows: of all queues, the one whose oldest work was added
  /// last goes first.
  void run_all();
  /// The default stream and those that wait for it wait for each other.
  void order_with_default(const Queue& queue);
  void forget();
  std::uint64_t next_number() { return number_++; }

 private:
  void drop_unused();

  std::vector<std::shared_ptr<Queue>> queues_;
  std::shared_ptr<Queue> default_ = std::make_shared<Queue>(true);
  std::uint64_t number_ = 0;
};

Queues& queues();

}  // namespace uptake::sim
