// A run that is killed goes on from its last checkpoint and ends with the bits of one that was not.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <random>

#include "tests/apps/small_run.h"

namespace fs = std::filesystem;

namespace {

int kills_wanted() {
  const char* text = std::getenv("UPTAKE_KILLS");
  return text != nullptr ? std::atoi(text) : 10;
}

std::string seconds(double value) { return std::to_string(value); }

}  // namespace

TEST_CASE("kill -9 at random moments: the run that is resumed ends with the bits of an uninterrupted one") {
  const SmallRun run;
  const auto start = std::chrono::steady_clock::now();
  REQUIRE(command(run.arguments("whole")).code == 0);
  const std::chrono::duration<double> whole = std::chrono::steady_clock::now() - start;
  constexpr unsigned kSeed = 8;
  std::mt19937 random(kSeed);
  // Most kills come while a run works; some before it has begun, and some find it finished.
  std::uniform_real_distribution<double> moment(0, 0.7 * whole.count());
  int kills = 0, finished = 0;
  for (int attempt = 0; kills < kills_wanted(); ++attempt) {
    REQUIRE(attempt < 20 * kills_wanted() + 20);
    const Ran ran = shell("'" UPTAKE_BINARY "' " + run.arguments("killed") + " & pid=$!; sleep " +
                          seconds(moment(random)) + "; kill -9 $pid 2>/dev/null; wait $pid");
    CAPTURE(kSeed);
    CAPTURE(attempt);
    CAPTURE(ran.text);
    if (ran.code == 137) {
      ++kills;
      continue;
    }
    REQUIRE(ran.code == 0);
    REQUIRE(run.same("killed", "whole"));
    CHECK(run.leftovers("killed").empty());
    fs::remove_all(run / "killed");
    ++finished;
  }
  const Ran last = command(run.arguments("killed"));
  CAPTURE(last.text);
  REQUIRE(last.code == 0);
  CHECK(run.same("killed", "whole"));
  CHECK(run.leftovers("killed").empty());
  MESSAGE(kills << " kills, " << finished + 1
                << " runs to the end, each with the bits of the uninterrupted one");
}

TEST_CASE("kill -9 at every step of writing a file: the old one or the whole new one is there") {
  const SmallRun run;
  REQUIRE(command(run.arguments("whole")).code == 0);
  for (const char* const file :
       {"open .tmp", "write .tmp", "fsync .tmp", "rename last.safetensors", "rename best.safetensors",
        "rename losses.csv", "write losses.csv", "write validation.csv"}) {
    const bool writes = std::string(file).starts_with("write");
    for (const int nth : {1, 5}) {
      for (const char* const action : {"kill", "torn"}) {
        if (std::string(action) == "torn" && !writes) continue;
        const std::string fault = std::string(file) + " " + std::to_string(nth) + " " + action;
        CAPTURE(fault);
        fs::remove_all(run / "killed");
        const Ran killed = with_fault(fault, run.arguments("killed"));
        CAPTURE(killed.text);
        // Not every file is written so often.
        REQUIRE((killed.code == 137 || (killed.code == 0 && nth > 1)));
        const Ran resumed = command(run.arguments("killed"));
        CAPTURE(resumed.text);
        REQUIRE(resumed.code == 0);
        CHECK(run.same("killed", "whole"));
        CHECK(run.leftovers("killed").empty());
      }
    }
  }
}
