// How far a long computation is: one line redrawn in place on a terminal, plain lines now and then elsewhere.
//
//   epoch 3/200  42%  1:27:05 left  61.2 img/s  step 420  G_GAN 0.91  G_L1 23.4  D_real 0.66
//
// What does not fit into the width of the terminal, or into 80 columns, is left out, the last first.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

namespace uptake::io {

struct ProgressOptions {
  std::int64_t total = 0;  // steps in all; 0 when not known
  std::int64_t start = 0;  // steps done before (a resumed run): not counted into the speed
  std::int64_t images_per_step = 1;
  double plain_interval_s =
      10;  // between plain lines at first; later a 30th of the time elapsed, to 30 times this
  double redraw_interval_s = 0.1;  // between redraws on a terminal
  std::ostream* out = nullptr;     // default std::cerr
  std::optional<bool>
      terminal;                // default: whether `out` is one (std::cout, std::cerr) and TERM is not "dumb"
  std::optional<int> columns;  // width of the terminal; default: asked at each redraw
  std::function<double()> clock_s;  // seconds that never go back; default: steady clock
};

/// Used by one thread.
class Progress {
 public:
  explicit Progress(ProgressOptions options);
  /// Ends the line as finish() does, when it was not called (an exception): the message to come starts a new
  /// line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// What is shown first from now on: "epoch 3/200".
  void stage(std::string_view name) { stage_ = name; }

  /// `done` steps of the total are done. `losses` are items with two spaces between ("G_GAN 0.91  G_L1 23.4"). The first
  /// and the last step are always shown, others when the interval has passed.
  void update(std::int64_t done, std::string_view losses);

  /// A line of its own that stays, above the bar.
  void message(std::string_view text);

  /// Shows the last state once more and ends the line. Later calls do nothing.
  void finish();

  /// Images per second over the last half minute, 0 before the first update.
  double images_per_second() const;

 private:
  struct Sample {
    double time_s;
    std::int64_t done;
  };
  void show(bool end_of_line);
  double interval_s() const;
  std::string status(std::size_t width) const;

  ProgressOptions options_;
  bool terminal_ = false, shown_ = false, finished_ = false;
  std::int64_t done_ = 0, shown_done_ = -1;
  double started_s_ = 0, shown_s_ = 0;
  int descriptor_ = -1;  // of the terminal
  std::string stage_, losses_;
  std::deque<Sample> recent_;  // at most one a second, of the last half minute
};

/// "0:07", "12:34", "3:04:05", "2d 03:04".
std::string duration_text(double seconds);

}  // namespace uptake::io
