#include "io/logs/progress.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>
#include <string>

using namespace uptake::io;

namespace {

/// A Progress whose time is set by hand and whose output is kept.
struct Watched {
  std::ostringstream out;
  double now_s = 100;
  ProgressOptions options;

  explicit Watched(bool terminal) {
    options.total = 1000;
    options.out = &out;
    options.terminal = terminal;
    options.columns = 100;
    options.clock_s = [this] { return now_s; };
  }
  std::size_t count(const std::string& text) const {
    std::size_t found = 0;
    for (std::size_t at = out.str().find(text); at != std::string::npos; at = out.str().find(text, at + 1))
      ++found;
    return found;
  }
  /// What is on the screen since the last return to the start of the line, without the code that clears the
  /// rest.
  std::string last_drawn() const {
    const std::string all = out.str();
    const std::string line = all.substr(all.rfind('\r') + 1);
    return line.substr(0, line.find('\x1b'));
  }
};

}  // namespace

TEST_CASE("duration_text: seconds, minutes, hours and days") {
  CHECK(duration_text(0.9) == "0:00");
  CHECK(duration_text(7) == "0:07");
  CHECK(duration_text(12 * 60 + 34) == "12:34");
  CHECK(duration_text(3 * 3600 + 4 * 60 + 5) == "3:04:05");
  CHECK(duration_text(2 * 86400 + 3 * 3600 + 240) == "2d 03:04");
  CHECK(duration_text(-1) == "0:00");
}

TEST_CASE("Progress: without a terminal the first, the last and a line each interval are printed") {
  Watched watched(false);
  {
    Progress progress(watched.options);
    for (int step = 1; step <= 1000; ++step) {
      watched.now_s += 0.0352;  // 35.2 s in all
      progress.update(step, "G_L1 23.4");
    }
  }
  CHECK(watched.count("\n") == 5);  // step 1, three intervals of 10 s, step 1000
  CHECK(watched.count("\r") == 0);
  CHECK(watched.count("\x1b") == 0);
  CHECK(watched.out.str().starts_with("0%  0:35 left  28.4 img/s  step 1  G_L1 23.4\n"));
  CHECK(watched.out.str().ends_with("100%  0:35 elapsed  28.4 img/s  step 1000  G_L1 23.4\n"));
}

TEST_CASE("Progress: on a terminal one line is redrawn in place and ended once") {
  Watched watched(true);
  Progress progress(watched.options);
  progress.update(1, "G_L1 50");
  watched.now_s += 0.05;
  progress.update(2, "G_L1 49");  // too soon after the last one
  watched.now_s += 0.06;
  progress.update(3, "G_L1 48");
  CHECK(watched.count("\r") == 2);
  CHECK(watched.count("\n") == 0);
  CHECK(watched.count("G_L1 49") == 0);
  progress.finish();
  progress.finish();
  CHECK(watched.count("\n") == 1);
  CHECK(watched.out.str().ends_with("\n"));
}

TEST_CASE("Progress: the bar is filled in proportion") {
  Watched watched(true);
  watched.options.columns = 200;
  Progress progress(watched.options);
  progress.update(500, "");
  const std::string line = watched.last_drawn();
  CHECK(line == "50%  step 500  [" + std::string(20, '=') + ">" + std::string(19, ' ') + "]");
  watched.now_s += 1;
  progress.update(1000, "");
  CHECK(watched.last_drawn().find("[" + std::string(40, '=') + "]") != std::string::npos);
}

TEST_CASE("Progress: a line never reaches the edge of the terminal, however narrow it is") {
  for (const int columns : {1, 2, 10, 40, 60, 80, 81, 120, 200}) {
    CAPTURE(columns);
    Watched watched(true);
    watched.options.columns = columns;
    Progress progress(watched.options);
    watched.now_s += 5;
    progress.stage("epoch 123/200");
    progress.update(420, "G_GAN 0.91  G_L1 23.4  D_real 0.66  D_fake 0.66");
    CHECK(watched.last_drawn().size() <= static_cast<std::size_t>(std::max(columns - 1, 1)));
  }
}

