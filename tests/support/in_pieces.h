// A training run in as many pieces as there can be.
#pragma once
#include <atomic>
#include <functional>
#include <ostream>
#include <sstream>

#include "gan/trainer.h"

/// Trains, stopped after every step and after every judgement at the end of an epoch of `pairs` pairs, and resumed until
/// it is done; `between` may change the request in between. Returns the number of pieces.
inline int train_in_pieces(uptake::gan::TrainRequest request, std::int64_t pairs,
                           const std::function<void(uptake::gan::TrainRequest&)>& between = {}) {
  struct StopWhenTold : std::stringbuf {
    std::atomic<bool> stop = false;
    int sync() override {
      stop = true;
      return 0;
    }
  };
  bool to_be_judged = false;
  for (int pieces = 1;; ++pieces) {
    StopWhenTold told;
    std::ostream out(&told);
    const auto on_start = [&] { told.stop = !to_be_judged; };
    const uptake::gan::TrainOutcome outcome = uptake::gan::train(request, told.stop, out, on_start);
    if (!outcome.stopped) return pieces;
    to_be_judged = outcome.progress.position >= pairs;
    request.resume = true;
    if (between) between(request);
  }
}
