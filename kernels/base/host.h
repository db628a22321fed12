// What the CPU operations know of the machine they run on: how many threads they use, and what it can do.
//
// Any thread of a program may call CPU operations, several at the same time. Each thread that does has an OpenMP team
// of its own, of the one size that set_threads() gives to all: N threads that compute at once want N times as many
// cores. A server that computes on many threads of its own calls set_threads(1).
//
// Threads that wait for each other spin for some 10 ms before they sleep, unless GOMP_SPINCOUNT or OMP_WAIT_POLICY
// is set when the program starts (OpenMP reads them before main). On a machine that has other work to do, that
// makes a program many times slower than its fair share: start it with GOMP_SPINCOUNT=10000, as the uptake command
// does for itself.
#pragma once

namespace uptake::kernels {

/// Sets the number of threads that an operation uses, whichever thread of the process calls it. 0: one for each core
/// the process may use. Returns the number set. What an operation under way uses does not change.
int set_threads(int count);

/// What set_threads() has set; before that, what OpenMP has for the calling thread (OMP_NUM_THREADS).
int threads();

/// While alive, a library called on this thread that uses OpenMP by itself (oneDNN) uses threads() threads. The
/// program's own OpenMP settings are as before afterwards.
class ThreadsForLibrary {
 public:
  ThreadsForLibrary();
  ~ThreadsForLibrary();
  ThreadsForLibrary(const ThreadsForLibrary&) = delete;
  ThreadsForLibrary& operator=(const ThreadsForLibrary&) = delete;

 private:
  int before_;
};

/// Whether this CPU has the instructions the CPU operations were compiled for; nullptr if it has, else the
/// name of the first one missing.
const char* missing_cpu_feature();

/// Whether float convolutions run on oneDNN in this build.
bool has_onednn();

}  // namespace uptake::kernels
