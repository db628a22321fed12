#include <doctest/doctest.h>

#include "tests/apps/command.h"

namespace {

// GNU's OpenMP shows what it has read, each time the program starts.
Ran shown(const std::string& environment, const std::string& arguments = "--version") {
  return shell("env -u GOMP_SPINCOUNT -u OMP_WAIT_POLICY OMP_DISPLAY_ENV=verbose " + environment +
               " '" UPTAKE_BINARY "' " + arguments);
}

int starts(const Ran& ran) {
  int count = 0;
  for (auto at = ran.text.find("DISPLAY ENVIRONMENT BEGIN"); at != std::string::npos;
       at = ran.text.find("DISPLAY ENVIRONMENT BEGIN", at + 1))
    ++count;
  return count;
}

}  // namespace

TEST_CASE("uptake: OpenMP's threads do not spin for long, unless the user says how they are to wait") {
  const Ran plain = shown("");
  REQUIRE(starts(plain) > 0);  // otherwise this is another OpenMP, and nothing is known of it
  CHECK(plain.code == 0);
  CHECK(starts(plain) == 2);
  CHECK(plain.says("GOMP_SPINCOUNT = '10000'"));
  CHECK(plain.says("backend  CPU"));

  const Ran own = shown("GOMP_SPINCOUNT=77");
  CHECK(starts(own) == 1);
  CHECK(own.says("GOMP_SPINCOUNT = '77'"));
  const Ran active = shown("OMP_WAIT_POLICY=active");
  CHECK(starts(active) == 1);
  CHECK_FALSE(active.says("GOMP_SPINCOUNT = '10000'"));
}

TEST_CASE("uptake: the second start keeps the arguments, the exit code, the name and the process") {
  const Ran wrong = shown("", "translate --out 'a b' --modle");
  CHECK(wrong.code == 2);
  CHECK(wrong.says("did you mean --model?"));
  // A cohort of so many patients takes minutes, in which the command can be looked at.
  const TemporaryFolder folder;
  const Ran ran =
      shell("env -u GOMP_SPINCOUNT -u OMP_WAIT_POLICY '" UPTAKE_BINARY "' phantom --patients 99999 --out " +
            quoted(folder / "cohort") +
            " >/dev/null 2>&1 & pid=$!; for i in $(seq 500); do "
            "grep -qz GOMP_SPINCOUNT /proc/$pid/environ && break; sleep 0.02; done; "
            "sleep 0.1; cat /proc/$pid/comm; tr '\\0' ' ' </proc/$pid/cmdline; kill $pid; wait $pid; "
            "echo code $?");
  CAPTURE(ran.text);
  CHECK(ran.says("uptake\n"));
  CHECK(ran.says("uptake phantom "));
  CHECK(ran.says("code 143"));
}
