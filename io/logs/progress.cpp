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
constexpr int kPlainColumns = 80;

/// Of the standard streams; -1 for others.
int descriptor_of(const std::ostream* out) {
  if (out == &std::cout) return STDOUT_FILENO;
  return out == &std::cerr || out == &std::clog ? STDERR_FILENO : -1;
}

bool is_terminal(int descriptor) {
  const char* term = std::getenv("TERM");
  return descriptor >= 0 && ::isatty(descriptor) != 0 &&
         (term == nullptr || std::string_view(term) != "dumb");
}

int terminal_columns(int descriptor) {
  winsize size{};
  return ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kPlainColumns;
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
  descriptor_ = descriptor_of(options_.out);
  terminal_ = options_.terminal.value_or(is_terminal(descriptor_));
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
  const bool last = options_.total > 0 && done >= options_.total;
  if (!shown_ || last || now_s - shown_s_ >= interval_s()) show(!terminal_);
}

double Progress::interval_s() const {
  if (terminal_) return options_.redraw_interval_s;
  const double elapsed_s = options_.clock_s() - started_s_;
  return std::max(options_.plain_interval_s, std::min(elapsed_s / 30, 30 * options_.plain_interval_s));
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
  const int columns = options_.columns.value_or(terminal_ ? terminal_columns(descriptor_) : kPlainColumns);
  const std::string line = status(static_cast<std::size_t>(std::max(columns - 1, 1)));
  if (terminal_)
    *options_.out << '\r' << line << "\x1b[K";
  else
    *options_.out << line;
  if (end_of_line) *options_.out << '\n';
  options_.out->flush();
}

/// One line of at most `width` characters.
std::string Progress::status(std::size_t width) const {
  std::string line;
  bool full = false;
  const auto add = [&](const std::string& item) {
    const std::string more = (line.empty() ? "" : "  ") + item;
    if (item.empty()) return;
    full = full || line.size() + more.size() > width;
    if (!full) line += more;
  };
  const double speed = images_per_second();
  const bool over = options_.total > 0 && done_ >= options_.total;
  double share = 0;
  add(stage_);
  if (options_.total > 0) {
    share = std::clamp(static_cast<double>(done_) / static_cast<double>(options_.total), 0.0, 1.0);
    add(formatted("%.0f%%", std::floor(100 * share)));
  }
  if (over || finished_ || options_.total == 0)
    add(duration_text(options_.clock_s() - started_s_) + " elapsed");
  else if (speed > 0)
    add(duration_text(static_cast<double>((options_.total - done_) * options_.images_per_step) / speed) +
        " left");
  if (speed > 0) add(formatted(speed < 10 ? "%.2f img/s" : "%.1f img/s", speed));
  add("step " + std::to_string(done_));
  for (std::string_view rest = losses_; !rest.empty();) {
    const std::size_t end = std::min(rest.find("  "), rest.size());
    add(std::string(rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 2, rest.size()));
  }
  const std::size_t used = line.size() + 4;  // two spaces and the brackets
  if (terminal_ && options_.total > 0 && width >= used + kMinBarWidth)
    line += "  " + bar(share, std::min(width - used, kMaxBarWidth));
  if (line.empty()) line = std::to_string(done_).substr(0, width);
  return line;
}

}  // namespace uptake::io
