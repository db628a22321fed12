// How far a long computation is: one line redrawn in place on a terminal, plain lines now and then elsewhere.
//
//   training [=========>          ]  420/1000  G_GAN 0.91  G_L1 23.4  61.2 img/s  1:03 elapsed  1:27 left
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
  std::string title;       // "training"
  std::int64_t total = 0;  // steps in all; 0 when not known
  std::int64_t start = 0;  // steps done before (a resumed run): not counted into the speed
  std::int64_t images_per_step = 1;
  double plain_interval_s = 10;     // between plain lines
  double redraw_interval_s = 0.1;   // between redraws on a terminal
  std::ostream* out = nullptr;      // default std::cerr, so that redirected output stays clean
  std::optional<bool> terminal;     // default: whether standard error is one and TERM is not "dumb"
  std::optional<int> columns;       // width of the terminal; default: asked at each redraw
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

  /// `done` steps of the total are done. `losses` is shown as it is ("G_GAN 0.91  G_L1 23.4"). The first and
  /// the last step are always shown, others when the interval has passed.
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
  std::string status(std::size_t width) const;

  ProgressOptions options_;
  bool terminal_ = false, shown_ = false, finished_ = false;
  std::int64_t done_ = 0, shown_done_ = -1;
  double started_s_ = 0, shown_s_ = 0;
  std::string losses_;
  std::deque<Sample> recent_;  // at most one a second, of the last half minute
};

/// "0:07", "12:34", "3:04:05", "2d 03:04".
std::string duration_text(double seconds);

}  // namespace uptake::io
