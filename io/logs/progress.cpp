#include "io/logs/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>

namespace uptake::io {
namespace {

constexpr double kWindow_s = 30;
constexpr std::size_t kMaxBarWidth = 40, kMinBarWidth = 8;

bool standard_error_is_terminal() {
  const char* term = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) != 0 && (term == nullptr || std::string_view(term) != "dumb");
}

int terminal_columns() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

template <class... Numbers>
std::string formatted(const char* format, Numbers... numbers) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, numbers...);
  return text.data();
}

std::string bar(double share, std::size_t width) {
  const auto filled = static_cast<std::size_t>(share * static_cast<double>(width));
  std::string text(width, ' ');
  std::fill_n(text.begin(), std::min(filled, width), '=');
  if (filled < width) text[filled] = '>';
  return "[" + text + "]";
}

}  // namespace

std::string duration_text(double seconds) {
  const auto total = static_cast<long long>(std::clamp(seconds, 0.0, 1e12));
  const long long days = total / 86400, hours = total / 3600 % 24, minutes = total / 60 % 60,
                  rest = total % 60;
  if (days > 0) return formatted("%lldd %02lld:%02lld", days, hours, minutes);
  if (hours > 0) return formatted("%lld:%02lld:%02lld", hours, minutes, rest);
  return formatted("%lld:%02lld", minutes, rest);
}

Progress::Progress(ProgressOptions options) : options_(std::move(options)), done_(options_.start) {
  if (options_.out == nullptr) options_.out = &std::cerr;
  if (!options_.clock_s) options_.clock_s = steady_seconds;
  terminal_ = options_.terminal.value_or(standard_error_is_terminal());
  started_s_ = options_.clock_s();
  recent_.push_back({started_s_, options_.start});
}

Progress::~Progress() {
  try {
    finish();
  } catch (...) {  // a stream that throws must not end the program
  }
}

double Progress::images_per_second() const {
  if (recent_.size() < 2) return 0;
  const double seconds = recent_.back().time_s - recent_.front().time_s;
  const auto steps = static_cast<double>(recent_.back().done - recent_.front().done);
  return seconds > 0 ? steps * static_cast<double>(options_.images_per_step) / seconds : 0;
}

void Progress::update(std::int64_t done, std::string_view losses) {
  const double now_s = options_.clock_s();
  done_ = done;
  losses_ = losses;
  // The newest sample moves until it is a second after the one before, so the window holds few of them.
  if (recent_.size() >= 2 && recent_.back().time_s - recent_[recent_.size() - 2].time_s < 1)
    recent_.pop_back();
  recent_.push_back({now_s, done});
  while (recent_.size() > 2 && now_s - recent_[1].time_s >= kWindow_s) recent_.pop_front();
  const double interval_s = terminal_ ? options_.redraw_interval_s : options_.plain_interval_s;
  const bool last = options_.total > 0 && done >= options_.total;
  if (!shown_ || last || now_s - shown_s_ >= interval_s) show(!terminal_);
}

void Progress::message(std::string_view text) {
  if (terminal_) *options_.out << "\r\x1b[K";
  *options_.out << text << '\n';
  if (terminal_ && shown_ && !finished_) show(false);
  options_.out->flush();
}

void Progress::finish() {
  if (finished_) return;
  finished_ = true;
  if (shown_ && (terminal_ || shown_done_ != done_)) show(true);
}

void Progress::show(bool end_of_line) {
  shown_ = true;
  shown_done_ = done_;
  shown_s_ = options_.clock_s();
  if (terminal_) {
    const int columns = options_.columns.value_or(terminal_columns());
    *options_.out << '\r' << status(static_cast<std::size_t>(std::max(columns - 1, 1))) << "\x1b[K";
  } else {
    *options_.out << status(0);
  }
  if (end_of_line) *options_.out << '\n';
  options_.out->flush();
}

/// One line; width 0 is a plain line of any length without a bar.
std::string Progress::status(std::size_t width) const {
  std::string count = std::to_string(done_);
  std::string tail;
  const double elapsed_s = options_.clock_s() - started_s_, speed = images_per_second();
  double share = 0;
  if (options_.total > 0) {
    share = std::clamp(static_cast<double>(done_) / static_cast<double>(options_.total), 0.0, 1.0);
    count += "/" + std::to_string(options_.total);
  }
  if (!losses_.empty()) tail += "  " + losses_;
  if (speed > 0) tail += "  " + formatted(speed < 10 ? "%.2f img/s" : "%.1f img/s", speed);
  tail += "  " + duration_text(elapsed_s) + " elapsed";
  if (speed > 0 && options_.total > done_) {
    const auto images = static_cast<double>((options_.total - done_) * options_.images_per_step);
    tail += "  " + duration_text(images / speed) + " left";
  }
  std::string line = options_.title.empty() ? "" : options_.title + " ";
  const std::size_t rest = line.size() + count.size() + tail.size() + 3;  // brackets and a space
  if (options_.total > 0 && width >= rest + kMinBarWidth) {
    line += bar(share, std::min(width - rest, kMaxBarWidth)) + " ";
  }
  line += count + tail;
  if (width > 0 && line.size() > width) line.resize(width);  // a wrapped line could not be redrawn in place
  return line;
}

}  // namespace uptake::io
