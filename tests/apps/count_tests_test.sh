#!/usr/bin/env bash
# Proves that scripts/count-tests misses no failure. Usage: count_tests_test.sh COUNTER
set -euo pipefail
counter=$1
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# expect "PASSED FAILED SKIPPED" NAME, with the log on standard input
expect() {
  cat >"$log"
  local counts
  counts=$("$counter" "$log")
  [[ $counts == "$1" ]] || {
    echo "FAILED: $2: expected $1, got $counts"
    exit 1
  }
}

expect "26 0 0" "a program whose cases all pass" <<'LOG'
2: [doctest] test cases:  26 |  26 passed | 0 failed | 0 skipped
1/1 Test #2: io ...............................   Passed    0.68 sec
LOG
expect "30 2 0" "two programs, failed cases, a case left out by a filter" <<'LOG'
1: [doctest] test cases:  10 |  8 passed | 1 failed | 1 skipped
 1/2 Test  #1: io ...............................***Failed    0.68 sec
12: [doctest] test cases:  23 |  22 passed | 1 failed | 0 skipped
 2/2 Test #12: nn ...............................***Failed    0.68 sec
LOG
expect "3 0 2" "cases that said SKIPPED, one of them twice" <<'LOG'
4: TEST CASE:  reads real data
4: /x/a_test.cpp:7: MESSAGE: SKIPPED: no real data
4: TEST CASE:  needs a device
4: /x/b_test.cpp:7: MESSAGE: SKIPPED: no device
4: /x/b_test.cpp:9: MESSAGE: SKIPPED: no second device
4: [doctest] test cases:  5 |  5 passed | 0 failed | 0 skipped
1/1 Test #4: io ...............................   Passed    0.68 sec
LOG
expect "5 1 0" "a leak found after every case has passed" <<'LOG'
4: [doctest] test cases:  5 |  5 passed | 0 failed | 0 skipped
4: ==1==ERROR: LeakSanitizer: detected memory leaks
1/1 Test #4: io ...............................***Failed    0.68 sec
LOG
expect "0 3 0" "a crash, a timeout and a program that is not there: no summary" <<'LOG'
4: TEST CASE:  crashes
1/3 Test #4: io ...............................***Exception: SegFault  0.68 sec
2/3 Test #5: nn ...............................***Timeout 1200.00 sec
3/3 Test #6: gan ..............................***Not Run   0.00 sec
LOG
expect "0 0 1" "a program that says it cannot run here" <<'LOG'
1/1 Test #4: cuda_gpu .........................***Skipped   0.04 sec
LOG
expect "1 1 0" "tests that are no doctest programs" <<'LOG'
1/2 Test #5: layers ...........................   Passed    0.69 sec
2/2 Test #6: install ..........................***Failed    1.65 sec
LOG