TEST_CASE("Progress: the speed is that of the last half minute, and the time left follows from it") {
  Watched watched(false);
  watched.options.images_per_step = 4;
  watched.options.plain_interval_s = 0;
  watched.options.start = 100;
  Progress progress(watched.options);
  CHECK(progress.images_per_second() == 0);
  for (int second = 1; second <= 60; ++second) {
    watched.now_s += 1;
    progress.update(100 + second, "");
  }
  CHECK(progress.images_per_second() == doctest::Approx(4));
  for (int second = 1; second <= 40; ++second) {
    watched.now_s += 1;
    progress.update(160 + 10 * second, "");
  }
  CHECK(progress.images_per_second() == doctest::Approx(40));
  // 560 of 1000 done, 440 steps of 4 images at 40 a second: 44 s.
  CHECK(watched.out.str().find("\n56%  0:44 left  40.0 img/s  step 560\n") != std::string::npos);
}

TEST_CASE("Progress: a resumed run does not count the steps done before into its speed") {
  Watched watched(false);
  watched.options.start = 900;
  Progress progress(watched.options);
  watched.now_s += 10;
  progress.update(910, "");
  CHECK(progress.images_per_second() == doctest::Approx(1));
  CHECK(watched.count("1:30 left") == 1);
}

TEST_CASE("Progress: without a terminal a message is a plain line") {
  Watched watched(false);
  Progress progress(watched.options);
  progress.message("checkpoint written");
  CHECK(watched.out.str() == "checkpoint written\n");
}

TEST_CASE("Progress: a message stays above the bar") {
  Watched watched(true);
  Progress progress(watched.options);
  progress.update(10, "");
  progress.message("checkpoint written");
  const std::string all = watched.out.str();
  const std::size_t at = all.find("\r\x1b[Kcheckpoint written\n");
  REQUIRE(at != std::string::npos);
  CHECK(all.find("step 10", at) != std::string::npos);
}

TEST_CASE("Progress: an unknown total shows neither a bar nor a time left") {
  Watched watched(true);
  watched.options.total = 0;
  Progress progress(watched.options);
  watched.now_s += 10;
  progress.update(20, "");
  CHECK(watched.last_drawn() == "0:10 elapsed  2.00 img/s  step 20");
}

TEST_CASE("Progress: nothing is printed when nothing was done") {
  for (const bool terminal : {false, true}) {
    Watched watched(terminal);
    { Progress progress(watched.options); }
    CHECK(watched.out.str().empty());
  }
}

TEST_CASE("Progress: a state not yet shown is printed when the work ends early") {
  Watched watched(false);
  {
    Progress progress(watched.options);
    progress.update(1, "");
    watched.now_s += 2;
    progress.update(5, "");
  }
  CHECK(watched.count("step 5\n") == 1);
}

TEST_CASE("Progress: epoch, share, time left and speed come first, whole items after them, on 80 columns") {
  for (const bool terminal : {false, true}) {
    CAPTURE(terminal);
    Watched watched(terminal);
    watched.options.columns.reset();  // what is no terminal has 80 columns
    watched.options.total = 123456;
    Progress progress(watched.options);
    progress.stage("epoch 123/200");
    watched.now_s += 1;
    progress.update(61, "G_GAN 0.9123  G_L1 23.45  D_real 0.6612  D_fake 0.6987");
    const std::string line =
        terminal ? watched.last_drawn() : watched.out.str().substr(0, watched.out.str().find('\n'));
    CHECK(line == "epoch 123/200  0%  33:42 left  61.0 img/s  step 61  G_GAN 0.9123  G_L1 23.45");
    CHECK(line.size() < 80);
  }
}

TEST_CASE("Progress: a long run prints ever fewer plain lines, at least one in five minutes") {
  Watched watched(false);
  watched.options.total = 100000;
  Progress progress(watched.options);
  for (int second = 1; second <= 86400; ++second) {
    watched.now_s += 1;
    progress.update(second, "");
  }
  CHECK(watched.count("\n") > 86400 / 300);
  CHECK(watched.count("\n") < 600);
}

TEST_CASE("Progress: a stream that is no standard stream is no terminal, whatever standard error is") {
  Watched watched(false);
  watched.options.terminal.reset();
  Progress progress(watched.options);
  progress.update(1, "");
  CHECK(watched.count("\x1b") == 0);
}
